package ring_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

// evicting is a ring whose readers may hold the writer back for a time that only a clock of a test's own (ring.Haste)
// brings about soon.
var evicting = ring.Config{EvictAfter: time.Hour}

// hasty makes all time pass in the next looks.
func hasty(t *testing.T) { t.Cleanup(ring.Haste(time.Hour)) }

// evicteeRole reads as it is told, and says what came of it: "next", "ack", "close".
func evicteeRole(args []string) {
	r, err := ring.OpenReader(background, args[0], ring.ReaderOptions{Name: args[1], Durable: args[1] != ""})
	proctest.Die(err)
	proctest.Say("ready")
	for {
		var rec ring.Record
		switch what := proctest.Hear(); what {
		case "next":
			rec, err = r.Next(background)
		case "ack":
			err = r.Ack()
		case "close":
			err = r.Close()
		default:
			proctest.Die(fmt.Errorf("what is %q?", what))
		}
		var e *ring.Evicted
		switch {
		case errors.As(err, &e):
			proctest.Say("evicted %d %d %d", e.Position, e.Seq, e.Lost)
		case err != nil:
			proctest.Die(err)
		default:
			proctest.Say("record %d lost %d", rec.Seq, rec.Lost)
		}
	}
}

// past publishes large records until one evicted whoever held it back, and returns the number of the last.
func past(t testing.TB, w *ring.Writer) (last uint64) {
	t.Helper()
	fill(t, w)
	for range 2 * ring.LeastLooks {
		seq, err := w.TryPublish(make([]byte, 1000))
		if err == nil {
			return seq
		}
		require.ErrorIs(t, err, ring.ErrFull)
	}
	require.Fail(t, "nobody was evicted")
	return 0
}

func gone(t testing.TB, err error) *ring.Evicted {
	t.Helper()
	require.ErrorIs(t, err, ring.ErrEvicted)
	var e *ring.Evicted
	require.ErrorAs(t, err, &e)
	return e
}

func TestAReaderThatDoesNotMoveIsEvictedInARingMadeForIt(t *testing.T) {
	for _, evicts := range []bool{true, false} {
		t.Run(fmt.Sprintf("evicting is %v", evicts), func(t *testing.T) {
			config := ring.Config{}
			if evicts {
				config.EvictAfter = 20 * time.Millisecond
			}
			path := newRing(t, config)
			log := make(logged, 10)
			w, err := ring.OpenWriter(background, path, ring.WriterOptions{Logger: slog.New(log)})
			require.NoError(t, err)
			defer w.Close()
			p := proctest.Start(t, "evictee", path, "")
			p.Expect("ready")
			publish(t, w, 3)
			p.Send("next")
			p.Expect("record")
			p.Stop()
			last := fill(t, w)
			ctx, cancel := withCause()
			answer := make(chan error, 1)
			go func() { _, err := w.Publish(ctx, make([]byte, 1000)); answer <- err }()
			if !evicts {
				asleep(t, 1)
				cancel(errEnough)
				require.ErrorIs(t, <-answer, errEnough)
				require.Equal(t, "active", inspect(t, path).Readers[0].State)
				return
			}
			require.NoError(t, <-answer)
			require.Equal(t, "reader evicted", <-log)
			info := inspect(t, path)
			require.EqualValues(t, 1, info.Stats.Evictions)
			require.Zero(t, info.Stats.Corrupt)
			r := info.Readers[0]
			require.Equal(t, "evicted", r.State)
			require.True(t, r.Alive, "it is stopped, and still has its slot")
			require.False(t, r.HoldsBack)

			other := openReader(t, path, ring.ReaderOptions{From: ring.Newest}) // in another slot
			require.NoError(t, other.Ack())
			for n := uint64(0); n < 3*last; n++ { // all that it may look at is overwritten
				_, err := w.Publish(background, make([]byte, 1000))
				require.NoError(t, err)
				_, err = other.Next(background)
				require.NoError(t, err)
			}
			require.NoError(t, other.Ack())
			stands := inspect(t, path).Readers[1].Cursor
			p.Cont()
			p.Send("ack") // a store that comes late
			p.Expect("evicted")
			said := ""
			for said == "" { // what it has copied may still come
				p.Send("next")
				if first, rest, _ := strings.Cut(p.Line(), " "); first == "evicted" {
					said = rest
				}
			}
			var position, seq, lost uint64
			_, err = fmt.Sscan(said, &position, &seq, &lost)
			require.NoError(t, err)
			info = inspect(t, path)
			require.Equal(t, info.FirstSeq-seq, lost, said)
			require.NotZero(t, seq)
			for range 2 {
				p.Send("next")
				require.Equal(t, said, p.Expect("evicted"))
			}
			require.Equal(t, stands, info.Readers[1].Cursor, "nobody else was hit")
			require.Equal(t, "active", info.Readers[1].State)
			p.Send("close")
			p.Expect("record")
			require.Len(t, inspect(t, path).Readers, 1, "its slot is free")
			sound(t, path)
		})
	}
}

