package ring_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
	"github.com/mmring/mmring/ring/ringtest"
)

// inMounts starts a role that mounts file systems on a directory, which nobody else sees.
func inMounts(t *testing.T, role string) *proctest.Proc {
	t.Helper()
	return proctest.Config{Attr: proctest.MountNamespace()}.Start(t, role, t.TempDir())
}

// noSpaceRole makes rings on a tmpfs of 1 MiB: one too large, in both ways to make a file, and one that fits.
func noSpaceRole(args []string) {
	dir := args[0]
	proctest.Die(proctest.Private())
	proctest.Die(unix.Mount("none", dir, "tmpfs", 0, "size=1m"))
	for _, prepare := range []func() func(){func() func() { return func() {} }, ring.WithoutTmpfile} {
		restore := prepare()
		err := ring.Create(filepath.Join(dir, "r"), ring.Config{})
		restore()
		proctest.Say("full %t %v", errors.Is(err, unix.ENOSPC), err)
		entries, err := os.ReadDir(dir)
		proctest.Die(err)
		var s unix.Statfs_t
		proctest.Die(unix.Statfs(dir, &s))
		proctest.Say("left %d files, %d bytes free", len(entries), int64(s.Bavail)*s.Bsize)
	}
	proctest.Say("fits %s", kind(ring.Create(filepath.Join(dir, "r"), ring.Config{Capacity: 512 << 10})))
	proctest.Die(proctest.RefuseCall(unix.EIO, unix.SYS_FALLOCATE))
	proctest.Say("untried %t", errors.Is(ring.Create(filepath.Join(dir, "s"), ring.Config{Capacity: 1 << 40}), unix.ENOSPC))
}

func TestAFullDiskIsRefusedWithWhatIsNeededAndFree(t *testing.T) {
	p := inMounts(t, "no-space")
	for range 2 {
		require.Contains(t, p.Expect("full"), "true create ")
		require.Equal(t, "0 files, 1048576 bytes free", p.Expect("left"))
	}
	require.Equal(t, "ok", p.Expect("fits"))
	require.Equal(t, "true", p.Expect("untried"))

	p = inMounts(t, "no-space")
	require.Contains(t, p.Expect("full"), fmt.Sprintf("needs %d bytes, 1048576 are free: %v", 16<<20+64<<10, unix.ENOSPC))
}

// overlayRole tries a ring on an overlay, without and with AllowFS.
func overlayRole(args []string) {
	dir := args[0]
	proctest.Die(proctest.Private())
	proctest.Die(unix.Mount("none", dir, "tmpfs", 0, ""))
	for _, sub := range []string{"lower", "upper", "work", "on"} {
		proctest.Die(os.Mkdir(filepath.Join(dir, sub), 0o700))
	}
	options := fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work", dir)
	proctest.Die(unix.Mount("none", filepath.Join(dir, "on"), "overlay", 0, options))
	path := filepath.Join(dir, "on", "r")
	err := ring.Create(path, ring.Config{Capacity: small})
	proctest.Say("refused %s %v", kind(err), err)
	proctest.Say("forced %s", kind(ring.Create(path, ring.Config{Capacity: small, AllowFS: true})))
	for _, way := range []string{"observe", "reader", "writer"} {
		proctest.Say("%s %s %s", way, kind(everyWay(path, false)[way]), kind(everyWay(path, true)[way]))
	}
	proctest.Say("created by opening %s", kind(createByOpening(path+"2")))
}

func createByOpening(path string) error {
	w, err := ring.OpenWriter(background, path, ring.WriterOptions{Create: &ring.Config{Capacity: small}, AllowFS: true})
	if err != nil {
		return err
	}
	return w.Close()
}

func TestAnOverlayIsRefusedUnlessAllowed(t *testing.T) {
	p := inMounts(t, "overlay")
	refused := p.Expect("refused")
	require.Contains(t, refused, "ErrFS create ")
	require.Contains(t, refused, "overlay: processes may see different memory there")
	require.Equal(t, "ok", p.Expect("forced"))
	for _, way := range []string{"observe", "reader", "writer"} {
		require.Equal(t, "ErrFS ok", p.Expect(way))
	}
	require.Equal(t, "by opening ok", p.Expect("created"))
	require.NoError(t, p.Wait())
}

// ramfsRole tries a ring on ramfs, which cannot allocate ahead.
func ramfsRole(args []string) {
	proctest.Die(proctest.Private())
	proctest.Die(unix.Mount("none", args[0], "ramfs", 0, ""))
	err := ring.Create(filepath.Join(args[0], "r"), ring.Config{Capacity: small})
	proctest.Say("answer %t %v", errors.Is(err, unix.EOPNOTSUPP), err)
	entries, err := os.ReadDir(args[0])
	proctest.Die(err)
	proctest.Say("left %d", len(entries))
}

func TestAFileSystemThatCannotAllocateAheadSaysSo(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may mount ramfs")
	}
	p := inMounts(t, "ramfs")
	require.Regexp(t, "^true .*allocating .* bytes: fallocate: ", p.Expect("answer"))
	require.Equal(t, "0", p.Expect("left"))
}

func TestWithoutNamelessFilesARingIsMadeUnderAHiddenName(t *testing.T) {
	defer ring.WithoutTmpfile()()
	dir := ringtest.Dir(t)
	path := filepath.Join(dir, "r")
	require.NoError(t, ring.Create(path, ring.Config{Capacity: small, Mode: 0o640}))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "the hidden name is gone")
	stat, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), stat.Mode())
	publish(t, openWriter(t, path), 1)
	next(t, openReader(t, path, ring.ReaderOptions{}), 1)

	require.ErrorIs(t, ring.Create(path, ring.Config{Capacity: small}), os.ErrExist)
	require.ErrorIs(t, ring.Create(filepath.Join(dir, "missing", "r"), ring.Config{Capacity: small}), os.ErrNotExist)
	require.NoError(t, ring.Create(filepath.Join(dir, long(255)), ring.Config{Capacity: small}), "the longest name")
}
