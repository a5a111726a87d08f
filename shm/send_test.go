//go:build unix

package shm_test

import (
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/shm"
)

func init() {
	roles["inherit"] = inherit
	roles["receive"] = receive
	roles["send"] = send
	roles["segment"] = openSegment
}

// pair returns the two ends of a Unix socket.
func pair(t *testing.T) (here, there *net.UnixConn) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "socket"), Net: "unix"})
	require.NoError(t, err)
	defer l.Close()
	there, err = net.DialUnix("unix", nil, l.Addr().(*net.UnixAddr))
	require.NoError(t, err)
	here, err = l.AcceptUnix()
	require.NoError(t, err)
	t.Cleanup(func() { here.Close(); there.Close() })
	return here, there
}

// withSocket starts a child that has the other end of a socket as descriptor 3.
func withSocket(t *testing.T, role string, args ...string) (*proctest.Proc, *net.UnixConn) {
	t.Helper()
	here, there := pair(t)
	f, err := there.File()
	require.NoError(t, err)
	defer f.Close()
	p := proctest.Config{Files: []*os.File{f}}.Start(t, role, args...)
	require.NoError(t, there.Close())
	return p, here
}

func socket() *net.UnixConn {
	conn, err := net.FileConn(os.NewFile(3, "socket"))
	proctest.Die(err)
	return conn.(*net.UnixConn)
}

// answer reads a question out of a map and writes the answer behind it.
func answer(m *shm.Map) {
	if string(m.Bytes()[:9]) != "question?" {
		proctest.Die(errors.New("no question"))
	}
	_, err := m.WriteAt([]byte("answer!"), 9)
	proctest.Die(err)
	proctest.Say("answered")
	proctest.Hear()
}

func ask(t *testing.T, m *shm.Map) {
	t.Helper()
	_, err := m.WriteAt([]byte("question?"), 0)
	require.NoError(t, err)
}

func requireAnswer(t *testing.T, p *proctest.Proc, m *shm.Map) {
	t.Helper()
	p.Expect("answered")
	require.Equal(t, "question?answer!", string(m.Bytes()[:16]))
}

func TestAChildInheritsMemory(t *testing.T) {
	m := anonymous(t, 3*page, shm.Options{})
	ask(t, m)
	f, err := m.File()
	require.NoError(t, err)
	defer f.Close()
	requireAnswer(t, proctest.Config{Files: []*os.File{f}}.Start(t, "inherit"), m)
}

func inherit([]string) {
	m, err := shm.MapFD(3, shm.ReadWrite, shm.Options{})
	proctest.Die(err)
	answer(m)
}

func TestMemoryGoesOverASocketToAnotherProcess(t *testing.T) {
	for name, m := range map[string]*shm.Map{
		"memory":       anonymous(t, 3*page, shm.Options{}),
		"a file's end": mapped(t, file(t, make([]byte, 3*page)), shm.ReadWrite, shm.Options{Offset: 14}),
		"a segment":    create(t, 100, shm.Options{}),
	} {
		t.Run(name, func(t *testing.T) {
			p, conn := withSocket(t, "receive", strconv.FormatInt(m.Offset(), 10), strconv.Itoa(m.Len()))
			ask(t, m)
			require.NoError(t, m.Send(conn))
			requireAnswer(t, p, m)
		})
	}
}

func receive(args []string) {
	m, err := shm.Receive(socket(), shm.ReadWrite, shm.Options{})
	proctest.Die(err)
	if strconv.FormatInt(m.Offset(), 10) != args[0] || strconv.Itoa(m.Len()) != args[1] {
		proctest.Die(errors.New("another range: " + m.String()))
	}
	answer(m)
}

func TestAChildSendsMemoryThatOutlivesIt(t *testing.T) {
	p, conn := withSocket(t, "send")
	m, err := shm.Receive(conn, shm.ReadWrite, shm.Options{})
	require.NoError(t, err)
	defer m.Close()
	p.Expect("sent")
	p.Kill()
	require.Error(t, p.Wait())
	require.Equal(t, "from a child", string(m.Bytes()[:12]))
	require.NoError(t, m.Resize(10*page))
	_, err = shm.Receive(conn, shm.ReadOnly, shm.Options{})
	says(t, err, io.EOF, "map", "received memory")
}

