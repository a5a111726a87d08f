package shm_test

import (
	"bytes"
	"io"
	"io/fs"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/shm"
)

// The cases of CPython's own tests of its mmap module, by meaning: what is tested there is tested here, written anew. Each
// says where Go's answer is another one.

func TestPythonBasic(t *testing.T) {
	f := file(t, nil)
	_, err := f.WriteString(strings.Repeat("\x00", page) + "foo" + strings.Repeat("\x00", page-3))
	require.NoError(t, err)
	m := mapped(t, f, shm.ReadWrite, shm.Options{Length: 2 * page})
	require.NoError(t, f.Close(), "the map needs no open file")

	require.Zero(t, m.Tell())
	require.Equal(t, byte(0), m.Bytes()[0])
	require.Equal(t, "\x00\x00\x00", string(m.Bytes()[:3]))
	i, err := m.Find([]byte("foo"), 0, m.Len())
	require.NoError(t, err)
	require.Equal(t, page, i)
	require.Panics(t, func() { _ = m.Bytes()[m.Len()] })

	m.Bytes()[0] = '3'
	require.Equal(t, 7, copy(m.Bytes()[page:page+7], "bar bar"))
	require.NoError(t, m.Flush())
	require.Equal(t, "3\x00\x00", string(m.Bytes()[:3]))
	require.Equal(t, "\x00bar bar\x00", string(m.Bytes()[page-1:page+8]))

	at, err := m.Seek(0, io.SeekStart)
	require.NoError(t, err)
	require.Zero(t, at)
	at, err = m.Seek(42, io.SeekCurrent)
	require.NoError(t, err)
	require.Equal(t, int64(42), at)
	at, err = m.Seek(0, io.SeekEnd)
	require.NoError(t, err)
	require.Equal(t, int64(m.Len()), at)
	for _, bad := range []struct {
		offset int64
		whence int
	}{{-1, 0}, {1, 2}, {-int64(m.Len()) - 1, 2}} {
		_, err := m.Seek(bad.offset, bad.whence)
		require.ErrorIs(t, err, shm.ErrRange)
	}

	require.NoError(t, m.Resize(512))
	require.Equal(t, 512, m.Len())
	_, err = m.Seek(513, io.SeekStart)
	require.ErrorIs(t, err, shm.ErrRange)
	require.Equal(t, 512, len(onDisk(t, f)))
	require.NoError(t, m.Close())
}

func TestPythonAccessParameter(t *testing.T) {
	f := file(t, bytes.Repeat([]byte("a"), page))
	read := mapped(t, f, shm.ReadOnly, shm.Options{Length: page})
	require.Equal(t, bytes.Repeat([]byte("a"), page), read.Bytes())
	require.ErrorIs(t, read.Guard(func() { copy(read.Bytes(), strings.Repeat("b", page)) }), shm.ErrReadOnly)
	require.ErrorIs(t, read.Guard(func() { read.Bytes()[0] = 'b' }), shm.ErrReadOnly)
	_, err := read.Write([]byte("abc"))
	require.ErrorIs(t, err, shm.ErrReadOnly)
	require.ErrorIs(t, read.WriteByte('d'), shm.ErrReadOnly)
	require.ErrorIs(t, read.Resize(2*page), shm.ErrReadOnly)
	require.Equal(t, bytes.Repeat([]byte("a"), page), onDisk(t, f))

	_, err = shm.MapFile(f, shm.ReadOnly, shm.Options{Length: page + 1})
	require.ErrorIs(t, err, shm.ErrBeyondEOF)
	_, err = shm.MapFile(f, shm.ReadWrite, shm.Options{Length: page + 1})
	require.ErrorIs(t, err, shm.ErrBeyondEOF)
	require.Equal(t, page, sizeOf(t, f))

	write := mapped(t, f, shm.ReadWrite, shm.Options{Length: page})
	copy(write.Bytes(), bytes.Repeat([]byte("c"), page))
	require.NoError(t, write.Flush())
	require.Equal(t, bytes.Repeat([]byte("c"), page), onDisk(t, f))

	private := mapped(t, f, shm.CopyOnWrite, shm.Options{Length: page})
	copy(private.Bytes(), bytes.Repeat([]byte("d"), page))
	require.NoError(t, private.Flush())
	require.Equal(t, bytes.Repeat([]byte("c"), page), onDisk(t, f))
	require.ErrorIs(t, private.Resize(2*page), fs.ErrPermission)

	_, err = shm.MapFile(f, 4, shm.Options{Length: page})
	require.ErrorIs(t, err, fs.ErrInvalid)
}

