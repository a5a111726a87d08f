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
		"durable":  {"killed in the middle: true", "all records came: true"},
		"observer": {"received and lost together: 100000"},
		"pipeline": {"words: 18", "longest: publishes"},
		"zerocopy": {"1 0 0", "2 1 1", "3 2 4", "4 4 16"},
	} {
		t.Run(name, func(t *testing.T) {
			out := run(t, name+"\n[ -z \"$(ls /dev/shm)\" ] || echo left behind", "./examples/"+name)
			require.ElementsMatch(t, want, strings.Split(strings.TrimSpace(out), "\n"))
		})
	}
}

func TestEveryExampleIsTested(t *testing.T) {
	folders, err := filepath.Glob("*/main.go")
	require.NoError(t, err)
	require.Len(t, folders, 5, "hello has a test of its own")
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
