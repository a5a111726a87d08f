package shm_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/shm"
)

// loop returns a block device over a new file of n bytes.
func loop(t *testing.T, n int) (device, backing *os.File) {
	t.Helper()
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("this machine gives user %d no loop devices: %v", os.Getuid(), err)
	}
	defer control.Close()
	backing = file(t, pattern(n))
	for {
		number, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		require.NoError(t, err)
		device, err = os.OpenFile(fmt.Sprintf("/dev/loop%d", number), os.O_RDWR, 0)
		if err != nil {
			t.Skipf("this machine gives user %d no loop devices: %v", os.Getuid(), err)
		}
		err = unix.IoctlLoopConfigure(int(device.Fd()), &unix.LoopConfig{Fd: uint32(backing.Fd())})
		if err == nil {
			break
		}
		device.Close()
		require.ErrorIs(t, err, unix.EBUSY) // somebody else was faster
	}
	t.Cleanup(func() {
		_, err := unix.IoctlRetInt(int(device.Fd()), unix.LOOP_CLR_FD)
		require.NoError(t, err)
		device.Close()
	})
	return device, backing
}

func TestABlockDeviceHasItsSize(t *testing.T) {
	const n = 64 << 10
	device, backing := loop(t, n)
	m := mapped(t, device, shm.ReadWrite, shm.Options{Offset: 14})
	require.Equal(t, pattern(n)[14:], m.Bytes())
	size, err := m.FileSize()
	require.NoError(t, err)
	require.Equal(t, int64(n), size)
	_, err = m.WriteAt([]byte("hello"), 100)
	require.NoError(t, err)
	require.NoError(t, m.Flush())
	require.Equal(t, "hello", string(onDisk(t, backing)[114:119]))

	_, err = shm.MapFile(device, shm.ReadOnly, shm.Options{Offset: 1, Length: n})
	says(t, err, shm.ErrBeyondEOF, "map", "65536 bytes")
	_, err = shm.MapFile(device, shm.ReadOnly, shm.Options{Offset: n})
	says(t, err, shm.ErrBeyondEOF, "map")
	_, err = shm.MapFile(device, shm.ReadWrite, shm.Options{Length: n + 1, Grow: true})
	says(t, err, shm.ErrBeyondEOF, "map", "a device cannot grow")
	grown := mapped(t, device, shm.ReadWrite, shm.Options{Length: n, Grow: true})
	require.Equal(t, "hello", string(grown.Bytes()[114:119]), "what is there need not grow")
	require.NoError(t, m.Resize(100), "the map can be shorter than the device")
	says(t, m.Resize(n), shm.ErrBeyondEOF, "resize", "a device cannot grow")
	require.NoError(t, m.Resize(n-14), "and as long again")
	require.Equal(t, "hello", string(m.Bytes()[100:105]))
}

// What lies under the device is cut away: to read there is an error of the disk.
func TestAPageThatCannotBeReadIsAFault(t *testing.T) {
	const n = 1 << 20
	device, backing := loop(t, n)
	require.NoError(t, backing.Truncate(n/2))
	m := mapped(t, device, shm.ReadOnly, shm.Options{})
	for name, read := range map[string]func() error{
		"ReadAt":  func() error { _, err := m.ReadAt(make([]byte, 1), 3*n/4); return err },
		"Find":    func() error { _, err := m.Find([]byte("nowhere"), 3*n/4, n); return err },
		"advice":  func() error { return m.AdviseRange(shm.PopulateRead, 3*n/4, page) },
		"WriteTo": func() error { _, err := io.Copy(io.Discard, io.NewSectionReader(m, 3*n/4, 100)); return err },
	} {
		var fault *shm.FaultError
		require.ErrorAs(t, read(), &fault, name)
		require.ErrorIs(t, fault, unix.EIO, name)
		require.GreaterOrEqual(t, fault.Offset, int64(3*n/4))
	}
	_, err := m.ReadAt(make([]byte, page), 0)
	require.NoError(t, err)
}

