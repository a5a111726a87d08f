package shm_test

import (
	"io/fs"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/shm"
)

func TestFlushRangeTakesAnyRange(t *testing.T) {
	f := file(t, pattern(3*page+10))
	m := mapped(t, f, shm.ReadWrite, shm.Options{Offset: 14})
	n := m.Len()
	flags := [][]shm.FlushFlag{nil, {shm.FlushAsync}, {shm.FlushInvalidate}, {shm.FlushAsync, shm.FlushInvalidate}}
	for _, r := range [][2]int{{0, n}, {0, 0}, {0, 1}, {1, 1}, {page - 14, page}, {page - 15, 2}, {page, 1}, {2*page + 17, 5}, {n - 1, 1}, {n, 0}} {
		for _, fl := range flags {
			m.Bytes()[min(r[0], n-1)]++
			require.NoError(t, m.FlushRange(r[0], r[1], fl...), "%v %v", r, fl)
		}
	}
	require.NoError(t, m.Flush())
	require.Equal(t, m.Bytes(), onDisk(t, f)[14:])
}

func TestAFlushOutsideOfTheMapIsRefused(t *testing.T) {
	f := file(t, pattern(100))
	for _, a := range []shm.Access{shm.ReadOnly, shm.ReadWrite, shm.CopyOnWrite} {
		m := mapped(t, f, a, shm.Options{})
		for name, r := range map[string][2]int{
			"before the start":     {-1, 1},
			"less than nothing":    {0, -1},
			"one byte too many":    {1, 100},
			"behind the end":       {101, 0},
			"a length that is all": {1, math.MaxInt},
			"a sum that overflows": {math.MaxInt, math.MaxInt},
			"the smallest numbers": {math.MinInt, math.MinInt},
			"the smallest length":  {0, math.MinInt},
		} {
			says(t, m.FlushRange(r[0], r[1]), shm.ErrRange, "flush", "100 bytes")
			require.Error(t, m.FlushRange(r[0], r[1], shm.FlushAsync), name)
		}
		says(t, m.FlushRange(0, 1, 4), fs.ErrInvalid, "flush", "0x4")
		says(t, m.FlushRange(0, 1, shm.FlushAsync, -1), fs.ErrInvalid, "flush")
	}
}

func TestThereIsNothingToFlushInMapsThatDoNotWrite(t *testing.T) {
	f := file(t, pattern(100))
	for _, m := range []*shm.Map{
		mapped(t, f, shm.ReadOnly, shm.Options{}), mapped(t, f, shm.CopyOnWrite, shm.Options{}),
		anonymous(t, 100, shm.Options{Private: true}), anonymous(t, 100, shm.Options{}),
	} {
		require.NoError(t, m.Flush())
		require.NoError(t, m.FlushRange(1, 50, shm.FlushAsync))
		require.NoError(t, m.FlushRange(1, 50, shm.FlushInvalidate))
	}
}

func TestAMapMadeReadOnlyStillFlushesWhatWasStored(t *testing.T) {
	f := file(t, pattern(100))
	m := mapped(t, f, shm.ReadWrite, shm.Options{})
	m.Bytes()[0] = 9
	require.NoError(t, m.Protect(shm.ReadOnly))
	require.NoError(t, m.Flush())
	require.Equal(t, byte(9), onDisk(t, f)[0])
}
