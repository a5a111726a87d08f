package release_test

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/release"
	"github.com/mmring/mmring/internal/view"
)

func TestStoreStoresTheWordAndNothingElse(t *testing.T) {
	var words [3]atomic.Uint64
	release.Store(&words[1], 1<<63|7)
	require.Equal(t, [3]uint64{0, 1<<63 | 7, 0}, [3]uint64{words[0].Load(), words[1].Load(), words[2].Load()})
}

func TestMirrorCopiesEverySizeAndNoByteMore(t *testing.T) {
	for n := 16; n <= 240; n += 16 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			mem, rec := view.Aligned(16+240+16), view.Aligned(240)
			for i := range mem {
				mem[i] = 0xee
			}
			for i := range rec {
				rec[i] = byte(i + n)
			}
			release.Mirror(view.Uint64(mem, 0), &rec[0], 1<<40+5, n)
			require.Equal(t, uint64(1<<40+5), view.Uint64(mem, 0).Load())
			require.Equal(t, uint64(1<<40+5), view.Uint64(mem, 8).Load())
			require.Equal(t, rec[:n], mem[16:16+n])
			for i := 16 + n; i < len(mem); i++ {
				require.Equal(t, byte(0xee), mem[i], "byte %d", i)
			}
		})
	}
}

// A reader that copies the mirror and finds in the stamp, afterwards, the number it saw in line[0], has a whole copy.
func TestAMirrorWithTheRightStampIsWhole(t *testing.T) {
	const rounds = 200000
	const n = 64
	mem := view.Aligned(16 + n)
	word := func(i int) *atomic.Uint64 { return view.Uint64(mem, 8*i) }
	done := make(chan struct{})
	go func() {
		defer close(done)
		rec := view.Aligned(n)
		for i := uint64(1); i <= rounds; i++ {
			for w := range n / 8 {
				view.Uint64(rec, 8*w).Store(i)
			}
			release.Mirror(word(0), &rec[0], i, n)
		}
	}()
	var fence atomic.Uint32
	for seen := uint64(0); seen < rounds; {
		p := word(0).Load()
		var got [n / 8]uint64
		for w := range got {
			got[w] = word(2 + w).Load()
		}
		fence.Store(1)
		if p != 0 && word(1).Load() == p {
			for w := range got {
				require.Equal(t, p, got[w], "word %d", w)
			}
		}
		seen = p
	}
	<-done
}

var next [256]byte

func TestFreeStoresTheLowerHalfAndReturnsTheUpper(t *testing.T) {
	var words [3]atomic.Uint32
	for _, upper := range []uint32{0, 1, 0x7fff, 0x8000, 0xffff} {
		for i := range words {
			words[i].Store(upper<<16 | 0xabcd)
		}
		require.EqualValues(t, upper, release.Free(&words[1], &next[0]))
		require.Equal(t, upper<<16, words[1].Load())
		require.Equal(t, upper<<16|0xabcd, words[0].Load())
		require.Equal(t, upper<<16|0xabcd, words[2].Load())
	}
}

// Somebody sets the word's highest bit by compare-and-swap while its lower half is taken and freed: no bit is lost, and
// nobody takes what is taken.
func TestFreeLosesNoBitThatOthersSet(t *testing.T) {
	const rounds = 5000
	const bit = 1 << 31
	var word atomic.Uint32
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; n < rounds; {
			v := word.Load()
			switch {
			case v&bit != 0:
				runtime.Gosched()
			case word.CompareAndSwap(v, v|bit):
				n++
			}
		}
	}()
	for seen := 0; seen < rounds; {
		v := word.Load()
		require.Zero(t, v&0xffff)
		if !word.CompareAndSwap(v, v&^bit|7) {
			continue
		}
		if v&bit != 0 {
			seen++
		} else {
			runtime.Gosched()
		}
		release.Free(&word, &next[0])
	}
	<-done
}

func BenchmarkStore(b *testing.B) {
	var word atomic.Uint64
	for i := range b.N {
		release.Store(&word, uint64(i))
	}
}

func BenchmarkAtomicStore(b *testing.B) {
	var word atomic.Uint64
	for i := range b.N {
		word.Store(uint64(i))
	}
}

func BenchmarkMirror(b *testing.B) {
	mem, rec := view.Aligned(256), view.Aligned(240)
	for _, n := range []int{48, 80, 240} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for i := range b.N {
				release.Mirror(view.Uint64(mem, 0), &rec[0], uint64(i), n)
			}
		})
	}
}

func BenchmarkFree(b *testing.B) {
	var word atomic.Uint32
	for range b.N {
		word.CompareAndSwap(0, 7)
		release.Free(&word, &next[0])
	}
}