func TestPythonBadFileDescriptor(t *testing.T) {
	_, err := shm.MapFD(-2, shm.ReadWrite, shm.Options{Length: 4096})
	require.Error(t, err)
}

func TestPythonTougherFind(t *testing.T) {
	content := []byte("aabaac\x00deef\x00\x00aa\x00")
	m := holding(t, string(content))
	for start := 0; start <= len(content); start++ {
		for end := start; end <= len(content); end++ {
			sub := content[start:end]
			i, err := m.Find(sub, 0, m.Len())
			require.NoError(t, err)
			require.Equal(t, bytes.Index(content, sub), i)
			require.Equal(t, sub, m.Bytes()[i:i+len(sub)])
			i, err = m.Find(append(sub[:len(sub):len(sub)], 'x'), 0, m.Len())
			require.NoError(t, err)
			require.Equal(t, -1, i)
		}
	}
}

func TestPythonFindEnd(t *testing.T) {
	m := holding(t, "one two ones")
	for _, c := range []struct {
		sub        string
		start, end int
		find       int
		rfind      int
	}{
		{"one", 0, 12, 0, 8}, {"ones", 0, 12, 8, 8}, {"one", 0, -1, 0, 8}, {"one", 1, 12, 8, 8}, {"one", 1, -1, 8, 8},
		{"one", 1, -2, -1, -1}, {"one", 0, 11, 0, 8}, {"one", 0, 10, 0, 0}, {"x", 0, 12, -1, -1}, {"one", 9, 12, -1, -1},
	} {
		i, err := m.Find([]byte(c.sub), c.start, c.end)
		require.NoError(t, err)
		require.Equal(t, c.find, i, "%+v", c)
		i, err = m.RFind([]byte(c.sub), c.start, c.end)
		require.NoError(t, err)
		require.Equal(t, c.rfind, i, "%+v", c)
	}
}

// A page that cannot be read lies right behind the map: nothing may look there.
func TestPythonFindDoesNotAccessBeyondTheBuffer(t *testing.T) {
	for name, o := range map[string]shm.Options{"shared": {Reserve: 2 * page}, "private": {Reserve: 2 * page, Private: true}} {
		t.Run(name, func(t *testing.T) {
			m := anonymous(t, page, o)
			fill(m.Bytes(), 'a')
			m.Bytes()[page-1] = 'b'
			for n := 1; n < 100; n++ {
				sub := m.Bytes()[page-n:]
				for _, find := range []func([]byte, int, int) (int, error){m.Find, m.RFind} {
					i, err := find(bytes.Clone(sub), 0, page)
					require.NoError(t, err)
					require.Equal(t, page-n, i)
					i, err = find(append(bytes.Clone(sub), 'c'), page-n, page)
					require.NoError(t, err)
					require.Equal(t, -1, i)
				}
				line, err := m.ReadLine()
				require.NoError(t, err)
				require.Len(t, line, page)
				_, err = m.Seek(0, io.SeekStart)
				require.NoError(t, err)
				require.NoError(t, m.Move(page-n, page-n, n))
				_, err = m.WriteAt(sub, int64(page-n))
				require.NoError(t, err)
			}
			for line, err := range m.Lines() {
				require.NoError(t, err)
				require.Len(t, line, page)
			}
		})
	}
}

