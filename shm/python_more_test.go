package shm_test

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"runtime"
	"strings"
	"testing"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/shm"
)

// Named memory of a larger size than exists must not crash; on Unix a name is a file.
func TestPythonTagname(t *testing.T) {
	one, two := unused(t), unused(t)
	first, err := shm.Create(one, 100, shm.Options{})
	require.NoError(t, err)
	defer first.Close()
	copy(first.Bytes(), "abc")
	second, err := shm.Create(two, 1000, shm.Options{})
	require.NoError(t, err)
	defer second.Close()
	require.NotEqual(t, first.Bytes(), second.Bytes()[:100])
	again, err := shm.OpenNamed(one, shm.ReadWrite, shm.Options{})
	require.NoError(t, err)
	defer again.Close()
	require.Equal(t, first.Bytes(), again.Bytes())
	_, err = shm.OpenNamed(one, shm.ReadWrite, shm.Options{Length: 1000})
	require.ErrorIs(t, err, shm.ErrBeyondEOF)
}

func TestPythonEmptyFile(t *testing.T) {
	_, err := shm.MapFile(file(t, nil), shm.ReadOnly, shm.Options{})
	require.ErrorIs(t, err, shm.ErrEmpty)
	require.ErrorContains(t, err, "empty file cannot be mapped")
}

// In Python an offset that is no multiple of the granularity is an OSError. Here it works.
func TestPythonOffset(t *testing.T) {
	granularity := shm.Granularity()
	f := file(t, append(make([]byte, granularity), []byte("text at the second page")...))
	for _, off := range []int{granularity, granularity + 5, 14} {
		m := mapped(t, f, shm.ReadWrite, shm.Options{Offset: int64(off)})
		i, err := m.Find([]byte("second"), 0, m.Len())
		require.NoError(t, err)
		require.Equal(t, granularity+12-off, i)
		require.Equal(t, int64(off), m.Offset())
	}
	_, err := shm.MapFile(f, shm.ReadOnly, shm.Options{Offset: -1})
	require.ErrorIs(t, err, shm.ErrRange)
	m := mapped(t, f, shm.ReadWrite, shm.Options{Offset: int64(granularity)})
	require.NoError(t, m.Resize(10*granularity))
	require.Equal(t, 11*granularity, sizeOf(t, f))
}

// counted embeds a map, as a subclass would.
type counted struct {
	*shm.Map
	reads int
}

func (c *counted) Read(p []byte) (int, error) {
	c.reads++
	return c.Map.Read(p)
}

func TestPythonSubclass(t *testing.T) {
	c := &counted{Map: holding(t, "abc")}
	all, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, "abc", string(all))
	require.NotZero(t, c.reads)
}

func TestPythonErrorsAreOneKind(t *testing.T) {
	_, err := shm.MapFD(-2, shm.ReadOnly, shm.Options{Length: 1})
	var e *fs.PathError
	require.True(t, errors.As(err, &e))
}

func TestPythonIoMethods(t *testing.T) {
	data := []byte("0123456789")
	m := holding(t, strings.Repeat("x", len(data)))
	require.NoError(t, m.WriteByte('y'))
	for _, b := range data[1:] {
		require.NoError(t, m.WriteByte(b))
	}
	require.ErrorIs(t, m.WriteByte('x'), shm.ErrRange)
	require.Equal(t, "y123456789", string(m.Bytes()))
	_, err := m.Seek(0, io.SeekStart)
	require.NoError(t, err)
	for i := range data {
		b, err := m.ReadByte()
		require.NoError(t, err)
		require.Equal(t, "y123456789"[i], b)
	}
	_, err = m.ReadByte()
	require.Equal(t, io.EOF, err)
	_, err = m.Seek(8, io.SeekStart)
	require.NoError(t, err)
	_, err = m.Write([]byte("abc"))
	require.ErrorIs(t, err, shm.ErrRange)
	require.Equal(t, "y123456789", string(m.Bytes()))
	n, err := m.Write([]byte("ab"))
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.Equal(t, int64(10), m.Tell())
}

func TestPythonNonASCIIBytes(t *testing.T) {
	for _, b := range []byte{0x81, 0xfe, 0xff, 0} {
		m := anonymous(t, 1, shm.Options{})
		require.NoError(t, m.WriteByte(b))
		require.Equal(t, b, m.Bytes()[0])
		_, err := m.Seek(0, io.SeekStart)
		require.NoError(t, err)
		got, err := m.ReadByte()
		require.NoError(t, err)
		require.Equal(t, b, got)
	}
}

