package ring_test

import (
	"hash/crc32"
	"testing"
	"time"

	"github.com/mmring/mmring/ring"
)

// What the options of a ring cost, each beside the least that it can cost, in one run.

// BenchmarkChecksums is about records of 64 KiB: published and read with a checksum, and a copy and a CRC-32C of as many
// bytes, over memory as large as the ring.
func BenchmarkChecksums(b *testing.B) {
	const size = 64 << 10
	table := crc32.MakeTable(crc32.Castagnoli)
	payload := make([]byte, size)
	b.Run("copy and crc", func(b *testing.B) {
		memory, at := make([]byte, benchCapacity), 0
		clear(memory)
		b.SetBytes(size)
		for b.Loop() {
			to := memory[at : at+size]
			copy(to, payload)
			crc32.Update(0, table, to)
			at = (at + size) & (benchCapacity - 1)
		}
	})
	b.Run("publish", func(b *testing.B) {
		w := openWriter(b, newRing(b, ring.Config{Capacity: benchCapacity, Checksums: true}))
		for range benchCapacity/size + 1 { // so that no page is new
			_, _ = w.Publish(background, payload)
		}
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := w.Publish(background, payload); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		path := newRing(b, ring.Config{Capacity: benchCapacity, Checksums: true})
		w, r := openWriter(b, path), openReader(b, path, ring.ReaderOptions{})
		b.SetBytes(size)
		b.ReportAllocs()
		b.ResetTimer()
		for left := b.N; left > 0; {
			n := min(left, benchCapacity/2/size)
			left -= n
			b.StopTimer()
			for range n {
				_, _ = w.Publish(background, payload)
			}
			b.StartTimer()
			for range n {
				if _, err := r.Next(background); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

// BenchmarkTimestamps is a record of 64 B with its time and one without, and the clock alone.
func BenchmarkTimestamps(b *testing.B) {
	payload := make([]byte, 64)
	b.Run("clock", func(b *testing.B) {
		sum := int64(0)
		for b.Loop() {
			sum += time.Now().UnixNano()
		}
	})
	for name, c := range map[string]ring.Config{"without": {}, "with": {Timestamps: true}} {
		b.Run(name, func(b *testing.B) {
			c.Capacity = benchCapacity
			w := openWriter(b, newRing(b, c))
			for range benchCapacity / 96 {
				_, _ = w.Publish(background, payload)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.Publish(background, payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
