//go:build amd64 || arm64

package shm_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/shm"
)

func init() {
	roles["file limit"] = fileLimit
	roles["grow"] = growRefused
	roles["resize"] = resizeRefused
	roles["move"] = moveRefused
	roles["flush"] = flushRefused
	roles["memory"] = memoryRefused
	roles["descriptors"] = descriptorsRefused
	roles["leak"] = leakRefused
}

func TestTheFileSizeLimitIsAnError(t *testing.T) {
	for _, sparse := range []string{"sparse", "allocated"} {
		f := file(t, pattern(100))
		require.Equal(t, "true 100 true 100", child(t, "file limit", f.Name(), sparse))
		require.Equal(t, pattern(100), onDisk(t, f))
	}
}

// fileLimit may have files of 10,000 bytes.
func fileLimit(args []string) {
	proctest.Die(unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 10_000, Max: 10_000}))
	o := shm.Options{Length: 1 << 20, Grow: true, Sparse: args[1] == "sparse"}
	_, err := shm.Open(args[0], shm.ReadWrite, o)
	mapped := errors.Is(err, unix.EFBIG)
	o.Length, o.Grow = 0, false
	m, err := shm.Open(args[0], shm.ReadWrite, o)
	proctest.Die(err)
	size, err := m.FileSize()
	proctest.Die(err)
	resized := errors.Is(m.Resize(10_001), unix.EFBIG)
	proctest.Say("result %t %d %t %d", mapped, size, resized, m.Len())
}

// refuse makes a call fail from now on.
func refuse(errno syscall.Errno, number uint32, second ...uint32) {
	proctest.Die(proctest.RefuseCall(errno, number, second...))
}

func TestWhatTheDiskAnswersComesBack(t *testing.T) {
	f := file(t, pattern(100))
	for _, errno := range []syscall.Errno{unix.EDQUOT, unix.EIO, unix.EROFS} {
		require.Contains(t, child(t, "grow", f.Name(), fmt.Sprint(int(errno))), errno.Error())
		require.Equal(t, pattern(100), onDisk(t, f))
	}
	for _, errno := range []syscall.Errno{unix.EOPNOTSUPP, unix.ENOSYS} { // zeros are written instead
		require.Equal(t, "<nil>", child(t, "grow", f.Name(), fmt.Sprint(int(errno))))
		require.Equal(t, append(pattern(100), make([]byte, 200_000-100)...), onDisk(t, f))
		require.NoError(t, f.Truncate(100))
	}
}

// growRefused makes a file longer where fallocate answers that error.
func growRefused(args []string) {
	var errno syscall.Errno
	_, err := fmt.Sscan(args[1], (*uintptr)(&errno))
	proctest.Die(err)
	refuse(errno, unix.SYS_FALLOCATE)
	m, err := shm.Open(args[0], shm.ReadWrite, shm.Options{Offset: 14, Length: 200_000 - 14, Grow: true})
	if err == nil {
		m.Bytes()[m.Len()-1] = 0
	}
	result(err)
}

func TestZerosThatDoNotFitAreTakenBack(t *testing.T) {
	f := fileOn(t, disk(t, "tmpfs", "size=1m"))
	said := child(t, "grow", f.Name(), fmt.Sprint(int(unix.EOPNOTSUPP)))
	require.Equal(t, "<nil>", said)
	require.NoError(t, f.Truncate(0))
	full := fileIn(t, f, "full")
	require.NoError(t, unix.Fallocate(int(full.Fd()), 0, 0, MiB-64<<10))
	said = child(t, "grow", f.Name(), fmt.Sprint(int(unix.EOPNOTSUPP)))
	require.Contains(t, said, unix.ENOSPC.Error())
	require.Contains(t, said, "199986 bytes needed, 65536 free")
	require.Zero(t, sizeOf(t, f))
}