func TestHugePagesWhereTheMountHasThem(t *testing.T) {
	const huge = 2 << 20
	f := fileOn(t, disk(t, "tmpfs", "size=64m,huge=advise"))
	m := mapped(t, f, shm.ReadWrite, shm.Options{Length: 4 * huge, Grow: true, Sparse: true})
	require.NoError(t, m.Advise(shm.HugePage))
	fill(m.Bytes(), 7)
	require.Regexp(t, `ShmemPmdMapped: +[1-9]`, smaps(t, filepath.Base(f.Name())))
	require.NoError(t, m.Advise(shm.Collapse))
	require.Equal(t, bytes.Repeat([]byte{7}, 4*huge), m.Bytes())

	plain := mapped(t, fileOn(t, disk(t, "tmpfs", "size=64m,huge=never")), shm.ReadWrite, shm.Options{Length: huge, Grow: true})
	require.NoError(t, plain.Advise(shm.HugePage), "elsewhere it does nothing")
}

// hugePages sees to it that the kernel has so many free huge pages, and returns their size.
func hugePages(t *testing.T, n int) int {
	t.Helper()
	const size = 2 << 20
	knob := fmt.Sprintf("/sys/kernel/mm/hugepages/hugepages-%dkB/nr_hugepages", size>>10)
	before, err := os.ReadFile(knob)
	if err == nil {
		err = os.WriteFile(knob, []byte(fmt.Sprint(n)), 0)
	}
	if err != nil {
		t.Skipf("this machine gives user %d no huge pages: %v", os.Getuid(), err)
	}
	t.Cleanup(func() { require.NoError(t, os.WriteFile(knob, before, 0)) })
	after, err := os.ReadFile(knob)
	require.NoError(t, err)
	if string(bytes.TrimSpace(after)) != fmt.Sprint(n) {
		t.Skipf("this machine has not %d huge pages of 2 MiB in one piece now", n)
	}
	return size
}

// In the file system of huge pages everything is a multiple of their size, but not for us.
func TestFilesOfHugePagesAreMappedAtAnyOffset(t *testing.T) {
	const n = 6
	huge := hugePages(t, n)
	f := fileOn(t, disk(t, "hugetlbfs", ""))
	m := mapped(t, f, shm.ReadWrite, shm.Options{Offset: 14, Length: huge, Grow: true})
	require.Equal(t, 2*huge, sizeOf(t, f), "the file has whole huge pages")
	require.Equal(t, make([]byte, huge), m.Bytes())
	fill(m.Bytes(), 7)
	require.NoError(t, m.Resize(2*huge))
	m.Bytes()[2*huge-1] = 8
	require.Equal(t, byte(7), m.Bytes()[huge-1])
	require.NoError(t, m.Protect(shm.ReadOnly))
	require.NoError(t, m.Protect(shm.ReadWrite))
	require.NoError(t, m.Advise(shm.WillNeed))
	require.NoError(t, m.Flush())

	second := mapped(t, f, shm.ReadOnly, shm.Options{Offset: int64(huge) + 1, Length: 100})
	require.Equal(t, byte(7), second.Bytes()[0])
	require.NoError(t, second.Close())
	require.NoError(t, m.Resize(100))
	require.Equal(t, huge, sizeOf(t, f))
	require.Equal(t, bytes.Repeat([]byte{7}, 100), m.Bytes())
	_, err := shm.MapFile(f, shm.ReadOnly, shm.Options{Reserve: 10 * huge})
	says(t, err, errors.ErrUnsupported, "map", "huge pages")
	_, err = shm.MapFile(f, shm.ReadWrite, shm.Options{Length: 2 * n * huge, Grow: true})
	says(t, err, unix.ENOSPC, "map")
	require.Equal(t, huge, sizeOf(t, f))
}
