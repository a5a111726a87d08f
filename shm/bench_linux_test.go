package shm_test

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/shm"
)

// against measures ours beside what a user would write without it, in turns, so that both meet the same machine. The
// result's ns/op is ours; "baseline-ns/op" is the other, and "x-baseline" how many times as long ours takes.
func against(b *testing.B, each int, baseline, ours func(n int)) {
	b.ReportAllocs()
	b.ResetTimer()
	var took [2]time.Duration
	for done := 0; done < b.N; {
		n := min(b.N-done, each)
		for i, run := range []func(n int){baseline, ours} {
			start := time.Now()
			run(n)
			took[i] += time.Since(start)
		}
		done += n
	}
	b.ReportMetric(float64(took[1].Nanoseconds())/float64(b.N), "ns/op")
	b.ReportMetric(float64(took[0].Nanoseconds())/float64(b.N), "baseline-ns/op")
	b.ReportMetric(float64(took[1])/float64(took[0]), "x-baseline")
}

const span = 1 << 16 // bytes that stay in the processor's cache

// BenchmarkReadAt and its kin copy 64 bytes; the baseline is a copy under an RWMutex, without any guard.
func BenchmarkReadAt(b *testing.B) {
	m := anonymous(b, 2*span, shm.Options{})
	var mu sync.RWMutex
	data, p := m.Bytes(), make([]byte, 64)
	against(b, 10_000, func(n int) {
		for i := range n {
			mu.RLock()
			copy(p, data[i*64&(span-1):])
			mu.RUnlock()
		}
	}, func(n int) {
		for i := range n {
			_, _ = m.ReadAt(p, int64(i*64&(span-1)))
		}
	})
}

func BenchmarkWriteAt(b *testing.B) {
	m := anonymous(b, 2*span, shm.Options{})
	var mu sync.RWMutex
	data, p := m.Bytes(), make([]byte, 64)
	against(b, 10_000, func(n int) {
		for i := range n {
			mu.RLock()
			copy(data[i*64&(span-1):], p)
			mu.RUnlock()
		}
	}, func(n int) {
		for i := range n {
			_, _ = m.WriteAt(p, int64(i*64&(span-1)))
		}
	})
}

// BenchmarkGuard and BenchmarkUse run an empty function; the baseline calls it.
func BenchmarkGuard(b *testing.B) {
	m := anonymous(b, page, shm.Options{})
	fn := func() {}
	against(b, 10_000, func(n int) {
		for range n {
			fn()
		}
	}, func(n int) {
		for range n {
			_ = m.Guard(fn)
		}
	})
}

func BenchmarkUse(b *testing.B) {
	m := anonymous(b, page, shm.Options{})
	fn := func([]byte) error { return nil }
	against(b, 10_000, func(n int) {
		for range n {
			_ = fn(nil)
		}
	}, func(n int) {
		for range n {
			_ = m.Use(fn)
		}
	})
}

// BenchmarkFind looks for what is at the end of 1 GiB; the baseline is bytes.Index on the heap.
func BenchmarkFind(b *testing.B) {
	const size = 1 << 30
	sub := []byte("needle")
	m := anonymous(b, size, shm.Options{Populate: true})
	heap := make([]byte, size)
	for _, mem := range [][]byte{heap, m.Bytes()} {
		fill(mem, '.')
		copy(mem[size-len(sub):], sub)
	}
	var i int
	against(b, 1, func(n int) {
		for range n {
			i = bytes.Index(heap, sub)
		}
	}, func(n int) {
		for range n {
			i, _ = m.Find(sub, 0, size)
		}
	})
	require.Equal(b, size-len(sub), i)
}

// text returns a cached file of 2 GiB of lines of 100 bytes, and what is in it.
func text(b *testing.B) (*os.File, []byte) {
	const size = 2 << 30
	line := append(bytes.Repeat([]byte("x"), 99), '\n')
	f, err := os.CreateTemp(b.TempDir(), "text")
	require.NoError(b, err)
	b.Cleanup(func() { f.Close() })
	content := bytes.Repeat(line, int(int64(size)/100))
	_, err = f.Write(content)
	require.NoError(b, err)
	_, err = io.Copy(io.Discard, io.NewSectionReader(f, 0, size)) // all of it is in memory now
	require.NoError(b, err)
	return f, content
}

