//go:build !race

package ring_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

// TestNothingOnTheHotPathAllocates: publishing, claiming and reading, each with what it does once per stride.
func TestNothingOnTheHotPathAllocates(t *testing.T) {
	for mode, config := range modes {
		for _, size := range []int{0, 64, 4096} {
			t.Run(fmt.Sprintf("%s, %d bytes", mode, size), func(t *testing.T) {
				path := newRing(t, config)
				w := openWriter(t, path)
				r, v := openReader(t, path, ring.ReaderOptions{}), observe(t, path, ring.ObserverOptions{})
				payload, buf := make([]byte, size), make([]byte, size)
				batch := [][]byte{payload, payload, payload}
				read := func(n int) {
					for range n {
						if n%2 == 0 {
							_, _ = r.Next(background)
							_, _ = v.Next(background)
						} else {
							_, _ = r.Read(background, buf)
							_, _ = v.Read(background, buf)
						}
					}
				}
				calls := map[string]func(){
					"publish":        func() { _, _ = w.Publish(background, payload); read(1) },
					"publish tagged": func() { _, _ = w.PublishTagged(background, 7, payload); read(1) },
					"try":            func() { _, _ = w.TryPublish(payload); read(1) },
					"batch":          func() { _, _ = w.PublishBatch(background, batch); read(3) },
					"claim": func() {
						for range 2 {
							if c, err := w.Claim(background, size); err == nil {
								_, _ = c.Commit(size)
							}
						}
						read(2)
					},
					"claims": func() {
						if c, err := w.ClaimBatch(background, size, size, 1); err == nil {
							c.Drop(2)
							_, _, _ = c.Commit()
						}
						read(2)
					},
				}
				for name, call := range calls {
					require.Zero(t, testing.AllocsPerRun(500, call), name)
				}
				leases := func() {
					_, _ = w.PublishBatch(background, batch)
					for range 3 {
						if l, err := r.Lease(background); err == nil {
							_ = l.Release()
						}
						_, _ = v.Next(background)
					}
				}
				leases() // the first one makes the window
				require.Zero(t, testing.AllocsPerRun(500, leases), "lease")
				stats, err := r.Stats()
				require.NoError(t, err)
				require.EqualValues(t, 501*(1+1+1+3+2+2)+502*3, stats.Records, "every call was one that works")
			})
		}
	}
}

func TestAFullRingIsReportedWithoutAllocating(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	openReader(t, path, ring.ReaderOptions{Name: "r", Durable: true})
	fill(t, w)
	require.Zero(t, testing.AllocsPerRun(500, func() { _, _ = w.TryPublish(nil) }))
}

func TestATurnOfALoopDoesNotAllocate(t *testing.T) {
	const records = 1000
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	for name, open := range bothKinds {
		publish(t, w, records)
		s := open(t, path)
		allocs := func(turns int) float64 {
			return testing.AllocsPerRun(5, func() {
				left := turns
				for range s.Records(background) {
					if left--; left == 0 {
						return
					}
				}
			})
		}
		require.Equal(t, allocs(2), allocs(150), "%s: what a loop allocates does not grow with its turns", name)
		batches := testing.AllocsPerRun(1, func() {
			left := 3
			for range s.Batches(background, 10) {
				if left--; left == 0 {
					return
				}
			}
		})
		require.Less(t, batches, 5.0, name)
		require.NoError(t, s.Close())
	}
}

func TestAWaitForAnyDoesNotAllocate(t *testing.T) {
	writers, sources, w := anyOf(t, 3)
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	back := make(chan bool)
	go func() {
		for range back {
			_, _ = writers[0].Publish(background, nil)
		}
	}()
	defer close(back)
	a, b, c := sources[0].(ring.Waitable), sources[1].(ring.Waitable), sources[2].(ring.Waitable)
	for name, wait := range map[string]func() (int, error){
		"Waiter":  func() (int, error) { return w.Wait(ctx) },
		"WaitAny": func() (int, error) { return ring.WaitAny(background, a, b, c) },
	} {
		require.Zero(t, testing.AllocsPerRun(200, func() {
			back <- true
			if i, err := wait(); i != 0 || err != nil {
				panic(fmt.Sprint(i, err))
			}
			_, _ = sources[0].Next(background)
		}), name)
	}
}

func TestWorkDoesNotAllocate(t *testing.T) {
	for mode, config := range modes {
		for _, window := range []int{1, 8} {
			t.Run(fmt.Sprintf("%s, window %d", mode, window), func(t *testing.T) {
				path := newRing(t, config)
				w, m := openWriter(t, path), join(t, path, ring.GroupOptions{Window: window})
				batch, done := [][]byte{make([]byte, 64), make([]byte, 64), make([]byte, 64)}, uint64(0)
				take := func() {
					_, _ = w.PublishBatch(background, batch)
					for range batch {
						if work, err := m.Next(background); err == nil && work.Done() == nil {
							done++
						}
					}
				}
				take() // the first takes memory for all
				require.Zero(t, testing.AllocsPerRun(500, take))
				require.EqualValues(t, 3*502, done)
			})
		}
	}
}
