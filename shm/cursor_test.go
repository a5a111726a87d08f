package shm_test

import (
	"io"
	"io/fs"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/shm"
)

func TestSeekStaysInTheMap(t *testing.T) {
	for _, c := range []struct {
		name   string
		from   int64
		offset int64
		whence int
		want   int64
		err    error
	}{
		{"to the start", 5, 0, io.SeekStart, 0, nil},
		{"to the end", 5, 10, io.SeekStart, 10, nil},
		{"behind the end", 5, 11, io.SeekStart, 0, shm.ErrRange},
		{"before the start", 5, -1, io.SeekStart, 0, shm.ErrRange},
		{"nowhere else", 5, 0, io.SeekCurrent, 5, nil},
		{"forward", 5, 5, io.SeekCurrent, 10, nil},
		{"forward too far", 5, 6, io.SeekCurrent, 0, shm.ErrRange},
		{"back", 5, -5, io.SeekCurrent, 0, nil},
		{"back too far", 5, -6, io.SeekCurrent, 0, shm.ErrRange},
		{"the end from the end", 5, 0, io.SeekEnd, 10, nil},
		{"the start from the end", 5, -10, io.SeekEnd, 0, nil},
		{"too far from the end", 5, -11, io.SeekEnd, 0, shm.ErrRange},
		{"behind the end from there", 5, 1, io.SeekEnd, 0, shm.ErrRange},
		{"as far as there are numbers", 5, math.MaxInt64, io.SeekCurrent, 0, shm.ErrRange},
		{"as far back as there are numbers", 5, math.MinInt64, io.SeekEnd, 0, shm.ErrRange},
		{"to a fourth kind of place", 5, 0, 3, 0, fs.ErrInvalid},
		{"to a negative kind of place", 5, 0, -1, 0, fs.ErrInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := holding(t, "0123456789")
			_, err := m.Seek(c.from, io.SeekStart)
			require.NoError(t, err)
			at, err := m.Seek(c.offset, c.whence)
			if c.err != nil {
				says(t, err, c.err, "seek")
				require.Equal(t, c.from, m.Tell(), "the cursor must stay")
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, at)
			require.Equal(t, c.want, m.Tell())
		})
	}
}

func TestReadGoesOnWhereItStopped(t *testing.T) {
	m := holding(t, "0123456789")
	buf := make([]byte, 4)
	for _, want := range []string{"0123", "4567", "89"} {
		n, err := m.Read(buf)
		require.NoError(t, err)
		require.Equal(t, want, string(buf[:n]))
	}
	n, err := m.Read(buf)
	require.Zero(t, n)
	require.Equal(t, io.EOF, err, "the end is a bare io.EOF")
	n, err = m.Read(nil)
	require.Zero(t, n)
	require.NoError(t, err, "to read nothing works everywhere")
	_, err = m.Seek(3, io.SeekStart)
	require.NoError(t, err)
	all, err := io.ReadAll(m)
	require.NoError(t, err)
	require.Equal(t, "3456789", string(all))
}

func TestReadByteStopsAtTheEnd(t *testing.T) {
	m := holding(t, "\x00\xff")
	for _, want := range []byte{0, 255} {
		b, err := m.ReadByte()
		require.NoError(t, err)
		require.Equal(t, want, b)
	}
	_, err := m.ReadByte()
	require.Equal(t, io.EOF, err)
	require.Equal(t, int64(2), m.Tell())
}

func TestReadLineReturnsLinesWithTheirEnd(t *testing.T) {
	for _, c := range []struct {
		name    string
		content string
		want    []string
	}{
		{"ended lines", "a\nbc\n", []string{"a\n", "bc\n"}},
		{"a last line that does not end", "a\nbc", []string{"a\n", "bc"}},
		{"empty lines", "\n\nx", []string{"\n", "\n", "x"}},
		{"one line", "only", []string{"only"}},
		{"zero bytes and carriage returns are bytes", "a\x00b\r\nc", []string{"a\x00b\r\n", "c"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := holding(t, c.content)
			for _, want := range c.want {
				line, err := m.ReadLine()
				require.NoError(t, err)
				require.Equal(t, want, string(line))
			}
			at := m.Tell()
			_, err := m.ReadLine()
			require.Equal(t, io.EOF, err)
			require.Equal(t, at, m.Tell())
		})
	}
}

func TestALineIsACopy(t *testing.T) {
	m := holding(t, "abc\n")
	line, err := m.ReadLine()
	require.NoError(t, err)
	copy(m.Bytes(), "XYZ\n")
	require.Equal(t, "abc\n", string(line))
}

