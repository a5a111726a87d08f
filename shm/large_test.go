package shm_test

import (
	"bufio"
	"bytes"
	"io"
	"iter"
	"math"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/shm"
)

// marks are where the large file has a byte that is not zero; they are int64 because int may be too small for them.
var (
	GiB       = int64(1 << 30)
	largeSize = 6 * GiB
	marks     = []int64{0, 14, 4*GiB - 1, 4 * GiB, 4*GiB + 14, 5*GiB + 4097, largeSize - 1}
)

func mark(off int64) byte { return byte(off%251) + 1 }

// large returns a file of 6 GiB that is nearly all hole.
func large(t *testing.T) *os.File {
	t.Helper()
	if math.MaxInt == math.MaxInt32 {
		t.Skip("this machine has not 6 GiB of addresses")
	}
	f := file(t, nil)
	require.NoError(t, f.Truncate(largeSize))
	for _, off := range marks {
		_, err := f.WriteAt([]byte{mark(off)}, off)
		require.NoError(t, err)
	}
	return f
}

func TestAMapOf6GiB(t *testing.T) {
	f := large(t)
	m := mapped(t, f, shm.ReadWrite, shm.Options{Sparse: true})
	require.Equal(t, largeSize, int64(m.Len()))
	for _, off := range marks {
		require.Equal(t, mark(off), m.Bytes()[off])
		at, err := m.Seek(off, io.SeekStart)
		require.NoError(t, err)
		require.Equal(t, off, at)
		b, err := m.ReadByte()
		require.NoError(t, err)
		require.Equal(t, mark(off), b)
		var one [1]byte
		_, err = m.ReadAt(one[:], off)
		require.NoError(t, err)
		require.Equal(t, mark(off), one[0])
		i, err := m.Find([]byte{mark(off)}, int(off), int(off)+1)
		require.NoError(t, err)
		require.Equal(t, off, int64(i))
	}
	last := marks[len(marks)-1]
	i, err := m.RFind([]byte{mark(last)}, -10, m.Len())
	require.NoError(t, err)
	require.Equal(t, last, int64(i))
	_, err = m.WriteAt([]byte("far"), 4*GiB+100)
	require.NoError(t, err)
	require.NoError(t, m.Move(int(5*GiB), int(4*GiB+100), 3))
	require.NoError(t, m.FlushRange(int(5*GiB)+1, 1))
	far := make([]byte, 3)
	_, err = f.ReadAt(far, 5*GiB)
	require.NoError(t, err)
	require.Equal(t, "far", string(far))
	require.NoError(t, m.Resize(int(7*GiB)))
	require.Equal(t, 7*GiB, int64(sizeOf(t, f)))
	require.NoError(t, m.Resize(int(5*GiB)+3))
	require.Equal(t, "far", string(m.Bytes()[m.Len()-3:]))
}

func TestWindowsBeyond4GiB(t *testing.T) {
	f := large(t)
	for _, off := range marks {
		n := min(100, largeSize-off)
		m := mapped(t, f, shm.ReadOnly, shm.Options{Offset: off, Length: int(n)})
		require.Equal(t, off, m.Offset())
		require.Equal(t, mark(off), m.Bytes()[0])
		if off > 3 {
			before := mapped(t, f, shm.ReadOnly, shm.Options{Offset: off - 3, Length: 4})
			require.Equal(t, mark(off), before.Bytes()[3])
		}
	}
}

func TestWindowsShowAllOfAFile(t *testing.T) {
	f := large(t)
	size := GiB + 17
	var found []int64
	var end int64
	for m, err := range shm.Windows(f, int(size), shm.ReadOnly, shm.Options{}) {
		require.NoError(t, err)
		require.Equal(t, end, m.Offset(), "windows follow on each other")
		end += int64(m.Len())
		for _, off := range marks {
			if off >= m.Offset() && off < end && m.Bytes()[off-m.Offset()] == mark(off) {
				found = append(found, off)
			}
		}
	}
	require.Equal(t, largeSize, end)
	require.Equal(t, marks, found)
}

func TestWindowsOfARange(t *testing.T) {
	content := pattern(10*page + 3)
	f := file(t, content)
	for _, c := range []struct {
		name string
		o    shm.Options
		size int
		want []byte
	}{
		{"all", shm.Options{}, page, content},
		{"all in one", shm.Options{}, 100 * page, content},
		{"byte by byte", shm.Options{Offset: int64(len(content)) - 5}, 1, content[len(content)-5:]},
		{"from 14 on", shm.Options{Offset: 14}, page, content[14:]},
		{"a part", shm.Options{Offset: 14, Length: 3 * page}, 1000, content[14 : 14+3*page]},
		{"more than there is", shm.Options{Offset: 14, Length: 100 * page}, 1000, content[14:]},
		{"the end", shm.Options{Offset: int64(len(content))}, page, nil},
		{"behind the end", shm.Options{Offset: math.MaxInt64}, page, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var all []byte
			for m, err := range shm.Windows(f, c.size, shm.ReadOnly, c.o) {
				require.NoError(t, err)
				require.LessOrEqual(t, m.Len(), c.size)
				all = append(all, m.Bytes()...)
			}
			require.True(t, bytes.Equal(c.want, all))
		})
	}
	for m := range shm.Windows(file(t, nil), page, shm.ReadOnly, shm.Options{}) {
		require.Nil(t, m, "an empty file has no windows")
	}
	for m, err := range shm.Windows(file(t, nil), page, shm.ReadWrite, shm.Options{Length: 3 * page, Grow: true}) {
		require.NoError(t, err)
		m.Bytes()[0] = 1
	}
}

