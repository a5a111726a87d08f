// Package examples_test runs every example as a user would.
package examples_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func build(t *testing.T, name string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), name)
	out, err := exec.Command("go", "build", "-o", bin, "./"+name).CombinedOutput()
	require.NoError(t, err, string(out))
	return bin
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
			out, err := exec.Command(build(t, name)).CombinedOutput()
			require.NoError(t, err, string(out))
			require.ElementsMatch(t, want, strings.Split(strings.TrimSpace(string(out)), "\n"))
		})
	}
}

func TestEveryExampleIsTested(t *testing.T) {
	folders, err := filepath.Glob("*/main.go")
	require.NoError(t, err)
	require.Len(t, folders, 5, "hello has a test of its own")
}

// The program of the README, in two processes: a reader that waits for the ring, a writer, and a reader killed and
// started again.
func TestHelloIsTheReadmesExampleAndWorks(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	source, err := os.ReadFile("hello/main.go")
	require.NoError(t, err)
	require.Contains(t, string(readme), "```go\n"+string(source)+"```\n", "README and examples/hello differ")

	const path = "/dev/shm/hello.ring" // as the program has it
	if _, err := os.Stat(path); err == nil {
		t.Skipf("%s is there already and is not ours to remove", path)
	}
	defer os.Remove(path)
	bin := build(t, "hello")
	expect := func(words ...string) {
		reader := exec.Command(bin)
		stdout, err := reader.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, reader.Start())
		defer func() {
			require.NoError(t, reader.Process.Kill())
			_ = reader.Wait()
		}()
		out, err := exec.Command(bin, words...).CombinedOutput()
		require.NoError(t, err, string(out))
		lines := bufio.NewScanner(stdout)
		for _, w := range words {
			for lines.Scan() && !strings.HasSuffix(lines.Text(), " "+w) { // what was not consumed before the kill comes again
			}
			require.True(t, strings.HasSuffix(lines.Text(), " "+w), "reader ended before %q", w)
		}
	}
	expect("one", "two", "three")
	expect("four", "five")
}