func TestWriteIsAllOrNothing(t *testing.T) {
	writes := map[string]func(m *shm.Map, s string) (int, error){
		"Write":       func(m *shm.Map, s string) (int, error) { return m.Write([]byte(s)) },
		"WriteString": func(m *shm.Map, s string) (int, error) { return m.WriteString(s) },
	}
	for name, write := range writes {
		for _, c := range []struct {
			name string
			at   int64
			data string
			want string // "" if it does not fit
		}{
			{"at the start", 0, "abc", "abc3456789"},
			{"in the middle", 4, "abc", "0123abc789"},
			{"up to the end", 7, "abc", "0123456abc"},
			{"all of the map", 0, "abcdefghij", "abcdefghij"},
			{"one byte too many", 8, "abc", ""},
			{"more than the map", 0, "abcdefghijk", ""},
			{"nothing at the end", 10, "", "0123456789"},
			{"something at the end", 10, "a", ""},
		} {
			t.Run(name+" "+c.name, func(t *testing.T) {
				m := holding(t, "0123456789")
				_, err := m.Seek(c.at, io.SeekStart)
				require.NoError(t, err)
				n, err := write(m, c.data)
				if c.want == "" {
					says(t, err, shm.ErrRange, "write", "10 bytes")
					require.Zero(t, n)
					require.Equal(t, c.at, m.Tell())
					require.Equal(t, "0123456789", string(m.Bytes()))
					return
				}
				require.NoError(t, err)
				require.Equal(t, len(c.data), n)
				require.Equal(t, c.at+int64(n), m.Tell())
				require.Equal(t, c.want, string(m.Bytes()))
			})
		}
	}
}

func TestWriteByteStopsAtTheEnd(t *testing.T) {
	m := holding(t, "ab")
	require.NoError(t, m.WriteByte(0))
	require.NoError(t, m.WriteByte(255))
	says(t, m.WriteByte(1), shm.ErrRange, "write")
	require.Equal(t, []byte{0, 255}, m.Bytes())
	require.Equal(t, int64(2), m.Tell())
}

// CPython uses memcpy and leaves this open.
func TestWriteMayOverlapItsSource(t *testing.T) {
	m := holding(t, "0123456789")
	_, err := m.Seek(2, io.SeekStart)
	require.NoError(t, err)
	_, err = m.Write(m.Bytes()[:8])
	require.NoError(t, err)
	require.Equal(t, "0101234567", string(m.Bytes()))
	_, err = m.WriteAt(m.Bytes()[4:], 0)
	require.NoError(t, err)
	require.Equal(t, "2345674567", string(m.Bytes()))
}

func TestAReadOnlyMapIsNotWritten(t *testing.T) {
	f := file(t, []byte("0123456789"))
	m := mapped(t, f, shm.ReadOnly, shm.Options{})
	for name, write := range map[string]func() error{
		"Write":         func() error { _, err := m.Write([]byte("x")); return err },
		"Write nothing": func() error { _, err := m.Write(nil); return err },
		"WriteString":   func() error { _, err := m.WriteString("x"); return err },
		"WriteByte":     func() error { return m.WriteByte('x') },
		"WriteAt":       func() error { _, err := m.WriteAt([]byte("x"), 3); return err },
		"ReadFrom":      func() error { _, err := m.ReadFrom(endless{}); return err },
		"Move":          func() error { return m.Move(0, 1, 2) },
	} {
		t.Run(name, func(t *testing.T) {
			err := write()
			require.ErrorIs(t, err, shm.ErrReadOnly)
			require.ErrorIs(t, err, fs.ErrPermission)
			require.ErrorContains(t, err, f.Name())
		})
	}
	says(t, m.Resize(20), shm.ErrReadOnly, "resize")
	says(t, m.Advise(shm.PopulateWrite), shm.ErrReadOnly, "advise", "populate write")
	require.Equal(t, "0123456789", string(onDisk(t, f)))
	require.Zero(t, m.Tell())
}

func TestACursorBehindTheEndFindsTheEnd(t *testing.T) {
	m := holding(t, "0123456789")
	_, err := m.Seek(9, io.SeekStart)
	require.NoError(t, err)
	require.NoError(t, m.Resize(5))
	require.Equal(t, int64(9), m.Tell(), "a Resize leaves the cursor")
	_, err = m.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
	_, err = m.ReadByte()
	require.Equal(t, io.EOF, err)
	_, err = m.ReadLine()
	require.Equal(t, io.EOF, err)
	n, err := m.WriteTo(io.Discard)
	require.Zero(t, n)
	require.NoError(t, err)
	_, err = m.Write([]byte("x"))
	says(t, err, shm.ErrRange, "write")
	_, err = m.Write(nil)
	says(t, err, shm.ErrRange, "write")
	says(t, m.WriteByte('x'), shm.ErrRange, "write")
	_, err = m.ReadFrom(endless{})
	says(t, err, shm.ErrRange, "write")
	_, err = m.Seek(0, io.SeekCurrent)
	says(t, err, shm.ErrRange, "seek", "5 bytes")
	_, err = m.Seek(0, io.SeekEnd)
	require.NoError(t, err)
	require.Equal(t, int64(5), m.Tell())
}

// endless is a reader with more than any map can take.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