func fileIn(t *testing.T, beside *os.File, name string) *os.File {
	t.Helper()
	f, err := os.Create(beside.Name() + name)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func TestAFailedMappingTakesTheGrowthBack(t *testing.T) {
	f := file(t, pattern(100))
	require.Contains(t, child(t, "resize", f.Name(), "map"), unix.ENOMEM.Error())
	require.Equal(t, pattern(100), onDisk(t, f))
	require.Contains(t, child(t, "resize", f.Name(), "remap"), unix.ENOMEM.Error())
	require.Equal(t, pattern(100), onDisk(t, f))
}

// resizeRefused has no addresses for maps of 1,234 pages.
func resizeRefused(args []string) {
	const pages = 1234
	m, err := shm.Open(args[0], shm.ReadWrite, shm.Options{})
	proctest.Die(err)
	refuse(unix.ENOMEM, unix.SYS_MMAP, uint32(pages*page))
	refuse(unix.ENOMEM, unix.SYS_MREMAP)
	if args[1] == "map" {
		_, err = shm.Open(args[0], shm.ReadWrite, shm.Options{Length: pages * page, Grow: true})
		result(err)
		return
	}
	err = m.Resize(pages * page)
	if m.Len() != 100 || !bytes.Equal(m.Bytes(), pattern(100)) {
		err = errors.New("the map has changed")
	}
	result(err)
}

// Where the kernel cannot move a mapping, a second one is made and takes the bytes over.
func TestWhatCannotBeMovedIsMappedAgain(t *testing.T) {
	require.Equal(t, "<nil>", child(t, "move", file(t, pattern(5*page)).Name()))
}

func moveRefused(args []string) {
	refuse(unix.ENOSYS, unix.SYS_MREMAP)
	disk, err := shm.Open(args[0], shm.ReadWrite, shm.Options{})
	proctest.Die(err)
	private, err := shm.Anonymous(5*page, shm.Options{Private: true})
	proctest.Die(err)
	copy(private.Bytes(), pattern(5*page))
	for _, m := range []*shm.Map{disk, private} {
		proctest.Die(m.Resize(5000 * page))
		m.Bytes()[m.Len()-1] = 1
		if !bytes.Equal(m.Bytes()[:5*page], pattern(5*page)) {
			result(errors.New("bytes were lost"))
			return
		}
		proctest.Die(m.Resize(2))
		proctest.Die(m.Close())
	}
	result(nil)
}

func TestAFlushThatFailsIsAnError(t *testing.T) {
	require.Contains(t, child(t, "flush", file(t, pattern(100)).Name()), "flush "+os.TempDir())
}

// flushRefused has a disk that fails.
func flushRefused(args []string) {
	m, err := shm.Open(args[0], shm.ReadWrite, shm.Options{})
	proctest.Die(err)
	refuse(unix.EIO, unix.SYS_MSYNC)
	if err := m.Flush(); !errors.Is(err, unix.EIO) {
		proctest.Die(fmt.Errorf("flush: %v", err))
	}
	if err := m.FlushRange(0, 1, shm.FlushAsync); err != nil {
		proctest.Die(fmt.Errorf("a started write does not wait for the error: %v", err))
	}
	proctest.Die(m.Protect(shm.ReadOnly))
	result(m.Flush()) // what was stored before is to be flushed still
}

func TestWithoutMemoryFilesThereIsAnError(t *testing.T) {
	said := child(t, "memory")
	require.Contains(t, said, "map anonymous: read-write, offset 0, length 10: ")
}

// memoryRefused runs on a kernel that does not know newer flags of memory files, and then on one without them.
func memoryRefused([]string) {
	refuse(unix.EINVAL, unix.SYS_MEMFD_CREATE, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_NOEXEC_SEAL)
	m, err := shm.Anonymous(10, shm.Options{})
	proctest.Die(err)
	proctest.Die(m.Seal(shm.SealShrink))
	refuse(unix.ENOSYS, unix.SYS_MEMFD_CREATE)
	_, err = shm.Anonymous(10, shm.Options{})
	if !errors.Is(err, errors.ErrUnsupported) {
		proctest.Die(fmt.Errorf("without memory files: %v", err))
	}
	_, private := shm.Anonymous(10, shm.Options{Private: true})
	proctest.Die(private)
	result(err)
}

func TestWithoutDescriptorsThereIsAnError(t *testing.T) {
	require.Contains(t, child(t, "descriptors", file(t, pattern(100)).Name()), unix.EMFILE.Error())
}

func descriptorsRefused(args []string) {
	f, err := os.Open(args[0])
	proctest.Die(err)
	m, err := shm.MapFile(f, shm.ReadOnly, shm.Options{})
	proctest.Die(err)
	refuse(unix.EMFILE, unix.SYS_FCNTL, unix.F_DUPFD_CLOEXEC)
	if _, err := m.File(); !errors.Is(err, unix.EMFILE) {
		proctest.Die(fmt.Errorf("file: %v", err))
	}
	_, err = shm.MapFile(f, shm.ReadOnly, shm.Options{NoTrack: true})
	proctest.Die(err)
	_, err = shm.MapFile(f, shm.ReadOnly, shm.Options{})
	var e *fs.PathError
	if !errors.As(err, &e) {
		proctest.Die(errors.New("no *fs.PathError"))
	}
	result(err)
}

func TestNothingIsLeftWhenTheKernelRefuses(t *testing.T) {
	require.Equal(t, "<nil>", child(t, "leak", file(t, pattern(1234*page)).Name()))
}

// leakRefused has no addresses for 1,234 pages, and then no second descriptors.
func leakRefused(args []string) {
	f := must(os.OpenFile(args[0], os.O_RDWR, 0))
	small := must(shm.Anonymous(1, shm.Options{}))
	try := func(o shm.Options) func() {
		return func() {
			if _, err := shm.MapFile(f, shm.ReadWrite, o); err == nil {
				check(errors.New("it should not work"))
			}
		}
	}
	refuse(unix.ENOMEM, unix.SYS_MMAP, uint32(1234*page))
	refuse(unix.ENOMEM, unix.SYS_MREMAP)
	err := errors.Join(leaks(try(shm.Options{})), leaks(try(shm.Options{Reserve: 1 << 30})), leaks(try(shm.Options{NoTrack: true})),
		leaks(func() {
			if small.Resize(1234*page) == nil {
				check(errors.New("it should not work"))
			}
		}))
	refuse(unix.EMFILE, unix.SYS_FCNTL, unix.F_DUPFD_CLOEXEC)
	result(errors.Join(err, leaks(try(shm.Options{Length: 1})), leaks(func() {
		if _, err := shm.Anonymous(1, shm.Options{}); err == nil {
			check(errors.New("it should not work"))
		}
	})))
}
