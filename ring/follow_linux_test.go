package ring_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
	"github.com/mmring/mmring/ring/ringtest"
)

// follower is what follows.
type follower interface {
	nexter
	Close() error
	Stats() (ring.ReaderStats, error)
}

// following open whoever can follow.
var following = map[string]func(t *testing.T, path string) follower{
	"a reader":         func(t *testing.T, path string) follower { return openReader(t, path, ring.ReaderOptions{Follow: true}) },
	"an observer":      func(t *testing.T, path string) follower { return observe(t, path, ring.ObserverOptions{Follow: true}) },
	"a durable reader": func(t *testing.T, path string) follower { return openReader(t, path, durableFollower) },
}

var durableFollower = ring.ReaderOptions{Name: "keep", Durable: true, Follow: true}

// another makes a ring elsewhere in which so many records were published, and returns its path.
func another(t testing.TB, records int) string {
	t.Helper()
	path := newRing(t, ring.Config{Capacity: 2 * small})
	w := openWriter(t, path)
	publish(t, w, records)
	require.NoError(t, w.Close())
	return path
}

// fates are what happens to a ring that was read to its end, and how another comes to its path.
var fates = map[string]struct {
	ended bool
	lose  func(t *testing.T, path string)
	come  func(t *testing.T, path string)
}{
	"replaced":                       {false, func(*testing.T, string) {}, replace},
	"deleted, and made again":        {false, func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) }, replace},
	"renamed, and made again":        {false, func(t *testing.T, path string) { require.NoError(t, os.Rename(path, path+".old")) }, replace},
	"ended, and replaced":            {true, func(*testing.T, string) {}, replace},
	"ended, deleted, and made again": {true, func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) }, replace},
}

func replace(t *testing.T, path string) { require.NoError(t, os.Rename(another(t, 3), path)) }

func TestAFollowerGoesOnWithTheRingThatTakesThePlaceOfItsOwn(t *testing.T) {
	for who, open := range following {
		for what, fate := range fates {
			t.Run(who+", "+what, func(t *testing.T) {
				path := newRing(t, ring.Config{})
				w := openWriter(t, path)
				c := open(t, path)
				publish(t, w, 2)
				next(t, c, 1)
				publish(t, w, 3) // still to be read when the ring is lost
				if fate.ended {
					require.NoError(t, w.End())
				}
				fate.lose(t, path)
				if !fate.ended {
					require.NoError(t, w.Close())
				}
				for seq := uint64(2); seq <= 5; seq++ {
					next(t, c, seq)
				}
				dry(t, c)

				records := make(chan ring.Record)
				go func() {
					rec, err := c.Next(background)
					if err != nil {
						t.Error(err)
					}
					records <- rec
				}()
				fate.come(t, path)
				rec := <-records
				require.EqualValues(t, 1, rec.Seq, "its numbers are its own")
				require.Zero(t, rec.Lost)
				next(t, c, 2)
				next(t, c, 3)
				dry(t, c)
				stats, err := c.Stats()
				require.NoError(t, err)
				require.EqualValues(t, 1, stats.Followed)
				require.EqualValues(t, 8, stats.Records)
				w = openWriter(t, path)
				publish(t, w, 1)
				next(t, c, 4)
				require.NoError(t, w.End())
				dry(t, c) // and waits for the next one
				require.NoError(t, c.Close())
				maps, descriptors := mappings(t, path)
				require.Equal(t, 2, maps, "the writer's")
				require.LessOrEqual(t, descriptors, 4, "the writer's")
				sound(t, path)
			})
		}
	}
}

func TestAFollowersLoopGoesOnFromRingToRing(t *testing.T) {
	path := another(t, 5)
	r := openReader(t, path, ring.ReaderOptions{Follow: true})
	turns := 0
	for rec := range r.Records(background) {
		if turns++; turns == 20 {
			break
		}
		if rec.Seq == 5 {
			require.NoError(t, os.Rename(another(t, 5), path))
		}
		require.EqualValues(t, turns%5+(5-turns%5)/5*5, rec.Seq)
	}
	require.NoError(t, r.Err())
}

func TestAFollowerOfAnEndedRingGoesOnWhenThatDoes(t *testing.T) {
	for who, open := range following {
		t.Run(who, func(t *testing.T) {
			path := newRing(t, ring.Config{})
			w := openWriter(t, path)
			c := open(t, path)
			publish(t, w, 1)
			require.NoError(t, w.End())
			require.NoError(t, w.Close())
			next(t, c, 1)
			records := make(chan ring.Record)
			go func() {
				rec, err := c.Next(background)
				if err != nil {
					t.Error(err)
				}
				records <- rec
			}()
			asleep(t, 1)
			w, err := ring.OpenWriter(background, path, ring.WriterOptions{Reopen: true})
			require.NoError(t, err)
			defer w.Close()
			publish(t, w, 1)
			require.EqualValues(t, 2, (<-records).Seq)
			stats, err := c.Stats()
			require.NoError(t, err)
			require.Zero(t, stats.Followed, "it is the same ring")
		})
	}
}

