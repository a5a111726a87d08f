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

func TestZerocopyPrintsSquares(t *testing.T) {
	out, err := exec.Command(build(t, "zerocopy")).CombinedOutput()
	require.NoError(t, err)
	require.Equal(t, "1 0 0\n2 1 1\n3 2 4\n4 4 16\n", string(out))
}

func TestObserverAccountsForEveryRecord(t *testing.T) {
	out, err := exec.Command(build(t, "observer")).CombinedOutput()
	require.NoError(t, err)
	require.Equal(t, "received and lost together: 100000\n", string(out))
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
