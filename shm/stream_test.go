package shm_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/shm"
)

var _ interface {
	io.ReadWriteSeeker
	io.ReaderAt
	io.WriterAt
	io.ByteReader
	io.ByteWriter
	io.ReaderFrom
	io.WriterTo
	io.StringWriter
	io.Closer
	String() string
} = (*shm.Map)(nil)

func TestAMapIsAReaderAsPackageIotestWantsIt(t *testing.T) {
	for _, n := range []int{1, 2, 100, page, 2*page + 17} {
		content := pattern(n)
		f := file(t, append([]byte("not mapped....")[:14], content...))
		require.NoError(t, iotest.TestReader(mapped(t, f, shm.ReadOnly, shm.Options{Offset: 14}), content))
	}
}

func TestBufioWorksOverAMap(t *testing.T) {
	m := holding(t, "one two\nthree\n"+strings.Repeat("x", 10))
	words := bufio.NewScanner(m)
	words.Split(bufio.ScanWords)
	var all []string
	for words.Scan() {
		all = append(all, words.Text())
	}
	require.NoError(t, words.Err())
	require.Equal(t, []string{"one", "two", "three", strings.Repeat("x", 10)}, all)

	_, err := m.Seek(0, io.SeekStart)
	require.NoError(t, err)
	both := bufio.NewReadWriter(bufio.NewReader(m), bufio.NewWriter(m))
	line, err := both.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "one two\n", line)
	_, err = m.Seek(8, io.SeekStart)
	require.NoError(t, err)
	_, err = both.WriteString("THREE")
	require.NoError(t, err)
	require.NoError(t, both.Flush())
	require.Equal(t, "THREE", string(m.Bytes()[8:13]))
	_, err = both.WriteString(strings.Repeat("y", m.Len()))
	require.NoError(t, err)
	says(t, both.Flush(), shm.ErrRange, "write")
}

func TestRegexpWorksOverAMap(t *testing.T) {
	m := holding(t, "....key=val,k2=v2....")
	require.Equal(t, [][]byte{[]byte("key=val"), []byte("k2=v2")}, regexp.MustCompile(`\w+=\w+`).FindAll(m.Bytes(), -1))
	require.Equal(t, []int{4, 11}, regexp.MustCompile(`k\w*=\w+`).FindReaderIndex(bufio.NewReader(m)))
}

func TestSectionReaderAndOffsetWriterWorkOverAMap(t *testing.T) {
	m := holding(t, "0123456789")
	section := io.NewSectionReader(m, 3, 4)
	all, err := io.ReadAll(section)
	require.NoError(t, err)
	require.Equal(t, "3456", string(all))
	require.NoError(t, iotest.TestReader(io.NewSectionReader(m, 2, 5), []byte("23456")))

	w := io.NewOffsetWriter(m, 4)
	_, err = io.Copy(w, strings.NewReader("abc"))
	require.NoError(t, err)
	_, err = w.Write([]byte("defg"))
	says(t, err, shm.ErrRange, "write")
	require.Equal(t, "0123abc789", string(m.Bytes()))
	require.Zero(t, m.Tell(), "the cursor plays no part")
}

func TestBinaryAndChecksumsWorkOverAMap(t *testing.T) {
	m := anonymous(t, 100, shm.Options{})
	require.NoError(t, binary.Write(m, binary.LittleEndian, struct{ A, B uint32 }{1, 2}))
	require.Equal(t, uint64(2<<32|1), binary.LittleEndian.Uint64(m.Bytes()))
	sum := crc32.NewIEEE()
	_, err := m.Seek(0, io.SeekStart)
	require.NoError(t, err)
	n, err := io.Copy(sum, m)
	require.NoError(t, err)
	require.Equal(t, int64(100), n)
	require.Equal(t, crc32.ChecksumIEEE(m.Bytes()), sum.Sum32())
}

const chunk = 64 << 10 // what a map carries at a time

