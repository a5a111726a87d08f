package ring_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

func TestAnObserverNeverSlowsTheWriter(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	observe(t, path, ring.ObserverOptions{})
	for range 10_000 {
		_, err := w.TryPublish(make([]byte, 100))
		require.NoError(t, err)
	}
	info := inspect(t, path)
	require.Empty(t, info.Readers)
	require.Zero(t, info.Stats.Blocked+info.Stats.Full)
}

func TestAnOverrunObserverIsToldExactlyWhatItLost(t *testing.T) {
	for name, newest := range map[string]bool{"goes on at the oldest": false, "goes on behind the newest": true} {
		t.Run(name, func(t *testing.T) {
			path := newRing(t, ring.Config{})
			w := openWriter(t, path)
			v := observe(t, path, ring.ObserverOptions{SkipToNewest: newest})
			random := rand.New(rand.NewPCG(1, 2))
			published, seen, overruns := uint64(0), uint64(0), 0 // numbers
			for range 300 {
				for range random.IntN(400) {
					published++
					_, err := w.TryPublish(pattern(published, random.IntN(1000)))
					require.NoError(t, err)
				}
				oldest := inspect(t, path).FirstSeq
				for range random.IntN(100) {
					rec, ok := try(t, v)
					if !ok {
						break // everything was read, or passed over
					}
					require.Equal(t, seen+rec.Lost+1, rec.Seq, "lost %d", rec.Lost)
					require.True(t, bytes.Equal(pattern(rec.Seq, len(rec.Payload)), rec.Payload))
					if rec.Lost > 0 {
						overruns++
						require.Less(t, seen, oldest-1)
						require.True(t, newest || rec.Seq == oldest, "record %d, oldest %d", rec.Seq, oldest)
					}
					seen = rec.Seq
				}
			}
			require.Greater(t, published, uint64(50_000), "the ring was overwritten many times")
			require.Greater(t, overruns, 20)
		})
	}
}

func TestAnObserverIsOverrunBeforeItsFirstRecord(t *testing.T) {
	for name, before := range map[string]int{"opened empty": 0, "opened with records": 20} {
		path := newRing(t, ring.Config{})
		w := openWriter(t, path)
		publish(t, w, before)
		v := observe(t, path, ring.ObserverOptions{})
		publish(t, w, 10_000)
		first := inspect(t, path).FirstSeq
		require.Equal(t, first-1, next(t, v, first).Lost, name)
		require.Zero(t, next(t, v, first+1).Lost, name)
	}
}

func TestAnOverrunInTheMiddleOfAWindowIsNoticed(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	publish(t, w, 100)
	v := observe(t, path, ring.ObserverOptions{})
	next(t, v, 1)
	publish(t, w, 10_000)
	first := inspect(t, path).FirstSeq
	seen := uint64(1)
	for seen < first { // what was copied before comes still, then the loss
		rec, err := v.Next(background)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(rec.Seq), string(rec.Payload))
		require.Equal(t, seen+1+rec.Lost, rec.Seq)
		seen = rec.Seq
	}
	require.Equal(t, first, seen)
}

// TestReceivedAndLostAreWhatWasPublished: the writer runs as fast as it can, the observers are overrun while they copy. The
// end is a record with a tag, published again and again until each has seen one.
func TestReceivedAndLostAreWhatWasPublished(t *testing.T) {
	const records = 300_000
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	buf := make([]byte, 1000)
	watches := map[string]struct {
		o    ring.ObserverOptions
		take func(*ring.Observer) (ring.Record, error)
	}{
		"next":                 {ring.ObserverOptions{}, func(v *ring.Observer) (ring.Record, error) { return v.Next(background) }},
		"next, to the newest":  {ring.ObserverOptions{SkipToNewest: true}, func(v *ring.Observer) (ring.Record, error) { return v.Next(background) }},
		"read":                 {ring.ObserverOptions{}, func(v *ring.Observer) (ring.Record, error) { return v.Read(background, buf) }},
		"from the newest only": {ring.ObserverOptions{From: ring.Newest}, func(v *ring.Observer) (ring.Record, error) { return v.Next(background) }},
	}
	done := make(chan error)
	for name, watch := range watches {
		v := observe(t, path, watch.o)
		go func() {
			received, lost, err := account(func() (ring.Record, error) { return watch.take(v) })
			if err != nil {
				err = fmt.Errorf("%s, %d received, %d lost: %w", name, received, lost, err)
			}
			done <- err
		}()
	}
	for i := range uint64(records) {
		_, err := w.TryPublish(pattern(i+1, int(i%300)))
		require.NoError(t, err)
	}
	for left := len(watches); left > 0; {
		select {
		case err := <-done:
			require.NoError(t, err)
			left--
		default:
			_, err := w.TryPublishTagged(1, nil)
			require.NoError(t, err)
			runtime.Gosched()
		}
	}
}

