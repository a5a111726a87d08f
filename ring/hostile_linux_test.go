package ring_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

// answers are the errors that a ring whose words somebody scribbles over may have.
var answers = []error{
	ring.ErrCorrupt, ring.ErrFull, ring.ErrEvicted, ring.ErrEnded, ring.ErrTooLarge, ring.ErrNoSlot, ring.ErrBusy, ring.ErrName,
	ring.ErrMisuse, ring.ErrWindow, io.EOF, io.ErrShortBuffer, os.ErrNotExist, os.ErrExist, errEnough, errors.ErrUnsupported,
}

// expected returns err unless it is one of those, in which case the caller goes on.
func expected(err error) error {
	for _, a := range answers {
		if errors.Is(err, a) {
			return nil
		}
	}
	return err
}

// scribbler writes words over everything of a ring but its header.
type scribbler struct {
	f      *os.File
	random *rand.Rand
	size   int64
}

func newScribbler(t testing.TB, path string, seed uint64) *scribbler {
	info := inspect(t, path)
	return &scribbler{raw(t, path), rand.New(rand.NewPCG(seed, 42)), info.FileSize}
}

// place is where to write: the counters, the index, the slots in use, a record's header, anywhere.
func (s *scribbler) place() int64 {
	within := func(from, to int64) int64 { return from + s.random.Int64N(to-from)&^7 }
	switch s.random.IntN(8) {
	case 0:
		return []int64{ring.OffPublished, ring.OffOldest, ring.OffNextSeq, ring.OffStamp, ring.OffLease, ring.OffEnded &^ 7, ring.OffHighWater}[s.random.IntN(7)]
	case 1:
		return within(ring.HeaderSize, ring.IndexStart)
	case 2:
		return within(ring.IndexStart, ring.IndexStart+16*ring.IndexEntries)
	case 3:
		return within(ring.SlotsStart, ring.SlotsStart+8*ring.SlotSize)
	case 4:
		return ring.SlotsStart + s.random.Int64N(8)*ring.SlotSize + s.random.Int64N(2)*ring.SlotCursor
	default:
		return within(s.size-small, s.size)
	}
}

// word is what to write: nothing, anything, extremes, or something near what is there.
func (s *scribbler) word(there uint64) uint64 {
	switch s.random.IntN(8) {
	case 0:
		return 0
	case 1:
		return s.random.Uint64()
	case 2:
		return 1<<s.random.IntN(64) - uint64(s.random.IntN(2))*16
	case 3:
		return there ^ 1<<s.random.IntN(64)
	case 4:
		return there + 16*uint64(s.random.IntN(5)) - 32
	case 5:
		return there + small*uint64(s.random.IntN(5)) - 2*small
	case 6: // a record's first word
		return uint64(s.random.Uint32())>>s.random.IntN(32) | uint64(s.random.IntN(4))<<32 | uint64(s.random.IntN(5))<<40
	default:
		return uint64(s.random.IntN(64)) * 16
	}
}

func (s *scribbler) scribble() error {
	var b [8]byte
	at := s.place()
	if _, err := s.f.ReadAt(b[:], at); err != nil {
		return err
	}
	_, err := s.f.WriteAt(le.AppendUint64(nil, s.word(le.Uint64(b[:]))), at)
	return err
}

