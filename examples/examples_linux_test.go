// Package examples_test runs every example, and every command of the README, as a user would.
package examples_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/internal/proctest"
)

func TestMain(m *testing.M) {
	proctest.Main(m, map[string]func([]string){"shell": shell})
}

// shell DIR SCRIPT runs a script in DIR, on a machine whose /dev/shm is its own: the names there are those that users have.
func shell(args []string) {
	proctest.Die(proctest.Private())
	proctest.Die(unix.Mount("none", "/dev/shm", "tmpfs", 0, ""))
	proctest.Die(os.Chdir(args[0]))
	out, err := exec.Command("bash", "-euo", "pipefail", "-c", args[1]).CombinedOutput()
	proctest.Say("ended %q", fmt.Sprint(err))
	proctest.Say("said %q", out)
}

// run runs a script in a new folder, whose bin holds the programs given ("./examples/hello"), and returns what it said.
func run(t *testing.T, script string, programs ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, p := range programs {
		build(t, p, filepath.Join(dir, "bin", filepath.Base(p)))
	}
	path := "PATH=" + filepath.Join(dir, "bin") + ":" + os.Getenv("PATH")
	p := proctest.Config{Attr: proctest.MountNamespace(), Env: []string{path}}.Start(t, "shell", dir, script)
	var ended, said string
	_, err := fmt.Sscanf(p.Line(), "ended %q", &ended)
	require.NoError(t, err)
	_, err = fmt.Sscanf(p.Line(), "said %q", &said)
	require.NoError(t, err)
	require.Equal(t, "<nil>", ended, said)
	return said
}

func build(t *testing.T, pkg, to string) {
	t.Helper()
	cmd := exec.Command("go", "build", "-o", to, pkg)
	cmd.Dir = ".."
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

// What every example prints, line by line; which of its processes prints first does not matter.
func TestTheExamplesPrintWhatTheyPromise(t *testing.T) {
	for name, want := range map[string][]string{
		"anonymous": {
			"the child reads memfd:squares",
			"1 1", "2 4", "3 9", "4 16", "5 25",
			"the child cannot truncate it: true",
			"a second writer is refused: true",
		},
		"durable": {"killed in the middle: true", "all records came: true"},
		"evicted": {"evicted before record 1", "received and lost together: 10000"},
		"mmap-basic": {
			"29 bytes, the first five: Hello",
			`words: ["Hello" "there" "A"]`,
			`a line: "Hello, there.\n", the cursor is at 14`,
			"refused: write",
			"found at 23",
			`the file: "Hello, there.\nA better line.\n"`,
		},
		"mmap-flush": {
			"without a flush others read: record 1",
			"bytes 5000 to 5008 are on the disk",
			"all is on the disk",
			"a private copy: scratch!, the file: record 1, a flush: <nil>",
		},
		"mmap-large": {
			`a window at 6442450930: "the last line"`,
			" 16%: 1073741824 bytes from 0 on",
			" 33%: 1073741824 bytes from 1073741824 on",
			" 50%: 1073741824 bytes from 2147483648 on",
			" 66%: 1073741824 bytes from 3221225472 on",
			" 83%: 1073741824 bytes from 4294967296 on",
			"100%: 1073741824 bytes from 5368709120 on",
			"the last but one line",
			"the last line",
		},
		"mmap-processes": {
			"the child reads: from the parent",
			"the parent reads: from the child",
			"and in the segment: hello",
		},
		"mmap-regions": {
			"offset  0: first region",
			"offset 14: second region",
			"offset 29: third region",
			"offset  0: first region, second region, third region",
			"all of it: first region, SECOND region, third region",
			"afterwards: first region, SECOND",
		},
		"observer": {"received and lost together: 100000"},
		"pipeline": {"words: 18", "longest: publishes"},
		"shared":   {"writer 0: 10000", "writer 1: 10000", "writer 2: 10000", "writer 3: 10000"},
		"waitany":  {"prices: 1000 records", "orders: 1000 records", "alarms: 1000 records"},
		"workers":  {"all jobs are done: true", "given out again, because a worker died: 1"},
		"zerocopy": {"1 0 0", "2 1 1", "3 2 4", "4 4 16"},
	} {
		t.Run(name, func(t *testing.T) {
			out := run(t, name+"\n[ -z \"$(ls /dev/shm)\" ] || echo left behind", "./examples/"+name)
			require.ElementsMatch(t, want, strings.Split(strings.TrimSpace(out), "\n"))
		})
	}
}

func TestEveryExampleIsTested(t *testing.T) {
	programs, err := filepath.Glob("*/main.go")
	require.NoError(t, err)
	require.NotEmpty(t, programs)
	tests, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	var all []byte
	for _, name := range tests {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		all = append(all, b...)
	}
	for _, program := range programs {
		require.Regexp(t, `["/]`+filepath.Dir(program)+`"`, string(all), "it has no test")
	}
}

// A reader that waits for the ring, two writers, and a reader killed and started again: what was not consumed before the
// kill comes again.
func TestHelloGoesOnWhereItsReaderWasKilled(t *testing.T) {
	out := run(t, `
reads() { until grep -q "$1" out; do :; done; } # until the reader has printed that
hello > out & reader=$!
hello one two three
reads '^3 three$'
kill -9 $reader
wait $reader || true
hello four five
hello >> out & reader=$!
reads '^5 five$'
kill $reader
sort -nu out`, "./examples/hello")
	require.True(t, strings.HasSuffix(out, "1 one\n2 two\n3 three\n4 four\n5 five\n"), out) // before that the shell tells of the kill
}