func TestWhatAnEvictedReaderIsTold(t *testing.T) {
	hasty(t)
	path := newRing(t, evicting)
	w := openWriter(t, path)
	r := openReader(t, path, ring.ReaderOptions{})
	publish(t, w, 9)
	next(t, r, 1)
	next(t, r, 2)
	require.NoError(t, r.Ack())
	last := past(t, w)
	info := inspect(t, path)
	require.EqualValues(t, 3, info.Readers[0].Seq)
	require.EqualValues(t, info.FirstSeq-3, info.Readers[0].Lost)
	calls := map[string]func() error{
		"next":      func() error { _, err := r.Next(background); return err },
		"read":      func() error { _, err := r.Read(background, make([]byte, small)); return err },
		"records":   func() error { r.Records(background)(func(ring.Record) bool { return true }); return r.Err() },
		"batches":   func() error { r.Batches(background, 9)(func([]ring.Record) bool { return true }); return r.Err() },
		"ack":       r.Ack,
		"ack to":    func() error { return r.AckTo(1) },
		"seek":      func() error { return r.SeekTo(background, ring.Newest) },
		"lag":       func() error { _, _, err := r.Lag(); return err },
		"remaining": func() error { _, err := r.Remaining(); return err },
		"pressure":  func() error { _, err := r.Pressure(); return err },
	}
	var err error
	for err == nil { // what was copied before
		_, err = r.Next(background)
	}
	e := gone(t, err)
	require.Equal(t, info.FirstSeq-e.Seq, e.Lost)
	require.ErrorContains(t, err, fmt.Sprintf("read %s: reader was evicted: at position %d, before record %d; %d lost so far", path, e.Position, e.Seq, e.Lost))
	for name, call := range calls {
		require.Equal(t, e, gone(t, call()), name)
	}
	require.NoError(t, r.Close())
	again := openReader(t, path, ring.ReaderOptions{From: ring.Seq(e.Seq)})
	rec, err := again.Next(background)
	require.NoError(t, err)
	require.Equal(t, e.Lost, rec.Lost)
	require.Equal(t, e.Seq+e.Lost, rec.Seq)
	require.LessOrEqual(t, rec.Seq, last)
}

func TestOnlyTimeThatTheWriterRunsCounts(t *testing.T) {
	path := newRing(t, evicting)
	restore := ring.Haste(24 * time.Hour) // between two looks the writer was stopped, or its machine slept
	defer restore()
	w := openWriter(t, path)
	r := openReader(t, path, ring.ReaderOptions{})
	fill(t, w)
	looks := 1
	for ; ; looks++ {
		_, err := w.TryPublish(make([]byte, 1000))
		if err == nil {
			break
		}
		require.ErrorIs(t, err, ring.ErrFull)
	}
	require.GreaterOrEqual(t, looks, ring.LeastLooks)
	require.LessOrEqual(t, looks, ring.LeastLooks+2)
	require.EqualValues(t, 1, inspect(t, path).Stats.Evictions)

	require.NoError(t, r.Close())
	r = openReader(t, path, ring.ReaderOptions{})
	for range 3 * ring.LeastLooks { // each time it moves, it begins anew
		fill(t, w)
		for range ring.LeastLooks / 2 {
			_, err := w.TryPublish(make([]byte, 1000))
			require.ErrorIs(t, err, ring.ErrFull)
		}
		_, err := r.Next(background)
		require.NoError(t, err)
		require.NoError(t, r.Ack())
	}
	require.EqualValues(t, 1, inspect(t, path).Stats.Evictions)
}

// A real pause: the writer is stopped for longer than a reader may hold it back, and goes on to wait.
func TestAStoppedWriterEvictsNobody(t *testing.T) {
	const limit = 2 * time.Second
	path := newRing(t, ring.Config{EvictAfter: limit})
	r := openReader(t, path, ring.ReaderOptions{})
	p := proctest.Start(t, "writer", path)
	p.Expect("ready")
	for range 2 {
		p.Send("publish " + string(pattern16k()))
		p.Expect("published")
	}
	for n := 0; n < 2; n++ {
		p.Send("publish " + string(pattern16k()))
	}
	proctest.Until(t, "the writer sleeps", func() bool { return sleepers(t, fmt.Sprint(p.Pid())) == 1 })
	p.Stop()
	stopped := time.Now()
	proctest.Until(t, "more time has passed than a reader has", func() bool { return time.Since(stopped) > limit+limit/10 })
	p.Cont()
	blocked := inspect(t, path).Stats.Blocked
	require.NotZero(t, blocked)
	proctest.Until(t, "the writer sleeps again", func() bool { return sleepers(t, fmt.Sprint(p.Pid())) == 1 })
	require.Equal(t, "active", inspect(t, path).Readers[0].State)
	for seq := uint64(1); seq <= 4; seq++ {
		rec, err := r.Next(background)
		require.NoError(t, err)
		require.Equal(t, seq, rec.Seq)
	}
	p.Expect("published")
	p.Expect("published")
	require.Zero(t, inspect(t, path).Stats.Evictions)
}