func TestPythonDoubleClose(t *testing.T) {
	m := anonymous(t, 2, shm.Options{})
	require.NoError(t, m.Close())
	require.NoError(t, m.Close())
}

func TestPythonEntireFile(t *testing.T) {
	m := mapped(t, file(t, bytes.Repeat([]byte("m"), 115)), shm.ReadOnly, shm.Options{})
	require.Equal(t, 115, m.Len())
	require.Equal(t, byte('m'), m.Bytes()[114])
}

func TestPythonLengthZeroWithOffset(t *testing.T) {
	granularity := int64(shm.Granularity())
	f := file(t, bytes.Repeat([]byte("m"), 10*int(granularity)))
	m := mapped(t, f, shm.ReadOnly, shm.Options{Offset: granularity})
	require.Equal(t, 9*int(granularity), m.Len())
	for _, off := range []int64{10 * granularity, 10*granularity + 1, math.MaxInt64} {
		_, err := shm.MapFile(f, shm.ReadOnly, shm.Options{Offset: off})
		require.ErrorIs(t, err, shm.ErrBeyondEOF)
	}
}

func TestPythonMove(t *testing.T) {
	m := mapped(t, file(t, []byte("ABCDEabcde")), shm.ReadWrite, shm.Options{})
	require.NoError(t, m.Move(5, 0, 5))
	require.Equal(t, "ABCDEABCDE", string(m.Bytes()))

	data := []byte("0123456789")
	for dst := range data {
		for src := range data {
			for n := range len(data) - max(dst, src) {
				m := holding(t, string(data))
				expected := append(append(bytes.Clone(data[:dst]), data[src:src+n]...), data[dst+n:]...)
				require.NoError(t, m.Move(dst, src, n))
				require.Equal(t, expected, m.Bytes())
				require.NoError(t, m.Close())
			}
		}
	}

	m = anonymous(t, 100, shm.Options{})
	offsets := []int{-100, -1, 0, 100, 101}
	for _, src := range offsets {
		for _, dst := range offsets {
			for _, size := range offsets {
				if size == 0 && src >= 0 && dst >= 0 && src <= 100 && dst <= 100 || src == 0 && dst == 0 && size == 100 {
					require.NoError(t, m.Move(dst, src, size))
					continue
				}
				require.ErrorIs(t, m.Move(dst, src, size), shm.ErrRange, "%d %d %d", dst, src, size)
			}
		}
	}
	one := anonymous(t, 1, shm.Options{})
	for _, bad := range [][3]int{{0, 0, 2}, {1, 0, 1}, {-1, 0, 1}, {0, -1, 1}, {0, 0, -1}, {math.MaxInt, math.MaxInt, math.MaxInt}} {
		require.ErrorIs(t, one.Move(bad[0], bad[1], bad[2]), shm.ErrRange)
	}
	require.NoError(t, one.Move(0, 0, 1))
}

func TestPythonAnonymous(t *testing.T) {
	m := anonymous(t, page, shm.Options{})
	for i := range page {
		require.Zero(t, m.Bytes()[i])
	}
	for i := range page {
		m.Bytes()[i] = byte(i % 256)
		require.Equal(t, byte(i%256), m.Bytes()[i])
	}
}

func TestPythonSlices(t *testing.T) {
	content := make([]byte, 256)
	for i := range content {
		content[255-i] = byte(i)
	}
	m := holding(t, string(content))
	for i := 0; i <= 256; i += 7 {
		for j := i; j <= 256; j += 5 {
			require.Equal(t, content[i:j], m.Bytes()[i:j])
			_, err := m.WriteAt(content[i:j], int64(i))
			require.NoError(t, err)
		}
	}
	require.Equal(t, content, m.Bytes())
	_, err := m.WriteAt(make([]byte, 257), 0)
	require.ErrorIs(t, err, shm.ErrRange, "a slice of the wrong size")
}
