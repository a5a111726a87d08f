package shm_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/shm"
)

// Each row maps a range of a file of three pages and makes it n bytes long: what is not mapped must survive.
func TestResizeCutsOnlyWhatIsMapped(t *testing.T) {
	three := 3 * page
	for _, c := range []struct {
		name   string
		off, n int // the range; n 0: to the end
		to     int
		file   int // its size afterwards
	}{
		{"a map of all, longer", 0, 0, three + 1, three + 1},
		{"a map of all, much longer", 0, 0, 10 * three, 10 * three},
		{"a map of all, shorter", 0, 0, page + 1, page + 1},
		{"a map of all, to one byte", 0, 0, 1, 1},
		{"a map of all, the same", 0, 0, three, three},
		{"the first page, a byte longer", 0, page, page + 1, three},
		{"the first page, to the end", 0, page, three, three},
		{"the first page, beyond the end", 0, page, three + 5, three + 5},
		{"the first page, shorter", 0, page, 5, three},
		{"the middle, shorter", page, page, 5, three},
		{"the middle, beyond the end", page, page, three, page + three},
		{"the end, shorter", page, 0, page, 2 * page},
		{"from 14 on, shorter", 14, 0, page, page + 14},
		{"from 14 on, longer", 14, 0, three, three + 14},
		{"bytes 14 to 24, shorter", 14, 10, 5, three},
		{"bytes 14 to 24, longer", 14, 10, page, three},
		{"all but the last byte, shorter", 0, three - 1, page, three},
		{"the last byte, longer", three - 1, 1, 2, three + 1},
	} {
		for _, o := range []shm.Options{{}, {Sparse: true}, {Reserve: 100 * page}} {
			t.Run(fmt.Sprintf("%s, sparse %t, reserved %d", c.name, o.Sparse, o.Reserve), func(t *testing.T) {
				content := pattern(three)
				f := file(t, content)
				o.Offset, o.Length = int64(c.off), c.n
				m := mapped(t, f, shm.ReadWrite, o)
				require.NoError(t, m.Resize(c.to))
				require.Equal(t, c.to, m.Len())
				require.Equal(t, c.to, cap(m.Bytes()))
				want := make([]byte, c.file)
				copy(want, content)
				require.True(t, bytes.Equal(want, onDisk(t, f)), "the file has other bytes")
				require.True(t, bytes.Equal(want[c.off:c.off+c.to], m.Bytes()), "the map shows other bytes")
				m.Bytes()[c.to-1] ^= 0xff
				want[c.off+c.to-1] ^= 0xff
				require.True(t, bytes.Equal(want, onDisk(t, f)), "the map is no longer the file")
			})
		}
	}
}

func TestAResizeThatCannotBeChangesNothing(t *testing.T) {
	content := pattern(3 * page)
	for _, c := range []struct {
		name string
		a    shm.Access
		o    shm.Options
		n    int
		want error
	}{
		{"to nothing", shm.ReadWrite, shm.Options{}, 0, shm.ErrRange},
		{"to less than nothing", shm.ReadWrite, shm.Options{}, -1, shm.ErrRange},
		{"to the smallest number", shm.ReadWrite, shm.Options{}, math.MinInt, shm.ErrRange},
		{"to the largest number", shm.ReadWrite, shm.Options{}, math.MaxInt, shm.ErrRange},
		{"beyond the reservation", shm.ReadWrite, shm.Options{Reserve: 10 * page}, 10*page + 1, shm.ErrRange},
		{"of a read-only map", shm.ReadOnly, shm.Options{}, page, shm.ErrReadOnly},
		{"of a copy-on-write map", shm.CopyOnWrite, shm.Options{}, page, fs.ErrPermission},
		{"of a copy-on-write map, longer", shm.CopyOnWrite, shm.Options{}, 4 * page, fs.ErrPermission},
		{"of a map that keeps no descriptor", shm.ReadWrite, shm.Options{NoTrack: true}, page, errors.ErrUnsupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := file(t, content)
			m := mapped(t, f, c.a, c.o)
			bytesBefore := m.Bytes()
			says(t, m.Resize(c.n), c.want, "resize", fmt.Sprint(c.n), fmt.Sprint(len(content)), "offset 0")
			require.Equal(t, len(content), m.Len())
			require.Same(t, &bytesBefore[0], &m.Bytes()[0], "the map has not moved")
			require.True(t, bytes.Equal(content, onDisk(t, f)))
		})
	}
}

// A file that others have cut is made whole again, and one that others have made longer is not cut.
func TestResizeLooksAtTheFileAsItIsNow(t *testing.T) {
	f := file(t, pattern(2*page))
	m := mapped(t, f, shm.ReadWrite, shm.Options{})
	require.NoError(t, f.Truncate(5))
	require.NoError(t, m.Resize(3*page))
	require.Equal(t, append(pattern(5), make([]byte, 3*page-5)...), m.Bytes())

	require.NoError(t, f.Truncate(int64(4*page)))
	require.NoError(t, m.Resize(page))
	require.Equal(t, 4*page, sizeOf(t, f), "the fourth page was never mapped")

	require.NoError(t, f.Truncate(5))
	require.NoError(t, m.Resize(10))
	require.Equal(t, 5, sizeOf(t, f), "to shrink makes no file longer")
}

