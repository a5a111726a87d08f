package shm_test

import (
	"io"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/shm"
)

func TestReadAtCopiesWhatThereIs(t *testing.T) {
	for _, c := range []struct {
		name string
		off  int64
		n    int
		want string
		err  error
	}{
		{"the start", 0, 3, "012", nil},
		{"the middle", 4, 3, "456", nil},
		{"all", 0, 10, "0123456789", nil},
		{"more than there is", 7, 5, "789", io.EOF},
		{"nothing", 4, 0, "", nil},
		{"at the end", 10, 1, "", io.EOF},
		{"nothing at the end", 10, 0, "", io.EOF},
		{"behind the end", 11, 1, "", io.EOF},
		{"as far as there are numbers", math.MaxInt64, 1, "", io.EOF},
		{"before the start", -1, 1, "", shm.ErrRange},
		{"as far back as there are numbers", math.MinInt64, 1, "", shm.ErrRange},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := holding(t, "0123456789")
			p := []byte("..........")[:c.n]
			n, err := m.ReadAt(p, c.off)
			require.Equal(t, c.want, string(p[:n]))
			switch c.err {
			case nil, io.EOF:
				require.Equal(t, c.err, err)
			default:
				says(t, err, c.err, "read", "10 bytes")
			}
			require.Zero(t, m.Tell())
		})
	}
}

func TestWriteAtIsAllOrNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		off  int64
		data string
		want string // "" if it does not fit
	}{
		{"at the start", 0, "ab", "ab23456789"},
		{"up to the end", 8, "ab", "01234567ab"},
		{"one byte too many", 9, "ab", ""},
		{"nothing at the end", 10, "", "0123456789"},
		{"at the end", 10, "a", ""},
		{"nothing behind the end", 11, "", ""},
		{"as far as there are numbers", math.MaxInt64, "a", ""},
		{"before the start", -1, "ab", ""},
		{"nothing before the start", -1, "", ""},
		{"as far back as there are numbers", math.MinInt64, "a", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := holding(t, "0123456789")
			n, err := m.WriteAt([]byte(c.data), c.off)
			if c.want == "" {
				says(t, err, shm.ErrRange, "write", "10 bytes")
				require.Zero(t, n)
				require.Equal(t, "0123456789", string(m.Bytes()))
				return
			}
			require.NoError(t, err)
			require.Equal(t, len(c.data), n)
			require.Equal(t, c.want, string(m.Bytes()))
			require.Zero(t, m.Tell())
		})
	}
}

func TestMoveCopiesInTheMap(t *testing.T) {
	for _, c := range []struct {
		name        string
		dst, src, n int
		want        string // "" if it cannot be
	}{
		{"to the left, overlapping", 0, 2, 8, "2345678989"},
		{"to the right, overlapping", 2, 0, 8, "0101234567"},
		{"in place", 3, 3, 4, "0123456789"},
		{"apart", 0, 5, 5, "5678956789"},
		{"all", 0, 0, 10, "0123456789"},
		{"nothing", 4, 5, 0, "0123456789"},
		{"nothing at the end", 10, 10, 0, "0123456789"},
		{"nothing to behind the end", 11, 0, 0, ""},
		{"nothing from behind the end", 0, 11, 0, ""},
		{"to behind the end", 6, 0, 5, ""},
		{"from behind the end", 0, 6, 5, ""},
		{"to before the start", -1, 0, 5, ""},
		{"from before the start", 0, -1, 5, ""},
		{"less than nothing", 0, 0, -1, ""},
		{"more than there is", 0, 0, 11, ""},
		{"numbers whose sum overflows", math.MaxInt, 0, math.MaxInt, ""},
		{"a source whose end overflows", 0, math.MaxInt, 1, ""},
		{"a length that overflows", 1, 1, math.MaxInt, ""},
		{"the smallest numbers", math.MinInt, math.MinInt, math.MinInt, ""},
		{"the smallest source", 0, math.MinInt, 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := holding(t, "0123456789")
			err := m.Move(c.dst, c.src, c.n)
			if c.want == "" {
				says(t, err, shm.ErrRange, "move", "10 bytes")
				require.Equal(t, "0123456789", string(m.Bytes()))
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, string(m.Bytes()))
		})
	}
}

func TestFindLooksWhereItIsTold(t *testing.T) {
	const content = "aabaac\x00b\xffaab"
	n := len(content)
	for _, c := range []struct {
		name       string
		sub        string
		start, end int
		first      int
		last       int
	}{
		{"everywhere", "aab", 0, n, 0, 9},
		{"from an index on", "aab", 1, n, 9, 9},
		{"up to an index", "aab", 0, n - 1, 0, 0},
		{"in a window that is too small", "aab", 1, n - 1, -1, -1},
		{"exactly in the window", "baac", 2, 6, 2, 2},
		{"zero bytes", "\x00b\xff", 0, n, 6, 6},
		{"from the end by negative numbers", "aab", -3, n, 9, 9},
		{"up to a negative number", "aab", 0, -1, 0, 0},
		{"numbers that are cut", "aab", -100, 100, 0, 9},
		{"as far as there are numbers", "aab", math.MinInt, math.MaxInt, 0, 9},
		{"start behind the end", "aab", 100, n, -1, -1},
		{"end before start", "a", 5, 4, -1, -1},
		{"nothing, with end before start", "", 5, 4, -1, -1},
		{"nothing", "", 3, 7, 3, 7},
		{"nothing at the end", "", n, n, n, n},
		{"what is not there", "zz", 0, n, -1, -1},
		{"more than there is", content + "x", 0, n, -1, -1},
		{"all", content, 0, n, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := holding(t, content)
			_, err := m.Seek(4, io.SeekStart)
			require.NoError(t, err)
			i, err := m.Find([]byte(c.sub), c.start, c.end)
			require.NoError(t, err)
			require.Equal(t, c.first, i, "Find")
			i, err = m.RFind([]byte(c.sub), c.start, c.end)
			require.NoError(t, err)
			require.Equal(t, c.last, i, "RFind")
			require.Equal(t, int64(4), m.Tell(), "the cursor plays no part")
		})
	}
}