func TestReadFromTakesAllThatFits(t *testing.T) {
	for _, c := range []struct {
		name string
		at   int64
		n    int
		fits bool
	}{
		{"nothing", 0, 0, true},
		{"a byte", 5, 1, true},
		{"a chunk", 0, chunk, true},
		{"all of the map", 0, 3 * chunk, true},
		{"up to the end", chunk + 1, 2*chunk - 1, true},
		{"one byte too many", chunk + 1, 2 * chunk, false},
		{"nothing at the end", 3 * chunk, 0, true},
		{"a byte at the end", 3 * chunk, 1, false},
	} {
		for kind, wrap := range map[string]func(io.Reader) io.Reader{
			"at once": func(r io.Reader) io.Reader { return r }, "by halves": iotest.HalfReader, "data with the end": iotest.DataErrReader,
		} {
			t.Run(c.name+" "+kind, func(t *testing.T) {
				m := anonymous(t, 3*chunk, shm.Options{})
				_, err := m.Seek(c.at, io.SeekStart)
				require.NoError(t, err)
				content := pattern(c.n)
				n, err := m.ReadFrom(wrap(bytes.NewReader(content)))
				require.Equal(t, min(int64(c.n), 3*chunk-c.at), n)
				require.Equal(t, c.at+n, m.Tell())
				require.Equal(t, content[:n], m.Bytes()[c.at:c.at+n])
				if c.fits {
					require.NoError(t, err)
				} else {
					says(t, err, shm.ErrRange, "write")
				}
			})
		}
	}
}

func TestReadFromReturnsTheReadersError(t *testing.T) {
	m := anonymous(t, 100, shm.Options{})
	bad := errors.New("bad")
	n, err := m.ReadFrom(io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(bad)))
	require.ErrorIs(t, err, bad)
	require.Equal(t, int64(3), n)
	require.Equal(t, int64(3), m.Tell())
}

// liar says that it read or wrote another number of bytes than it was asked to.
type liar int

func (l liar) Read([]byte) (int, error)  { return int(l), nil }
func (l liar) Write([]byte) (int, error) { return int(l), nil }

func TestLiarsDoNotPanic(t *testing.T) {
	for _, n := range []int{-1, 101, 1 << 30} {
		m := anonymous(t, 100, shm.Options{})
		_, err := m.ReadFrom(liar(n))
		require.ErrorContains(t, err, "100 bytes")
		_, err = m.WriteTo(liar(n))
		require.ErrorContains(t, err, "100 bytes")
		require.Zero(t, m.Tell())
	}
}

func TestWriteToGivesAllThatIsAhead(t *testing.T) {
	content := pattern(3*chunk + 1)
	m := holding(t, string(content))
	for _, at := range []int{0, 1, chunk, 3 * chunk, len(content)} {
		_, err := m.Seek(int64(at), io.SeekStart)
		require.NoError(t, err)
		var all bytes.Buffer
		n, err := m.WriteTo(&all)
		require.NoError(t, err)
		require.Equal(t, int64(len(content)-at), n)
		require.True(t, bytes.Equal(content[at:], all.Bytes()))
		require.Equal(t, int64(len(content)), m.Tell())
	}
}

// narrow takes so many bytes and then fails, with that error or by writing less.
type narrow struct {
	takes int
	err   error
}

func (w *narrow) Write(p []byte) (int, error) {
	n := min(len(p), w.takes)
	w.takes -= n
	if n < len(p) {
		return n, w.err
	}
	return n, nil
}

func TestWriteToStopsWhereTheWriterDoes(t *testing.T) {
	bad := errors.New("bad")
	for _, c := range []struct {
		name string
		err  error
		want error
	}{
		{"with its error", bad, bad},
		{"that writes less and says nothing", nil, io.ErrShortWrite},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := anonymous(t, 2*chunk, shm.Options{})
			n, err := m.WriteTo(&narrow{takes: chunk + 5, err: c.err})
			require.ErrorIs(t, err, c.want)
			require.Equal(t, int64(chunk+5), n)
			require.Equal(t, int64(chunk+5), m.Tell(), "the cursor is behind what was taken")
		})
	}
}

func TestIoCopyBetweenMaps(t *testing.T) {
	from, to := holding(t, string(pattern(3*chunk))), anonymous(t, 3*chunk, shm.Options{})
	n, err := io.Copy(to, from)
	require.NoError(t, err)
	require.Equal(t, int64(3*chunk), n)
	require.True(t, bytes.Equal(from.Bytes(), to.Bytes()))
	_, err = from.Seek(0, io.SeekStart)
	require.NoError(t, err)
	_, err = io.Copy(from, from) // reads and writes at one cursor: ends, whatever it does
	require.True(t, err == nil || errors.Is(err, shm.ErrRange))
}