func scan(b *testing.B, r io.Reader) {
	lines, n := bufio.NewScanner(r), 0
	for lines.Scan() {
		n += len(lines.Bytes()) + 1
	}
	require.NoError(b, lines.Err())
}

// BenchmarkLines reads 2 GiB by lines, of one map and by windows; the baselines are a Scanner over the bytes on the heap,
// and one over the file.
func BenchmarkLines(b *testing.B) {
	f, content := text(b)
	m := mapped(b, f, shm.ReadOnly, shm.Options{})
	ofMap := func(int) {
		_, err := m.Seek(0, io.SeekStart)
		require.NoError(b, err)
		for _, err := range m.Lines() {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	ofFile := func(int) {
		for _, err := range shm.Lines(f) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	heap := func(int) { scan(b, bytes.NewReader(content)) }
	file := func(int) { scan(b, io.NewSectionReader(f, 0, int64(len(content)))) }
	for _, c := range []struct {
		name           string
		baseline, ours func(int)
	}{
		{"of a map, against a scanner of the heap", heap, ofMap}, {"of a map, against a scanner of the file", file, ofMap},
		{"of a file, against a scanner of the heap", heap, ofFile}, {"of a file, against a scanner of the file", file, ofFile},
	} {
		b.Run(c.name, func(b *testing.B) {
			against(b, 1, c.baseline, c.ours)
		})
	}
}

// BenchmarkRandomRead copies 4 KiB from anywhere in a file that is in memory; the baseline is pread. One file fits into the
// processor's cache, the other does not: there both wait for the memory.
func BenchmarkRandomRead(b *testing.B) {
	for name, size := range map[string]int64{"of 1 MiB": 1 << 20, "of 256 MiB": 256 << 20} {
		b.Run(name, func(b *testing.B) {
			const piece = 4 << 10
			f := file(b, make([]byte, size))
			m := mapped(b, f, shm.ReadOnly, shm.Options{Populate: true})
			p := make([]byte, piece)
			random := rand.New(rand.NewPCG(1, 2))
			offsets := make([]int64, 1<<12)
			for i := range offsets {
				offsets[i] = random.Int64N(size-piece) &^ 63
			}
			against(b, 1000, func(n int) {
				for i := range n {
					_, _ = f.ReadAt(p, offsets[i&(1<<12-1)])
				}
			}, func(n int) {
				for i := range n {
					_, _ = m.ReadAt(p, offsets[i&(1<<12-1)])
				}
			})
		})
	}
}

// BenchmarkWindow maps and unmaps 1 MiB; the baseline is the two bare system calls.
func BenchmarkWindow(b *testing.B) {
	const size = 1 << 20
	f := file(b, make([]byte, 16*size))
	fd := int(f.Fd())
	var sum byte
	read := func(p []byte) {
		for i := 0; i < len(p); i += page {
			sum += p[i]
		}
	}
	bare := func(use func([]byte)) func(int) {
		return func(n int) {
			for range n {
				p, err := unix.Mmap(fd, size, size, unix.PROT_READ, unix.MAP_SHARED)
				if err != nil {
					b.Fatal(err)
				}
				use(p)
				if err := unix.Munmap(p); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	ours := func(o shm.Options, use func([]byte)) func(int) {
		o.Offset, o.Length = size, size
		return func(n int) {
			for range n {
				m, err := shm.MapFile(f, shm.ReadOnly, o)
				if err != nil {
					b.Fatal(err)
				}
				use(m.Bytes())
				if err := m.Close(); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	nothing := func([]byte) {}
	b.Run("that is read", func(b *testing.B) { against(b, 100, bare(read), ours(shm.Options{}, read)) })
	b.Run("that is not touched", func(b *testing.B) { against(b, 100, bare(nothing), ours(shm.Options{}, nothing)) })
	b.Run("that keeps no descriptor and is not touched", func(b *testing.B) {
		against(b, 100, bare(nothing), ours(shm.Options{NoTrack: true}, nothing))
	})
	b.Run("of an iterator, not touched", func(b *testing.B) {
		against(b, 16, bare(nothing), func(n int) {
			for _, err := range shm.Windows(f, size, shm.ReadOnly, shm.Options{Length: n * size}) {
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}