// account takes records of pattern until one with a tag comes, and checks that each was received or counted as lost.
func account(take func() (ring.Record, error)) (received, lost uint64, err error) {
	for {
		rec, err := take()
		if err != nil {
			return received, lost, err
		}
		received++
		lost += rec.Lost
		switch {
		case rec.Seq != received+lost:
			return received, lost, fmt.Errorf("record %d", rec.Seq)
		case rec.Tag != 0:
			return received, lost, nil
		case !bytes.Equal(rec.Payload, pattern(rec.Seq, int((rec.Seq-1)%300))):
			return received, lost, fmt.Errorf("record %d is not what was published", rec.Seq)
		}
	}
}

func TestARecordLargerThanTheWindowIsOverrunWhileItIsCopied(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	const size = 20_000
	done := make(chan error)
	buf := make([]byte, size)
	for _, take := range []func(*ring.Observer) (ring.Record, error){
		func(v *ring.Observer) (ring.Record, error) { return v.Next(background) },
		func(v *ring.Observer) (ring.Record, error) { return v.Read(background, buf) },
	} {
		v := observe(t, path, ring.ObserverOptions{})
		go func() {
			var received, lost uint64
			for {
				rec, err := take(v)
				received++
				lost += rec.Lost
				switch {
				case err != nil:
				case rec.Seq != received+lost:
					err = fmt.Errorf("record %d, %d received, %d lost", rec.Seq, received, lost)
				case rec.Tag == 0 && !bytes.Equal(rec.Payload, pattern(rec.Seq, size)):
					err = fmt.Errorf("record %d is torn", rec.Seq)
				}
				if err != nil || rec.Tag != 0 {
					done <- err
					return
				}
			}
		}()
	}
	for i := range uint64(20_000) {
		_, err := w.TryPublish(pattern(i+1, size))
		require.NoError(t, err)
	}
	_, err := w.TryPublishTagged(1, nil)
	require.NoError(t, err)
	require.NoError(t, <-done)
	require.NoError(t, <-done)
}

// A writer that cuts off what is damaged moves published back under observers, whom nobody counts.
func TestAnObserverSeesThatPublishedMovedBack(t *testing.T) {
	const size, window = 1000, 16 // records that the observer copies at a time, of 1024 bytes with header and filler
	cases := map[string]struct {
		read, damaged uint64
		since         uint64 // published by the next writer
		until         uint64 // the last one that the observer gets
	}{
		"below it":                     {1, 30, 3, 32},
		"below it, nothing new":        {1, 30, 0, 29},
		"below it, all written anew":   {1, 30, 25, 54},
		"above what it has copied":     {1, 10, 0, 16},
		"above it, and overtaken":      {20, 30, 20, 49},
		"right behind what it has had": {16, 17, 5, 21},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := newRing(t, ring.Config{})
			w := openWriter(t, path)
			patterns(t, w, 1, 50, size)
			v := observe(t, path, ring.ObserverOptions{})
			for seq := uint64(1); seq <= c.read; seq++ {
				next, err := v.Next(background)
				require.NoError(t, err)
				require.Equal(t, seq, next.Seq)
			}
			require.NoError(t, w.Close())
			flip(t, path, inspect(t, path).DataOffset+int64(c.damaged-1)*1024+4)
			reboot(t, path)
			w = openWriter(t, path)
			require.Equal(t, c.damaged, w.Recovery().Next)
			for seq := c.damaged; seq < c.damaged+c.since; seq++ {
				_, err := w.Publish(background, pattern(seq+1000, size))
				require.NoError(t, err)
			}
			for seq := c.read + 1; seq <= c.until; seq++ {
				rec, err := v.Next(background)
				require.NoError(t, err)
				require.Equal(t, seq, rec.Seq)
				want := pattern(seq, size)
				if copied := (c.read + window - 1) / window * window; seq >= c.damaged && seq > copied {
					want = pattern(seq+1000, size)
				}
				require.True(t, bytes.Equal(want, rec.Payload), "record %d", seq)
			}
			ctx, cause := ended()
			_, err := v.Next(ctx)
			if c.until >= c.damaged && c.since == 0 {
				require.ErrorIs(t, err, ring.ErrCorrupt, "what it had copied before was cut")
			} else {
				require.ErrorIs(t, err, cause)
			}
		})
	}
}
