package shm_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/internal/proctest"
)

func init() { roles["mount"] = mount }

// disk returns a directory on a new file system, which a child has mounted for itself and which is gone with it: the
// directory is seen through the child's root.
func disk(t *testing.T, kind, options string) string {
	t.Helper()
	dir := t.TempDir()
	p := proctest.Config{Attr: proctest.MountNamespace()}.Start(t, "mount", kind, dir, options)
	p.Expect("mounted")
	return filepath.Join(fmt.Sprintf("/proc/%d/root", p.Pid()), dir)
}

func mount(args []string) {
	proctest.Die(proctest.Private())
	proctest.Die(unix.Mount(args[0], args[1], args[0], 0, args[2]))
	proctest.Say("mounted")
	proctest.Hear()
}

// MiB is the size of the disks that are full soon.
const MiB = 1 << 20

func fileOn(t *testing.T, dir string) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "file"))
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func freeOn(t *testing.T, f *os.File) int {
	t.Helper()
	var s unix.Statfs_t
	require.NoError(t, unix.Fstatfs(int(f.Fd()), &s))
	return int(s.Bavail) * int(s.Bsize)
}

// child runs a role to its end and returns what it said.
func child(t *testing.T, role string, args ...string) string {
	t.Helper()
	p := proctest.Start(t, role, args...)
	said := p.Expect("result")
	require.NoError(t, p.Wait())
	return said
}

// result is what a role tells child: an error, in one line.
func result(err error) { proctest.Say("result %s", strings.ReplaceAll(fmt.Sprint(err), "\n", "; ")) }
