package view_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/view"
)

func TestAWordIsTheBytesUnderIt(t *testing.T) {
	mem := view.Aligned(64)
	view.Uint64(mem, 56).Store(0x0807060504030201)
	require.Equal(t, []byte{1, 2, 3, 4, 5, 6, 7, 8}, mem[56:])
	require.EqualValues(t, 0x08070605, view.Uint32(mem, 60).Load(), "the upper half, as on every little-endian machine")
	mem[56] = 9
	require.EqualValues(t, 0x0807060504030209, view.Uint64(mem, 56).Load())
	require.EqualValues(t, 0x09, view.Uint64(mem[56:], 0).Load()&0xff, "offsets count from the slice's start")
}

func TestAWordThatIsNotWhollyInsideOrNotAlignedPanics(t *testing.T) {
	mem := view.Aligned(64)
	for _, c := range []struct {
		name string
		mem  []byte
		off  int
		size int
		says string
	}{
		{"behind the end", mem, 64, 8, "word of 8 bytes at 64 outside of 64 bytes"},
		{"across the end", mem, 60, 8, "word of 8 bytes at 60 outside of 64 bytes"},
		{"32 bits across the end", mem[:62], 60, 4, "word of 4 bytes at 60 outside of 62 bytes"},
		{"before the start", mem, -8, 8, "word of 8 bytes at -8 outside of 64 bytes"},
		{"at an offset that would overflow", mem, math.MaxInt, 8, fmt.Sprintf("word of 8 bytes at %d outside of 64 bytes", math.MaxInt)},
		{"at the least offset", mem, math.MinInt, 4, fmt.Sprintf("word of 4 bytes at %d outside of 64 bytes", math.MinInt)},
		{"in memory smaller than a word", mem[:7], 0, 8, "word of 8 bytes at 0 outside of 7 bytes"},
		{"in no memory", nil, 0, 4, "word of 4 bytes at 0 outside of 0 bytes"},
		{"between two", mem, 4, 8, "word of 8 bytes at 4 is not aligned"},
		{"32 bits between two", mem, 2, 4, "word of 4 bytes at 2 is not aligned"},
		{"at an aligned offset of a slice that is not aligned", mem[1:], 8, 8, "word of 8 bytes at 8 is not aligned"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.PanicsWithValue(t, "view: "+c.says, func() {
				if c.size == 8 {
					view.Uint64(c.mem, c.off)
				} else {
					view.Uint32(c.mem, c.off)
				}
			})
		})
	}
}

func TestAlignedMemoryIsZeroedAndAligned(t *testing.T) {
	for n := range 100 {
		mem := view.Aligned(n)
		require.Len(t, mem, n)
		require.Equal(t, make([]byte, n), mem)
		require.Zero(t, view.Address(mem)%8)
		for i := range mem {
			mem[i] = 0xff // the next ones are zero all the same
		}
	}
}

func TestAnAddressIsThatOfTheFirstByte(t *testing.T) {
	mem := view.Aligned(64)
	require.Equal(t, view.Address(mem)+8, view.Address(mem[8:]))
	require.Zero(t, view.Address(nil))
}