func send([]string) {
	m, err := shm.Anonymous(100, shm.Options{})
	proctest.Die(err)
	copy(m.Bytes(), "from a child")
	proctest.Die(m.Send(socket()))
	proctest.Say("sent")
	proctest.Hear()
}

func TestASegmentIsOpenedByNameInAnotherProcess(t *testing.T) {
	name := unused(t)
	m, err := shm.Create(name, page, shm.Options{})
	require.NoError(t, err)
	defer m.Close()
	ask(t, m)
	requireAnswer(t, proctest.Start(t, "segment", name), m)
}

func openSegment(args []string) {
	m, err := shm.OpenNamed(args[0], shm.ReadWrite, shm.Options{})
	proctest.Die(err)
	answer(m)
}

// What comes over a socket may come from anybody.
func TestWhatElseIsReceivedIsRefused(t *testing.T) {
	disk := file(t, pattern(100))
	dir, err := os.Open(t.TempDir())
	require.NoError(t, err)
	defer dir.Close()
	what := func(off, n uint64) []byte {
		return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, off), n)
	}
	rights := func(files ...*os.File) []byte {
		var fds []int
		for _, f := range files {
			fds = append(fds, int(f.Fd()))
		}
		return unix.UnixRights(fds...)
	}
	for _, c := range []struct {
		name    string
		data    []byte
		control []byte
		want    error
	}{
		{"no descriptor", what(0, 10), nil, fs.ErrInvalid},
		{"two descriptors", what(0, 10), rights(disk, disk), fs.ErrInvalid},
		{"many descriptors", what(0, 10), rights(disk, disk, disk, disk, disk), fs.ErrInvalid},
		{"too little", what(0, 10)[:15], rights(disk), io.ErrUnexpectedEOF},
		{"a range of nothing", what(0, 0), rights(disk), fs.ErrInvalid},
		{"a negative offset", what(1<<63, 10), rights(disk), fs.ErrInvalid},
		{"a negative length", what(0, 1<<63), rights(disk), fs.ErrInvalid},
		{"an overflow", what(1<<63-1, 1<<62), rights(disk), shm.ErrRange},
		{"a range that the file does not have", what(1, 100), rights(disk), shm.ErrBeyondEOF},
		{"a directory", what(0, 10), rights(dir), unix.ENODEV},
		{"nothing", nil, nil, io.EOF},
	} {
		t.Run(c.name, func(t *testing.T) {
			here, there := pair(t)
			if c.data != nil {
				_, _, err := there.WriteMsgUnix(c.data, c.control, nil)
				require.NoError(t, err)
			}
			require.NoError(t, there.CloseWrite())
			m, err := shm.Receive(here, shm.ReadOnly, shm.Options{})
			require.Nil(t, m)
			says(t, err, c.want, "map", "received memory")
		})
	}
}

func TestTheSenderSaysWhichRangeItIs(t *testing.T) {
	here, _ := pair(t)
	for _, o := range []shm.Options{{Offset: 1}, {Length: 1}, {Name: "x"}, {Private: true}} {
		_, err := shm.Receive(here, shm.ReadOnly, o)
		says(t, err, fs.ErrInvalid, "map")
	}
	_, err := shm.Receive(nil, shm.ReadOnly, shm.Options{})
	says(t, err, os.ErrInvalid, "map")
	require.ErrorIs(t, anonymous(t, 1, shm.Options{}).Send(nil), os.ErrInvalid)
}

func TestASocketThatIsClosedIsAnError(t *testing.T) {
	here, there := pair(t)
	m := anonymous(t, 100, shm.Options{})
	require.NoError(t, there.Close())
	says(t, m.Send(here), unix.EPIPE, "send")
	require.NoError(t, here.Close())
	says(t, m.Send(here), net.ErrClosed, "send")
	_, err := shm.Receive(here, shm.ReadOnly, shm.Options{})
	says(t, err, net.ErrClosed, "map")
}
