package ring_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

// What calls cost in one process: for comparisons of commits (make bench-compare). What two
// processes reach together is what bench measures. One op is one record everywhere.

// benchCapacity is the default, as users have it.
const benchCapacity = 16 << 20

func benchWriter(b *testing.B) *ring.Writer {
	w := openWriter(b, newRing(b, ring.Config{Capacity: benchCapacity}))
	for range benchCapacity/4096 + 1 { // so that no page is new
		_, err := w.Publish(background, make([]byte, 4096))
		require.NoError(b, err)
	}
	return w
}

// BenchmarkMemcpy is the limit: a record's payload is copied once to be published, once to be read, over memory as large as
// the ring.
func BenchmarkMemcpy(b *testing.B) {
	for _, size := range []int{64, 4096} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			to, from := make([]byte, benchCapacity), make([]byte, size)
			b.ReportAllocs()
			b.SetBytes(int64(size))
			at := 0
			for b.Loop() {
				copy(to[at:at+size], from)
				at = (at + size) & (benchCapacity - 1)
			}
		})
	}
}

func BenchmarkPublish(b *testing.B) {
	for _, size := range []int{32, 64, 224, 4096} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			w, payload := benchWriter(b), make([]byte, size)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.Publish(background, payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkTryPublish(b *testing.B) {
	w, payload := benchWriter(b), make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.TryPublish(payload); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPublishBatch(b *testing.B) {
	for _, n := range []int{4, 64, 256} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w, batch := benchWriter(b), make([][]byte, n)
			for i := range batch {
				batch[i] = make([]byte, 64)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i += n {
				if _, err := w.PublishBatch(background, batch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkClaim(b *testing.B) {
	for _, size := range []int{64, 4096} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			w := benchWriter(b)
			b.ReportAllocs()
			for b.Loop() {
				c, err := w.Claim(background, size)
				if err != nil {
					b.Fatal(err)
				}
				clear(c.Bytes())
				if _, err := c.Commit(size); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkClaimBatch is 16 records of 64 B with one commit, and a claim and commit for each beside it.
func BenchmarkClaimBatch(b *testing.B) {
	const n = 16
	w, sizes := benchWriter(b), make([]int, n)
	for i := range sizes {
		sizes[i] = 64
	}
	b.Run("together", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; i < b.N; i += n {
			c, err := w.ClaimBatch(background, sizes...)
			if err != nil {
				b.Fatal(err)
			}
			for j := range n {
				clear(c.Bytes(j))
			}
			if _, _, err := c.Commit(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("one by one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c, err := w.Claim(background, 64)
			if err != nil {
				b.Fatal(err)
			}
			clear(c.Bytes())
			if _, err := c.Commit(64); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkRead is about reading what is there already.
func BenchmarkRead(b *testing.B) {
	buf := make([]byte, 4096)
	for _, by := range []struct {
		name string
		read func(r *ring.Reader, n int) error
	}{
		{"Next", func(r *ring.Reader, n int) (err error) {
			for ; n > 0 && err == nil; n-- {
				_, err = r.Next(background)
			}
			return err
		}},
		{"Read", func(r *ring.Reader, n int) (err error) {
			for ; n > 0 && err == nil; n-- {
				_, err = r.Read(background, buf)
			}
			return err
		}},
		{"Lease", func(r *ring.Reader, n int) (err error) {
			for ; n > 0 && err == nil; n-- {
				var l ring.Lease
				if l, err = r.Lease(background); err == nil {
					err = l.Release()
				}
			}
			return err
		}},
		{"Leases", func(r *ring.Reader, n int) error {
			for l := range r.Leases(background) {
				if n--; n == 0 {
					return l.Release()
				}
			}
			return r.Err()
		}},
		{"Records", func(r *ring.Reader, n int) error {
			for range r.Records(background) {
				if n--; n == 0 {
					return r.Ack()
				}
			}
			return r.Err()
		}},
		{"Batches", func(r *ring.Reader, n int) error {
			for batch := range r.Batches(background, 64) {
				if n -= len(batch); n <= 0 {
					return r.Ack()
				}
			}
			return r.Err()
		}},
	} {
		for _, size := range []int{64, 4096} {
			b.Run(fmt.Sprintf("%s/%d", by.name, size), func(b *testing.B) { benchRead(b, size, by.read) })
		}
	}
}

// benchRead lets read have b.N records, which are published before the clock runs.
func benchRead(b *testing.B, size int, read func(r *ring.Reader, n int) error) {
	most := benchCapacity / 2 / (size + 16)
	path := newRing(b, ring.Config{Capacity: benchCapacity})
	w, r := openWriter(b, path), openReader(b, path, ring.ReaderOptions{})
	payload := make([]byte, size)
	b.ReportAllocs()
	b.ResetTimer()
	for left := b.N; left > 0; {
		n := min(left, most)
		left -= n
		b.StopTimer()
		for range n {
			_, err := w.Publish(background, payload)
			require.NoError(b, err)
		}
		b.StartTimer()
		if err := read(r, n); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkObserve(b *testing.B) {
	path := newRing(b, ring.Config{Capacity: benchCapacity})
	w := openWriter(b, path)
	for range benchCapacity / 80 / 2 {
		_, err := w.Publish(background, make([]byte, 64))
		require.NoError(b, err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for left := b.N; left > 0; {
		b.StopTimer()
		o := observe(b, path, ring.ObserverOptions{})
		b.StartTimer()
		for range min(left, benchCapacity/80/2) {
			if _, err := o.Next(background); err != nil {
				b.Fatal(err)
			}
			left--
		}
		b.StopTimer()
		require.NoError(b, o.Close())
		b.StartTimer()
	}
}

// BenchmarkThere is one record at a time from a writer to its reader.
func BenchmarkThere(b *testing.B) {
	path := newRing(b, ring.Config{Capacity: benchCapacity})
	w, r := openWriter(b, path), openReader(b, path, ring.ReaderOptions{})
	payload := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Publish(background, payload); err != nil {
			b.Fatal(err)
		}
		if _, err := r.Next(background); err != nil {
			b.Fatal(err)
		}
	}
}