func TestAFollowersWaitEndsWithTheContextAndWithClose(t *testing.T) {
	for who, open := range following {
		for what, lose := range map[string]func(t *testing.T, path string, w *ring.Writer){
			"deleted": func(t *testing.T, path string, _ *ring.Writer) { require.NoError(t, os.Remove(path)) },
			"ended":   func(t *testing.T, _ string, w *ring.Writer) { require.NoError(t, w.End()) },
		} {
			t.Run(who+", "+what, func(t *testing.T) {
				path := newRing(t, ring.Config{})
				w := openWriter(t, path)
				c := open(t, path)
				lose(t, path, w)
				ctx, cancel := withCause()
				answers := make(chan error)
				go func() { _, err := c.Next(ctx); answers <- err }()
				asleep(t, 1)
				cause := fmt.Errorf("enough")
				cancel(cause)
				require.ErrorIs(t, <-answers, cause)
				dry(t, c) // and may be asked again
				go func() { _, err := c.Next(background); answers <- err }()
				asleep(t, 1)
				require.NoError(t, c.Close())
				require.ErrorIs(t, <-answers, os.ErrClosed)
			})
		}
	}
}

func TestAFollowerIsToldWhatItCannotFollow(t *testing.T) {
	for who, open := range following {
		t.Run(who, func(t *testing.T) {
			path := newRing(t, ring.Config{})
			c := open(t, path)
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.WriteFile(path, []byte("this is no ring"), 0o600))
			for range 2 {
				_, err := c.Next(background)
				require.ErrorIs(t, err, ring.ErrNotRing)
				named(t, err, "read", path)
			}
			replace(t, path)
			next(t, c, 1)
			require.NoError(t, os.Truncate(path, 0))
			var err error
			for n := 0; n < 3 && err == nil; n++ { // some are in its own memory
				_, err = c.Next(background)
			}
			require.ErrorIs(t, err, ring.ErrLost, "who waits for a ring may not wait for its own to grow again")
			require.NoError(t, c.Close())
		})
	}
}

func TestADurableFollowerStartsAtItsCursorThere(t *testing.T) {
	path := newRing(t, ring.Config{})
	r := openReader(t, path, durableFollower)
	old := filepath.Join(ringtest.Dir(t), "old")
	successor := another(t, 9)
	require.NoError(t, ring.AddReader(background, successor, "keep", ring.Seq(7)))
	require.NoError(t, os.Rename(path, old))
	require.NoError(t, os.Rename(successor, path))
	next(t, r, 7)
	require.Len(t, inspect(t, old).Readers, 1, "its cursor in the old ring stays")
	require.False(t, inspect(t, old).Readers[0].Alive)
	require.True(t, inspect(t, path).Readers[0].Alive)
}

// Two programs that know nothing of each other: one makes ring after ring at a path, the other reads them all.
func TestAFollowerReadsRingAfterRing(t *testing.T) {
	const rings, each = 5, 1000
	dir := ringtest.Dir(t)
	path := filepath.Join(dir, "ring")
	require.NoError(t, ring.Create(path, ring.Config{Capacity: small}))
	r := openReader(t, path, ring.ReaderOptions{Follow: true})
	ended := make(chan error)
	go func() { ended <- makeRings(path, rings, each) }()
	for i := range rings {
		for seq := uint64(1); seq <= each; seq++ {
			rec, err := r.Next(background)
			require.NoError(t, err)
			require.Equal(t, seq, rec.Seq, "ring %d", i)
		}
	}
	require.NoError(t, <-ended)
	proctest.Until(t, "nothing is left of them", func() bool { dry(t, r); return true })
}

// makeRings publishes each records into each of so many rings, one after another. Before it replaces a ring it waits until
// that was read.
func makeRings(path string, rings, each int) error {
	for i := range rings {
		if i > 0 {
			fresh := path + ".new"
			if err := ring.Create(fresh, ring.Config{Capacity: small}); err != nil {
				return err
			}
			if err := os.Rename(fresh, path); err != nil {
				return err
			}
		}
		w, err := ring.OpenWriter(context.Background(), path, ring.WriterOptions{})
		if err != nil {
			return err
		}
		for {
			info, err := ring.Inspect(path)
			if err != nil {
				return err
			}
			if len(info.Readers) > 0 && info.Readers[0].State == "active" {
				break
			}
		}
		for range each {
			if _, err := w.Publish(context.Background(), nil); err != nil {
				return err
			}
		}
		if err := w.Close(); err != nil {
			return err
		}
	}
	return nil
}