func TestAWindowIsClosedWhenTheLoopGoesOn(t *testing.T) {
	f := file(t, pattern(3*page))
	var all []*shm.Map
	for m, err := range shm.Windows(f, page, shm.ReadWrite, shm.Options{}) {
		require.NoError(t, err)
		for _, before := range all {
			require.True(t, before.Closed())
		}
		if all = append(all, m); len(all) == 2 {
			break
		}
	}
	require.Len(t, all, 2)
	require.True(t, all[1].Closed(), "and when it ends early")
	require.Panics(t, func() {
		for m := range shm.Windows(f, page, shm.ReadWrite, shm.Options{}) {
			all = append(all, m)
			panic("mine")
		}
	})
	require.True(t, all[2].Closed(), "and when it panics")
}

func TestWindowsThatCannotBe(t *testing.T) {
	f := file(t, pattern(10))
	for _, c := range []struct {
		name string
		f    *os.File
		size int
		o    shm.Options
		want error
	}{
		{"of no bytes", f, 0, shm.Options{}, shm.ErrRange},
		{"of less", f, -1, shm.Options{}, shm.ErrRange},
		{"before the start", f, 1, shm.Options{Offset: -1}, shm.ErrRange},
		{"of a negative range", f, 1, shm.Options{Length: -1}, shm.ErrRange},
		{"of a range that overflows", f, 1, shm.Options{Offset: math.MaxInt64, Length: 1}, shm.ErrRange},
		{"of no file", nil, 1, shm.Options{}, os.ErrInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			turns := 0
			for m, err := range shm.Windows(c.f, c.size, shm.ReadOnly, c.o) {
				turns++
				require.Nil(t, m)
				says(t, err, c.want, "map")
			}
			require.Equal(t, 1, turns, "an error is yielded once")
		})
	}
}

// lineTexts are contents whose lines are hard to get right: chunks and windows end inside of them.
func lineTexts() map[string]string {
	long := string(bytes.Repeat([]byte("x"), 3*chunk+5))
	var many bytes.Buffer
	for i := 0; many.Len() < 20<<20; i++ {
		many.WriteString(strconv.Itoa(i))
		many.WriteString(long[:i*7919%1000])
		many.WriteByte('\n')
	}
	return map[string]string{
		"one":                     "one",
		"one that ends":           "one\n",
		"empty lines":             "\n\n\n",
		"a line longer than read": long + "\n" + long,
		"a piece exactly":         long[:chunk/4-1] + "\nnext",
		"a piece and one":         "first\n" + long[:chunk/4] + "\nnext",
		"a chunk exactly":         long[:chunk-1] + "\nnext",
		"a chunk and one":         long[:chunk] + "\nnext",
		"several windows":         many.String(),
		"a line over two windows": many.String()[:16<<20-1] + long + "\nend\n",
	}
}

func TestLinesAreThoseOfBufio(t *testing.T) {
	for name, content := range lineTexts() {
		t.Run(name, func(t *testing.T) {
			f := file(t, []byte(content))
			m := mapped(t, f, shm.ReadOnly, shm.Options{})
			want := bufio.NewReaderSize(bytes.NewReader([]byte(content)), 1<<20)
			for name, lines := range map[string]iter.Seq2[[]byte, error]{"map": m.Lines(), "file": shm.Lines(f)} {
				want.Reset(bytes.NewReader([]byte(content)))
				for line, err := range lines {
					expected, _ := want.ReadBytes('\n')
					if err != nil || !bytes.Equal(expected, line) {
						t.Fatalf("%s: %v, %.100q instead of %.100q", name, err, line, expected)
					}
				}
				_, err := want.ReadByte()
				require.Equal(t, io.EOF, err, name)
			}
			require.Equal(t, int64(len(content)), m.Tell())
		})
	}
	for line := range shm.Lines(file(t, nil)) {
		t.Fatalf("an empty file has a line: %q", line)
	}
	for _, err := range shm.Lines(nil) {
		says(t, err, os.ErrInvalid, "map")
	}
}

func TestLinesStartAtTheCursorAndLeaveItBehindWhatWasYielded(t *testing.T) {
	m := holding(t, "skipped\none\ntwo\nthree")
	_, err := m.Seek(8, io.SeekStart)
	require.NoError(t, err)
	for line, err := range m.Lines() {
		require.NoError(t, err)
		if string(line) == "two\n" {
			break
		}
	}
	require.Equal(t, int64(16), m.Tell())
	line, err := m.ReadLine()
	require.NoError(t, err)
	require.Equal(t, "three", string(line))
}

func TestLinesBeyond4GiB(t *testing.T) {
	f := large(t)
	_, err := f.WriteAt([]byte("\nthe last line"), largeSize-14)
	require.NoError(t, err)
	m := mapped(t, f, shm.ReadOnly, shm.Options{})
	_, err = m.Seek(-16, io.SeekEnd)
	require.NoError(t, err)
	var all []string
	for line, err := range m.Lines() {
		require.NoError(t, err)
		all = append(all, string(line))
	}
	require.Equal(t, []string{"\x00\x00\n", "the last line"}, all)
}

func TestLinesOfAFileThatIsCutEnd(t *testing.T) {
	f := file(t, bytes.Repeat([]byte("line\n"), 40<<20/5))
	n := 0
	for line, err := range shm.Lines(f) {
		if err != nil {
			var fault *shm.FaultError
			require.ErrorAs(t, err, &fault)
			require.Nil(t, line)
			break
		}
		if n++; n == 1000 {
			require.NoError(t, f.Truncate(0))
		}
	}
	require.Less(t, n, 1<<20/5)
}