// users of a ring that is scribbled over: each call is one operation. A handle that has answered with an error is opened
// again.
var hostages = map[string]func(path string) (use func() error, done func(), err error){
	"writer": func(path string) (func() error, func(), error) {
		w, err := ring.OpenWriter(background, path, ring.WriterOptions{Reopen: true, Mirror: ring.MirrorAlways})
		if err != nil {
			return nil, nil, err
		}
		ctx, _ := ended()
		n := 0
		return func() error {
			n++
			switch n % 5 {
			case 0:
				_, err := w.PublishBatch(ctx, [][]byte{make([]byte, n%3000), nil})
				return err
			case 1:
				c, err := w.Claim(ctx, n%1000)
				if err == nil {
					_, err = c.Commit(n % 1000 / 2)
				}
				return err
			default:
				_, err := w.TryPublish(make([]byte, n%200))
				return err
			}
		}, func() { w.Close() }, nil
	},
	"reader": func(path string) (func() error, func(), error) { return hostageReader(path, ring.ReaderOptions{}) },
	"lessee": func(path string) (func() error, func(), error) {
		r, err := ring.OpenReader(background, path, ring.ReaderOptions{Leases: 3})
		if err != nil {
			return nil, nil, err
		}
		var out []ring.Lease
		ctx, _ := ended()
		return func() error {
			if len(out) == 3 {
				err := errors.Join(out[1].Release(), out[2].Release(), out[0].Release())
				out = out[:0]
				return err
			}
			l, err := r.Lease(ctx)
			if err == nil {
				out = append(out, l)
				_ = append([]byte(nil), l.Payload...)
			}
			return err
		}, func() { r.Close() }, nil
	},
	"durable reader": func(path string) (func() error, func(), error) {
		return hostageReader(path, ring.ReaderOptions{Name: "d", Durable: true})
	},
	"started reader": func(path string) (func() error, func(), error) {
		return hostageReader(path, ring.ReaderOptions{From: ring.Last(9)})
	},
	"member":               func(path string) (func() error, func(), error) { return hostageMember(path, 1) },
	"member with a window": func(path string) (func() error, func(), error) { return hostageMember(path, 5) },
	"observer": func(path string) (func() error, func(), error) {
		v, err := ring.Observe(background, path, ring.ObserverOptions{})
		if err != nil {
			return nil, nil, err
		}
		return readings(v), func() { v.Close() }, nil
	},
	"looker": func(path string) (func() error, func(), error) {
		return func() error {
			_, err := ring.Inspect(path)
			if expected(err) == nil {
				_, err = ring.Verify(path)
			}
			if expected(err) == nil {
				err = ring.RemoveReader(background, path, "d", true)
			}
			if expected(err) == nil {
				err = ring.AddReader(background, path, "e", ring.Seq(5))
			}
			if expected(err) == nil {
				err = ring.RemoveReader(background, path, "workers", true)
			}
			if expected(err) == nil {
				err = ring.AddGroup(background, path, "workers", ring.Oldest)
			}
			return err
		}, func() {}, nil
	},
}

func hostageReader(path string, o ring.ReaderOptions) (func() error, func(), error) {
	r, err := ring.OpenReader(background, path, o)
	if err != nil {
		return nil, nil, err
	}
	read, n := readings(r), 0
	return func() error {
		if n++; n%7 == 0 {
			return r.AckTo(uint64(n))
		}
		return read()
	}, func() { r.Close() }, nil
}

func hostageMember(path string, window int) (func() error, func(), error) {
	m, err := ring.JoinGroup(background, path, "workers", ring.GroupOptions{Window: window})
	if err != nil {
		return nil, nil, err
	}
	ctx, _ := ended()
	n := 0
	return func() error {
		n++
		left := n % 10
		switch n % 3 {
		case 0:
			for w := range m.Records(ctx) {
				if left--; left < 0 {
					return w.Done()
				}
			}
			return m.Err()
		case 1:
			for batch := range m.Batches(ctx, n%100) {
				if left--; left < 0 {
					return batch[len(batch)-1].Done()
				}
			}
			return m.Err()
		default:
			w, err := m.Next(ctx)
			if err == nil {
				err = w.Done()
			}
			return err
		}
	}, func() { m.Close() }, nil
}

// readings reads in all ways by turns, and never waits.
func readings(s source) func() error {
	ctx, _ := ended()
	buf := make([]byte, small)
	n := 0
	return func() error {
		n++
		switch n % 4 {
		case 0:
			_, err := s.Read(ctx, buf)
			return err
		case 1:
			left := n % 50
			for range s.Records(ctx) {
				if left--; left < 0 {
					break
				}
			}
			return s.Err()
		case 2:
			left := n % 10
			for range s.Batches(ctx, n%100) {
				if left--; left < 0 {
					break
				}
			}
			return s.Err()
		default:
			_, err := s.Next(ctx)
			return err
		}
	}
}

