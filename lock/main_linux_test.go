package lock_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/lock"
)

// The offset of the byte that tests hold: far beyond the end of the file, as in a ring.
const far = 1<<62 + 7

func TestMain(m *testing.M) {
	proctest.Main(m, map[string]func(args []string){
		"role":       roleHolder,
		"life":       lifeHolder,
		"forgetful":  forgetful,
		"wait-role":  waitRole,
		"wait-free":  waitFree,
		"storm-role": stormRole,
		"storm-free": stormFree,
		"contender":  contender,
		"grandchild": grandchild,
		"keeper":     keeper,
		"enolck":     noLocks,
		"no-ofd":     noOFD,
		"no-proc":    noProc,
		"try-role":   tryRole,
		"tidy":       tidy,
		"posix":      posix,
	})
}

// roleHolder holds the role of a file (path, mode) and does what it hears.
func roleHolder(args []string) {
	r, err := lock.TryRole(args[0], modes[args[1]])
	proctest.Die(err)
	obey(args[0], r.Close, r.Share)
}

// lifeHolder holds the byte at far and does what it hears.
func lifeHolder(args []string) {
	f, err := os.OpenFile(args[0], os.O_RDWR, 0)
	proctest.Die(err)
	l, err := lock.TryHold(f, far)
	proctest.Die(err)
	obey(args[0], l.Close, f.Close)
}

var modes = map[string]lock.Mode{"exclusive": lock.Exclusive, "shared": lock.Shared}

func obey(path string, end, other func() error) {
	proctest.Say("holding")
	for {
		switch order := proctest.Hear(); order {
		case "end":
			proctest.Die(end())
		case "share", "close file":
			proctest.Die(other())
		case "open and close":
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			proctest.Die(err)
			proctest.Die(f.Close())
			_, err = os.ReadFile(path)
			proctest.Die(err)
		case "start a child":
			c := exec.Command(os.Args[0])
			c.Env = append(os.Environ(), "MMRING_PROCTEST_ROLE=grandchild")
			c.Stdin, c.Stdout, c.Stderr = os.NewFile(3, "pipe"), os.Stdout, os.Stderr
			proctest.Die(c.Start())
		default:
			proctest.Die(fmt.Errorf("what is %q?", order))
		}
		proctest.Say("done")
	}
}

// forgetful takes role and byte in a function that forgets all of it, and lets the garbage collector look for it.
func forgetful(args []string) {
	func() {
		_, err := lock.TryRole(args[0], lock.Exclusive)
		proctest.Die(err)
		f, err := os.OpenFile(args[0], os.O_RDWR, 0)
		proctest.Die(err)
		_, err = lock.TryHold(f, far)
		proctest.Die(err)
	}()
	var garbage [][]byte
	for range 20 {
		runtime.GC()
		garbage = append(garbage[:0], make([]byte, 1<<16))
	}
	proctest.Say("collected")
	proctest.Hear()
}

func waitRole(args []string) {
	r, err := lock.WaitRole(context.Background(), args[0], modes[args[1]])
	proctest.Die(err)
	proctest.Say("got")
	proctest.Hear()
	proctest.Die(r.Close())
}

func waitFree(args []string) {
	f, err := os.Open(args[0])
	proctest.Die(err)
	proctest.Die(lock.WaitFree(context.Background(), f, far))
	proctest.Say("free")
	proctest.Hear()
}

// grandchild lives on after the process that started it.
func grandchild([]string) {
	for proctest.Say("child"); ; proctest.Say("child") {
		proctest.Hear()
	}
}

// keeper does nothing with the descriptor that it was given.
func keeper([]string) {
	proctest.Say("keeping")
	proctest.Hear()
}

// newFile returns the path of an empty file.
func newFile(t testing.TB) string {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	return path
}

// open opens path for as long as the test runs.
func open(t testing.TB, path string, flags int) *os.File {
	f, err := os.OpenFile(path, flags, 0)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// held asks the kernel whether the byte at far of path is held.
func held(t testing.TB, path string) bool {
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	h, err := lock.Held(f, far)
	require.NoError(t, err)
	return h
}

// busy requires that the role of path is held.
func busy(t testing.TB, path string) {
	t.Helper()
	_, err := lock.TryRole(path, lock.Exclusive)
	require.ErrorIs(t, err, lock.ErrBusy)
}

// asleep waits until n threads (of any process) sleep in the kernel for a lock of the file that info describes.
func asleep(t testing.TB, info os.FileInfo, n int) {
	t.Helper()
	proctest.Until(t, fmt.Sprintf("%d sleep for a lock of %s", n, info.Name()), func() bool {
		asleep, err := sleepers(info)
		require.NoError(t, err)
		return asleep == n
	})
}

func sleepers(info os.FileInfo) (n int, err error) {
	inode := ":" + strconv.FormatUint(info.Sys().(*syscall.Stat_t).Ino, 10) + " "
	locks, err := os.ReadFile("/proc/locks")
	for line := range strings.Lines(string(locks)) {
		if strings.Contains(line, "->") && strings.Contains(line, inode) {
			n++
		}
	}
	return n, err
}

func stat(t testing.TB, path string) os.FileInfo {
	info, err := os.Lstat(path)
	require.NoError(t, err)
	return info
}