// pattern16k is a text of which the smallest ring holds three.
func pattern16k() []byte {
	b := make([]byte, 20_000)
	for i := range b {
		b[i] = 'a' + byte(i%26)
	}
	return b
}

func TestOneOfSeveralWritersEvicts(t *testing.T) {
	path := newRing(t, ring.Config{EvictAfter: 20 * time.Millisecond, Shared: true})
	w, v := openWriter(t, path), openWriter(t, path)
	p := proctest.Start(t, "evictee", path, "")
	p.Expect("ready")
	p.Stop()
	last := fill(t, w)
	answers := make(chan error, 2)
	for _, w := range []*ring.Writer{w, v} {
		go func() {
			for range 2 * last {
				if _, err := w.Publish(background, make([]byte, 1000)); err != nil {
					answers <- err
					return
				}
			}
			answers <- nil
		}()
	}
	require.NoError(t, <-answers)
	require.NoError(t, <-answers)
	info := inspect(t, path)
	require.EqualValues(t, 1, info.Stats.Evictions)
	require.Equal(t, 5*last+1, info.NextSeq)
	p.Cont()
	p.Send("next")
	p.Expect("evicted")
	sound(t, path)
}

func TestAWriterMayBeMorePatientThanTheRing(t *testing.T) {
	hasty(t)
	path := newRing(t, evicting)
	open := func(d time.Duration) (*ring.Writer, error) {
		return ring.OpenWriter(background, path, ring.WriterOptions{EvictAfter: d})
	}
	_, err := open(time.Minute)
	require.ErrorIs(t, err, ring.ErrConfig)
	require.ErrorContains(t, err, "eviction after 1m0s asked for, and the ring grants readers 1h0m0s")
	named(t, err, "open writer", path)
	w, err := open(-1)
	require.NoError(t, err)
	openReader(t, path, ring.ReaderOptions{})
	fill(t, w)
	for range 4 * ring.LeastLooks {
		_, err := w.TryPublish(nil)
		require.ErrorIs(t, err, ring.ErrFull)
	}
	require.NoError(t, w.Close())
	w, err = open(2 * time.Hour)
	require.NoError(t, err)
	defer w.Close()
	past(t, w)

	plain := newRing(t, ring.Config{})
	_, err = ring.OpenWriter(background, plain, ring.WriterOptions{EvictAfter: time.Hour})
	require.ErrorIs(t, err, ring.ErrConfig)
	require.ErrorContains(t, err, "the ring was made without")
	w, err = ring.OpenWriter(background, plain, ring.WriterOptions{EvictAfter: -1})
	require.NoError(t, err)
	require.NoError(t, w.Close())
}

func TestGroupsAreNotEvicted(t *testing.T) {
	hasty(t)
	path := newRing(t, evicting)
	w := openWriter(t, path)
	group := int64(ring.SlotsStart + 5*ring.SlotSize)
	poke(t, path, group, 1<<32|ring.FlagDurable|ring.KindGroup<<8|ring.StateActive)
	poke32(t, path, ring.OffHighWater, 6)
	fill(t, w)
	for range 4 * ring.LeastLooks {
		_, err := w.TryPublish(nil)
		require.ErrorIs(t, err, ring.ErrFull)
	}
	require.Zero(t, inspect(t, path).Stats.Evictions)
}

func TestAReaderThatTakesItsRecordsFromTheMirrorNoticesItsEviction(t *testing.T) {
	path := newRing(t, evicting)
	w := mirroring(t, path, ring.MirrorAlways)
	r := openReader(t, path, ring.ReaderOptions{})
	for seq := uint64(1); seq < 50; seq++ {
		publish(t, w, 1)
		next(t, r, seq)
	}
	word := peek(t, path, ring.SlotsStart)
	poke(t, path, ring.SlotsStart, word&^0xff|ring.StateEvicted)
	publish(t, w, 1)
	_, err := r.Next(background)
	require.EqualValues(t, 50, gone(t, err).Seq)
}