// TestWhoeverScribblesOverARingOnlyMakesErrors: all users work on one ring while its words change to anything. Nothing
// panics, nothing hangs, and every error is one that a user can tell apart.
func TestWhoeverScribblesOverARingOnlyMakesErrors(t *testing.T) {
	operations := 1500 / slower
	for seed := range uint64(4) {
		path := newRing(t, ring.Config{Slots: 8, EvictAfter: []time.Duration{0, time.Millisecond}[seed%2], Checksums: seed == 1, Timestamps: seed == 2, WakeAlways: seed == 3})
		whole, err := os.ReadFile(path)
		require.NoError(t, err)
		s := newScribbler(t, path, seed)
		var all sync.WaitGroup
		var good, bad atomic.Int64
		failures := make(chan error, len(hostages)+1)
		for name, open := range hostages {
			all.Add(1)
			go func() {
				defer all.Done()
				if err := endure(path, open, operations, &good, &bad); err != nil {
					failures <- fmt.Errorf("%s: %w", name, err)
				}
			}()
		}
		over := make(chan struct{})
		go func() { all.Wait(); close(over) }()
		for running, n := true, 0; running; n++ {
			require.NoError(t, s.scribble())
			if n%200 == 0 { // and now and then it is a ring again
				_, err := s.f.WriteAt(whole[ring.HeaderSize:], ring.HeaderSize)
				require.NoError(t, err)
			}
			select {
			case <-over:
				running = false
			default:
			}
		}
		close(failures)
		for err := range failures {
			t.Error(err)
		}
		restored(t, path, whole)
		t.Logf("%d operations went well, %d did not", good.Load(), bad.Load())
		require.NotZero(t, good.Load())
		require.NotZero(t, bad.Load())
	}
}

// endure does so many operations.
func endure(path string, open func(string) (func() error, func(), error), operations int, good, bad *atomic.Int64) error {
	var use func() error
	done := func() {}
	defer func() { done() }()
	for range operations {
		var err error
		if use == nil {
			if use, done, err = open(path); err != nil {
				use, done = nil, func() {}
			}
		}
		if use != nil {
			err = use()
		}
		if err == nil {
			good.Add(1)
			continue
		}
		bad.Add(1)
		if err := expected(err); err != nil {
			return err
		}
		if use != nil && !errors.Is(err, errEnough) && !errors.Is(err, ring.ErrFull) {
			done()
			use, done = nil, func() {}
		}
	}
	return nil
}

func TestAWaitOverScribbledWordsEndsByClose(t *testing.T) {
	for seed, w := range waits(t) {
		s := newScribbler(t, w.path, uint64(seed))
		answer := make(chan error)
		go func() {
			for {
				if err := w.call(background); err != nil {
					answer <- err
					return
				}
			}
		}()
		for range 2000 / slower {
			require.NoError(t, s.scribble())
		}
		require.NoError(t, w.h.Close())
		if err := <-answer; !errors.Is(err, os.ErrClosed) {
			require.NoError(t, expected(err), w.name)
		}
	}
}

func TestTheHeaderIsReadOnce(t *testing.T) {
	path := newRing(t, ring.Config{})
	w, r, v := openWriter(t, path), openReader(t, path, ring.ReaderOptions{}), observe(t, path, ring.ObserverOptions{})
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	random := rand.New(rand.NewPCG(3, 4))
	f := raw(t, path)
	for i := range uint64(2000) {
		_, err := f.WriteAt(le.AppendUint64(nil, random.Uint64()), random.Int64N(ring.HeaderSize/8)*8)
		require.NoError(t, err)
		_, err = w.Publish(background, fmt.Append(nil, i+1))
		require.NoError(t, err)
		next(t, r, i+1)
		next(t, v, i+1)
	}
	restored(t, path, whole[:ring.HeaderSize])
	sound(t, path)
}
