package ring_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

// onHeap is newRing for a ring on the heap, where the race detector sees every access.
func onHeap(t *testing.T, c ring.Config) string {
	t.Helper()
	t.Cleanup(ring.Heap())
	return newRing(t, c)
}

// taker takes records until the ring ends and checks each.
type taker func(check func(ring.Record) error) error

// nextTaker takes by Next and reads the record's bytes in the ring itself, too: they are the reader's until it asks for
// the next one.
func nextTaker(r *ring.Reader) taker {
	return func(check func(ring.Record) error) error {
		for {
			rec, err := r.Next(background)
			if err != nil {
				return err
			}
			if err := check(rec); err != nil {
				return err
			}
			if !bytes.Equal(rec.Payload, r.Owned(len(rec.Payload))) {
				return fmt.Errorf("record %d was overwritten before it was consumed", rec.Seq)
			}
		}
	}
}

func readTaker(s source) taker {
	return func(check func(ring.Record) error) error {
		buf := make([]byte, small)
		for {
			rec, err := s.Read(background, buf)
			if err == nil {
				err = check(rec)
			}
			if err != nil {
				return err
			}
		}
	}
}

func batchTaker(s source) taker {
	return func(check func(ring.Record) error) error {
		for batch := range s.Batches(background, 50) {
			for _, rec := range batch {
				if err := check(rec); err != nil {
					return err
				}
			}
		}
		return cmpErr(s.Err(), io.EOF)
	}
}

// cmpErr is err, or instead where err is nil.
func cmpErr(err, instead error) error {
	if err == nil {
		return instead
	}
	return err
}

// TestOnTheHeapNothingRaces: everybody at once, on memory that the race detector sees.
func TestOnTheHeapNothingRaces(t *testing.T) {
	records := uint64(60_000 / slower)
	for name, config := range modes {
		t.Run(name, func(t *testing.T) {
			path := onHeap(t, config)
			w := openWriter(t, path)
			size := func(seq uint64) int { return int(seq * seq % 401) }
			takers := map[string]taker{
				"next":     nextTaker(openReader(t, path, ring.ReaderOptions{})),
				"durable":  nextTaker(durable(t, path)),
				"read":     readTaker(openReader(t, path, ring.ReaderOptions{})),
				"batches":  batchTaker(openReader(t, path, ring.ReaderOptions{})),
				"observer": readTaker(observe(t, path, ring.ObserverOptions{})),
				"watcher":  batchTaker(observe(t, path, ring.ObserverOptions{})),
			}
			done := make(chan error)
			for who, take := range takers {
				go func() {
					want := uint64(1)
					err := take(func(rec ring.Record) error {
						if rec.Seq != want+rec.Lost || !bytes.Equal(rec.Payload, pattern(rec.Seq, size(rec.Seq))) {
							return fmt.Errorf("record %d, lost %d, expected %d", rec.Seq, rec.Lost, want)
						}
						want = rec.Seq + 1
						return nil
					})
					if err != io.EOF && !errors.Is(err, io.EOF) || want != records+1 {
						done <- fmt.Errorf("%s, before record %d: %w", who, want, err)
						return
					}
					done <- nil
				}()
			}
			stop := make(chan struct{})
			go func() { done <- visit(path, stop) }()
			for seq := uint64(1); seq <= records; {
				n, err := publishSome(w, seq, records, size)
				require.NoError(t, err)
				seq += n
			}
			require.NoError(t, w.End())
			for range takers {
				require.NoError(t, <-done)
			}
			close(stop)
			require.NoError(t, <-done)
			require.Zero(t, inspect(t, path).Stats.Helped)
		})
	}
}

