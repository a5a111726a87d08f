package shm_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/shm"
)

func init() { roles["few addresses"] = fewAddresses }

// status returns a line of /proc/self/status, in KiB.
func status(name string) (kiB int) {
	all, err := os.ReadFile("/proc/self/status")
	proctest.Die(err)
	_, rest, _ := strings.Cut(string(all), name+":")
	_, err = fmt.Sscan(rest, &kiB)
	proctest.Die(err)
	return kiB
}

// A file of 512 MiB, a line per MiB, in a process that has addresses for 128 MiB more.
func TestLinesAndWindowsOfAFileThatDoesNotFit(t *testing.T) {
	f := file(t, nil)
	for i := int64(1); i <= 512; i++ {
		_, err := f.WriteAt([]byte("\n"), i<<20-1)
		require.NoError(t, err)
	}
	require.Equal(t, "true 512 512", child(t, "few addresses", f.Name()))
}

func fewAddresses(args []string) {
	f, err := os.Open(args[0])
	proctest.Die(err)
	limit := uint64(status("VmSize"))<<10 + 128<<20
	proctest.Die(unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: limit, Max: limit}))
	_, err = shm.MapFile(f, shm.ReadOnly, shm.Options{})
	lines, windows := 0, 0
	for _, err := range shm.Lines(f) {
		proctest.Die(err)
		lines++
	}
	for m, err := range shm.Windows(f, 1<<20, shm.ReadOnly, shm.Options{}) {
		proctest.Die(err)
		if m.Bytes()[m.Len()-1] == '\n' {
			windows++
		}
	}
	proctest.Say("result %t %d %d", errors.Is(err, unix.ENOMEM), lines, windows)
}

func TestMappingAFileDoesNotLoadIt(t *testing.T) {
	m := mapped(t, large(t), shm.ReadOnly, shm.Options{})
	before := status("VmRSS")
	for _, off := range marks {
		_, err := m.ReadAt(make([]byte, 1), off)
		require.NoError(t, err)
	}
	require.Less(t, status("VmRSS")-before, 64<<10, "KiB more for a file of 6 GiB")
}
