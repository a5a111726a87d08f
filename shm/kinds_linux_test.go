package shm_test

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/shm"
)

// opened opens the path, without waiting for anybody, until the test ends.
func opened(t *testing.T, path string, flags int) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, flags|unix.O_NONBLOCK, 0)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func TestWhatIsNoRegularFileSaysWhatItIs(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer tcp.Close()
	socket, err := tcp.(*net.TCPListener).File()
	require.NoError(t, err)
	defer socket.Close()
	regular := file(t, pattern(100)).Name()
	for _, c := range []struct {
		name string
		f    *os.File
		o    shm.Options
		want error
		word string
	}{
		{"a directory", opened(t, t.TempDir(), os.O_RDONLY), shm.Options{}, unix.ENODEV, "a directory"},
		{"a pipe", r, shm.Options{Length: 1}, unix.ENODEV, "a pipe"},
		{"the other end of a pipe", w, shm.Options{}, unix.ENODEV, "a pipe"},
		{"a FIFO", opened(t, fifo, os.O_RDWR), shm.Options{}, unix.ENODEV, "a pipe"},
		{"a socket", socket, shm.Options{Length: page}, unix.ENODEV, "a socket"},
		{"a character device without a length", opened(t, "/dev/zero", os.O_RDWR), shm.Options{}, unix.ENODEV, "Length"},
		{"a device that cannot be mapped", opened(t, "/dev/null", os.O_RDWR), shm.Options{Length: 1}, unix.ENODEV, "length 1"},
		{"a file of /proc", opened(t, "/proc/self/status", os.O_RDONLY), shm.Options{}, shm.ErrEmpty, "/proc"},
		{"a file of /proc, with a length", opened(t, "/proc/self/status", os.O_RDONLY), shm.Options{Length: 1}, shm.ErrEmpty, ""},
		{"a descriptor that is only a path", opened(t, regular, unix.O_PATH), shm.Options{}, unix.EBADF, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, a := range []shm.Access{shm.ReadOnly, shm.ReadWrite, shm.CopyOnWrite} {
				m, err := shm.MapFile(c.f, a, c.o)
				require.Nil(t, m)
				says(t, err, c.want, "map", c.word)
			}
		})
	}
}

func TestADescriptorInTheWrongModeSaysWhichItNeeds(t *testing.T) {
	path := file(t, pattern(100)).Name()
	read, write := opened(t, path, os.O_RDONLY), opened(t, path, os.O_WRONLY)
	grow := shm.Options{Length: 200, Grow: true}
	sparse := shm.Options{Length: 200, Grow: true, Sparse: true}
	for _, c := range []struct {
		name string
		f    *os.File
		a    shm.Access
		o    shm.Options
		word string // "" if it works
	}{
		{"to read what can be read", read, shm.ReadOnly, shm.Options{}, ""},
		{"to copy what can be read", read, shm.CopyOnWrite, shm.Options{}, ""},
		{"to write what can be read", read, shm.ReadWrite, shm.Options{}, "open for reading only, and must be for reading and writing"},
		{"to grow what can be read", read, shm.ReadWrite, grow, "open for reading only, and must be for reading and writing"},
		{"to grow sparse what can be read", read, shm.ReadWrite, sparse, "open for reading only"},
		{"to read what can be written", write, shm.ReadOnly, shm.Options{}, "open for writing only, and must be for reading"},
		{"to copy what can be written", write, shm.CopyOnWrite, shm.Options{}, "open for writing only, and must be for reading"},
		{"to write what can be written", write, shm.ReadWrite, shm.Options{}, "open for writing only, and must be for reading and writing"},
		{"to grow what can be written", write, shm.ReadWrite, grow, "open for writing only"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := shm.MapFile(c.f, c.a, c.o)
			if c.word == "" {
				require.NoError(t, err)
				require.NoError(t, m.Close())
				return
			}
			require.Nil(t, m)
			says(t, err, fs.ErrPermission, "map", c.word)
			require.ErrorIs(t, err, syscall.EACCES)
		})
	}
	require.Len(t, onDisk(t, read), 100)
}

func TestOpenDoesNotWaitForTheOtherEndOfAFIFO(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	for _, a := range []shm.Access{shm.ReadOnly, shm.ReadWrite, shm.CopyOnWrite} {
		_, err := shm.Open(fifo, a, shm.Options{})
		says(t, err, unix.ENODEV, "map", "a pipe")
	}
}

func TestACharacterDeviceIsMappedWithALength(t *testing.T) {
	m := mapped(t, opened(t, "/dev/zero", os.O_RDWR), shm.CopyOnWrite, shm.Options{Offset: 14, Length: 3 * page})
	require.Equal(t, make([]byte, 3*page), m.Bytes())
	m.Bytes()[3*page-1] = 1
	require.NoError(t, m.Flush())
	_, err := shm.MapFile(opened(t, "/dev/zero", os.O_RDWR), shm.ReadWrite, shm.Options{Length: 1, Grow: true})
	says(t, err, unix.ENODEV, "map", "cannot grow")
}

func TestMapFDMapsByNumber(t *testing.T) {
	f := file(t, pattern(100))
	m, err := shm.MapFD(int(f.Fd()), shm.ReadWrite, shm.Options{Offset: 14})
	require.NoError(t, err)
	defer m.Close()
	require.Equal(t, pattern(100)[14:], m.Bytes())
	_, err = f.WriteAt([]byte("x"), 14)
	require.NoError(t, err, "the descriptor stays open")
	require.Equal(t, byte('x'), m.Bytes()[0])
	own, err := m.File()
	require.NoError(t, err)
	require.NoError(t, own.Close())
	for _, fd := range []int{-1, -2, 1 << 20, 1<<31 - 1} {
		_, err := shm.MapFD(fd, shm.ReadOnly, shm.Options{})
		says(t, err, unix.EBADF, "map", "descriptor")
	}
	_, err = shm.MapFD(int(f.Fd()), shm.ReadOnly, shm.Options{Name: "x"})
	says(t, err, fs.ErrInvalid, "map")
}

func TestAClosedFileIsNotMapped(t *testing.T) {
	f := file(t, pattern(100))
	require.NoError(t, f.Close())
	_, err := shm.MapFile(f, shm.ReadOnly, shm.Options{})
	says(t, err, os.ErrClosed, "map", f.Name())
	for _, err := range shm.Lines(f) {
		says(t, err, os.ErrClosed, "map")
	}
	for m, err := range shm.Windows(f, page, shm.ReadOnly, shm.Options{}) {
		require.Nil(t, m)
		says(t, err, os.ErrClosed, "map")
	}
}