// publishSome publishes a record or a few from number seq on, by all ways in turn.
func publishSome(w *ring.Writer, seq, last uint64, size func(uint64) int) (n uint64, err error) {
	switch seq % 3 {
	case 0:
		var batch [][]byte
		for i := seq; i <= last && i < seq+seq%20+1; i++ {
			batch = append(batch, pattern(i, size(i)))
		}
		published, err := w.PublishBatch(background, batch)
		return uint64(published), err
	case 1:
		c, err := w.Claim(background, size(seq)+30)
		if err != nil {
			return 0, err
		}
		copy(c.Bytes(), pattern(seq, size(seq)))
		_, err = c.Commit(size(seq))
		return 1, err
	default:
		_, err := w.Publish(background, pattern(seq, size(seq)))
		return 1, err
	}
}

// visit looks at a ring that is in use, in all ways, and comes and goes as a reader, until it is stopped.
func visit(path string, stop <-chan struct{}) error {
	next := uint64(0)
	for n := 0; ; n++ {
		select {
		case <-stop:
			return nil
		default:
		}
		info, err := ring.Inspect(path)
		if err != nil {
			return err
		}
		if info.NextSeq == 0 || info.NextSeq < next {
			return fmt.Errorf("after %d the next record is %d, stats %+v", next, info.NextSeq, info.Stats)
		}
		next = info.NextSeq
		report, err := ring.Verify(path)
		if err != nil || len(report.Faults) > 0 {
			return fmt.Errorf("verify: %v, %w", report.Faults, err)
		}
		r, err := ring.OpenReader(background, path, ring.ReaderOptions{From: []ring.Start{ring.Oldest, ring.Newest, ring.Last(3)}[n%3]})
		if err != nil {
			return err
		}
		for range 20 {
			if _, err = r.Next(background); err != nil {
				break
			}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if err := r.Close(); err != nil {
			return err
		}
	}
}

func TestOnTheHeapSleepersAreWoken(t *testing.T) {
	rounds := 20_000 / slower
	there, back := onHeap(t, ring.Config{}), newRing(t, ring.Config{})
	go func() {
		r, w := openReader(t, there, ring.ReaderOptions{}), openWriter(t, back)
		for rec := range r.Records(background) {
			if _, err := w.Publish(background, rec.Payload); err != nil {
				t.Error(err)
			}
		}
		if err := w.End(); err != nil {
			t.Error(err)
		}
	}()
	w, r := openWriter(t, there), openReader(t, back, ring.ReaderOptions{})
	for i := range rounds {
		_, err := w.Publish(background, fmt.Append(nil, i+1))
		require.NoError(t, err)
		next(t, r, uint64(i+1))
	}
	require.NoError(t, w.End())
	_, err := r.Next(background)
	require.ErrorIs(t, err, io.EOF)
	require.Zero(t, inspect(t, there).Stats.Helped+inspect(t, back).Stats.Helped)
}

func TestOnTheHeapCloseRacesWithNothing(t *testing.T) {
	t.Cleanup(ring.Heap())
	for range 40 / slower {
		path := newRing(t, ring.Config{})
		w, r, v := openWriter(t, path), openReader(t, path, ring.ReaderOptions{}), observe(t, path, ring.ObserverOptions{})
		ctx, cancel := withCause()
		answers := make(chan error)
		running := make(chan struct{}, 3)
		run := func(call func() error) {
			var err error
			for n := 0; err == nil; n++ {
				if err = call(); n == 50 {
					running <- struct{}{}
				}
			}
			answers <- err
		}
		go run(func() error { _, err := w.Publish(ctx, make([]byte, 1000)); return err })
		go run(func() error { _, err := r.Next(ctx); return err })
		go run(func() error { _, err := v.Next(ctx); return err })
		for range 3 {
			<-running
		}
		for _, h := range []handle{v, r, w} {
			go func() { answers <- h.Close() }()
			go cancel(errEnough)
		}
		for range 6 {
			if err := <-answers; err != nil && !errors.Is(err, os.ErrClosed) {
				require.ErrorIs(t, err, errEnough)
			}
		}
	}
}