func TestWithinAReservationSlicesStayValid(t *testing.T) {
	for name, m := range map[string]*shm.Map{
		"file":    mapped(t, file(t, pattern(100)), shm.ReadWrite, shm.Options{Offset: 14, Length: 50, Reserve: 1 << 30}),
		"memory":  anonymous(t, 50, shm.Options{Reserve: 1 << 30}),
		"private": anonymous(t, 50, shm.Options{Reserve: 1 << 30, Private: true}),
	} {
		t.Run(name, func(t *testing.T) {
			first := m.Bytes()
			for _, n := range []int{51, page, page + 1, 10 * page, 1 << 22, page - 14, page - 13, 1 << 22} {
				require.NoError(t, m.Resize(n))
				b := m.Bytes()
				require.Len(t, b, n)
				require.Same(t, &first[0], &b[0])
				b[0], b[n-1] = byte(n), 1
				require.Equal(t, byte(n), first[0])
			}
			require.Equal(t, 50, cap(first))
			says(t, m.Resize(1<<30+page), shm.ErrRange, "resize", "reserved")
		})
	}
}

func TestWhatGrowsAgainIsZero(t *testing.T) {
	for name, m := range map[string]*shm.Map{
		"file":             mapped(t, file(t, make([]byte, 14+2*page)), shm.ReadWrite, shm.Options{Offset: 14}),
		"file, reserved":   mapped(t, file(t, make([]byte, 14+2*page)), shm.ReadWrite, shm.Options{Offset: 14, Reserve: 9 * page}),
		"memory":           anonymous(t, 2*page, shm.Options{}),
		"private":          anonymous(t, 2*page, shm.Options{Private: true}),
		"private reserved": anonymous(t, 2*page, shm.Options{Private: true, Reserve: 9 * page}),
	} {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{page + 5, page, 7, 1} {
				fill(m.Bytes(), 0xee)
				require.NoError(t, m.Resize(n))
				require.NoError(t, m.Resize(3*page))
				require.Equal(t, bytes.Repeat([]byte{0xee}, n), m.Bytes()[:n])
				require.Equal(t, make([]byte, 3*page-n), m.Bytes()[n:], "to %d and back", n)
			}
		})
	}
}

func TestTheTailOfTheLastPageIsNotTheMaps(t *testing.T) {
	f := file(t, pattern(10))
	m := mapped(t, f, shm.ReadWrite, shm.Options{})
	require.Equal(t, 10, cap(m.Bytes()))
	_ = append(m.Bytes(), 1) //nolint:staticcheck // must copy
	require.NoError(t, m.Resize(20))
	require.Equal(t, append(pattern(10), make([]byte, 10)...), m.Bytes())
}

func TestResizeIsPinnedWhileAUseRuns(t *testing.T) {
	m := mapped(t, file(t, pattern(page)), shm.ReadWrite, shm.Options{})
	fixed := mapped(t, file(t, pattern(page)), shm.ReadWrite, shm.Options{Reserve: 10 * page})
	require.NoError(t, m.Use(func([]byte) error {
		says(t, m.Resize(2*page), shm.ErrPinned, "resize")
		says(t, m.Resize(5), shm.ErrPinned, "resize")
		return nil
	}))
	require.NoError(t, m.Resize(2*page), "it ends with the Use")
	require.NoError(t, fixed.Use(func(b []byte) error {
		require.NoError(t, fixed.Resize(2*page), "what does not move may grow")
		says(t, fixed.Resize(page), shm.ErrPinned, "resize")
		b[0] = 1
		return nil
	}))
}

// Advice for a part splits the mapping in the kernel, which then cannot move it as one.
func TestAMapInPartsStillGrows(t *testing.T) {
	for name, m := range map[string]*shm.Map{
		"file":    mapped(t, file(t, pattern(3*page)), shm.ReadWrite, shm.Options{}),
		"memory":  anonymous(t, 3*page, shm.Options{}),
		"private": anonymous(t, 3*page, shm.Options{Private: true}),
	} {
		t.Run(name, func(t *testing.T) {
			copy(m.Bytes(), pattern(3*page))
			err := m.AdviseRange(shm.DontFork, page, page)
			if errors.Is(err, errors.ErrUnsupported) {
				err = m.AdviseRange(shm.Random, page, page)
			}
			require.NoError(t, err)
			require.NoError(t, m.Resize(1000*page))
			require.True(t, bytes.Equal(pattern(3*page), m.Bytes()[:3*page]))
			m.Bytes()[999*page] = 1
			require.NoError(t, m.Resize(2*page))
			require.True(t, bytes.Equal(pattern(2*page), m.Bytes()))
		})
	}
}

func fill(b []byte, with byte) {
	for i := range b {
		b[i] = with
	}
}