func TestPythonWeakReference(t *testing.T) {
	m, err := shm.Anonymous(16, shm.Options{Private: true})
	require.NoError(t, err)
	w := weak.Make(m)
	require.Equal(t, m, w.Value())
	require.NoError(t, m.Close())
	m = nil
	runtime.GC()
	runtime.GC()
	require.Nil(t, w.Value())
}

func TestPythonResizePastThePosition(t *testing.T) {
	m := anonymous(t, 8192, shm.Options{})
	_, err := m.Read(make([]byte, 5000))
	require.NoError(t, err)
	require.NoError(t, m.Resize(4096))
	all, err := io.ReadAll(m)
	require.NoError(t, err)
	require.Empty(t, all)
	_, err = m.ReadByte()
	require.Equal(t, io.EOF, err)
	require.ErrorIs(t, m.WriteByte('b'), shm.ErrRange)
	_, err = m.Write([]byte("abc"))
	require.ErrorIs(t, err, shm.ErrRange)
}

// In Python memory without a file cannot grow on Linux. Here it can.
func TestPythonResizeAnonymous(t *testing.T) {
	for _, o := range []shm.Options{{}, {Private: true}} {
		start := 2 * page
		for _, n := range []int{start / 2, start * 2} {
			m := anonymous(t, start, o)
			data := pattern(start)
			copy(m.Bytes(), data)
			require.NoError(t, m.Resize(n))
			require.Equal(t, n, m.Len())
			kept := min(n, start)
			require.Equal(t, data[:kept], m.Bytes()[:kept])
			require.Equal(t, make([]byte, n-kept), m.Bytes()[kept:])
		}
	}
}

func TestPythonMadvise(t *testing.T) {
	size := 2 * page
	m := anonymous(t, size, shm.Options{})
	for _, bad := range [][2]int{{size, 1}, {-1, 1}, {0, -1}, {size, math.MaxInt}} {
		require.ErrorIs(t, m.AdviseRange(shm.Normal, bad[0], bad[1]), shm.ErrRange)
	}
	require.NoError(t, m.Advise(shm.Normal))
	require.NoError(t, m.AdviseRange(shm.Normal, page, size))
	require.NoError(t, m.AdviseRange(shm.Normal, 0, math.MaxInt))
	require.NoError(t, m.AdviseRange(shm.Normal, 0, 2))
	require.NoError(t, m.AdviseRange(shm.Normal, 1, size), "a start that is not the start of a page works here")
}

func TestPythonFlush(t *testing.T) {
	m := mapped(t, file(t, make([]byte, 3*page)), shm.ReadWrite, shm.Options{})
	require.NoError(t, m.Flush())
	require.NoError(t, m.FlushRange(page, page))
	require.NoError(t, m.FlushRange(page+1, 2), "an offset that is not the start of a page works here")
	require.NoError(t, m.FlushRange(page, m.Len()-page))
	require.ErrorIs(t, m.FlushRange(page, m.Len()), shm.ErrRange)
	read := mapped(t, file(t, []byte("x")), shm.ReadOnly, shm.Options{})
	require.NoError(t, read.Flush())
}

func TestPythonLargeFiles(t *testing.T) {
	if math.MaxInt == math.MaxInt32 {
		t.Skip("this machine has not 4 GiB of addresses")
	}
	for _, size := range []int64{0x80000000, 0x100000000, 0x180000000} {
		f := file(t, nil)
		_, err := f.WriteAt([]byte(" "), size-1)
		require.NoError(t, err)
		m := mapped(t, f, shm.ReadOnly, shm.Options{Offset: size - 1})
		require.Equal(t, " ", string(m.Bytes()))
		around := mapped(t, f, shm.ReadOnly, shm.Options{Length: 0x10000})
		total, err := around.FileSize()
		require.NoError(t, err)
		require.Equal(t, size, total)

		tail := "DATA  DATA"
		_, err = f.WriteAt([]byte(tail), size-int64(len(tail))/2) // astride a boundary of 2 or 4 GiB
		require.NoError(t, err)
		whole := mapped(t, f, shm.ReadOnly, shm.Options{})
		require.Equal(t, tail, string(whole.Bytes()[whole.Len()-len(tail):]))
	}
}
