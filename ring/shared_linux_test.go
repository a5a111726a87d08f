package ring_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

func (l logged) Enabled(context.Context, slog.Level) bool { return true }
func (l logged) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l logged) WithGroup(string) slog.Handler            { return l }
func (l logged) Handle(_ context.Context, r slog.Record) error {
	select {
	case l <- r.Message:
	default:
	}
	return nil
}

func TestTheEndHoldsForAllSharedWriters(t *testing.T) {
	path := newRing(t, ring.Config{Shared: true})
	w := openShared(t, path, nil)
	r := openReader(t, path, ring.ReaderOptions{})
	p := startShared(t, path, "p")
	publish(t, w, 1)
	p.Send("end")
	p.Expect("ended")
	for how, call := range writingCalls {
		require.ErrorIs(t, call(background, w), ring.ErrEnded, how)
	}
	require.NoError(t, w.End(), "again")
	next(t, r, 1)
	_, err := r.Next(background)
	require.ErrorIs(t, err, io.EOF)
	_, err = ring.OpenWriter(background, path, ring.WriterOptions{})
	require.ErrorIs(t, err, ring.ErrEnded)
	again, err := ring.OpenWriter(background, path, ring.WriterOptions{Reopen: true})
	require.NoError(t, err)
	defer again.Close()
	require.EqualValues(t, 2, publish(t, again, 1))
	require.EqualValues(t, 3, publish(t, w, 1), "for all again")
	next(t, r, 2)
	next(t, r, 3)
}

func TestSharedWritersComeAndGo(t *testing.T) {
	path := newRing(t, ring.Config{Shared: true})
	var all sync.WaitGroup
	for range 8 {
		all.Add(1)
		go func() {
			defer all.Done()
			for range 50 {
				w, err := ring.OpenWriter(background, path, ring.WriterOptions{})
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := w.Publish(background, nil); err != nil {
					t.Error(err)
				}
				if err := w.Close(); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	all.Wait()
	info := inspect(t, path)
	require.EqualValues(t, 401, info.NextSeq)
	require.True(t, info.Clean)
	require.Empty(t, info.Writers)
	require.False(t, info.Writer.Alive)
	sound(t, path)
}

func TestManyProcessesOpenADirtyRing(t *testing.T) {
	path := newRing(t, ring.Config{Shared: true})
	dead := startShared(t, path, "dead")
	dead.Send("publish 1 1000 one")
	for dead.Line() != "done" {
	}
	dead.Send("claim")
	dead.Expect("claimed")
	dead.Kill()
	_ = dead.Wait() // says that it was killed
	var procs []*proctest.Proc
	for i := range 6 {
		procs = append(procs, proctest.Start(t, "shared", path, fmt.Sprint(i)))
	}
	for _, p := range procs {
		p.Expect("ready")
		p.Send("claim")
		p.Expect("claimed")
		p.Send("commit")
		p.Expect("published")
	}
	info := inspect(t, path)
	require.EqualValues(t, 1007, info.NextSeq)
	require.EqualValues(t, 1, info.Stats.Recoveries, "one has recovered it, the others joined")
	require.False(t, info.Clean)
	sound(t, path)
}

func TestSharedAndExclusiveRingsAreNotMixedUp(t *testing.T) {
	exclusive := newRing(t, ring.Config{})
	_, err := ring.OpenWriter(background, exclusive, ring.WriterOptions{Create: &ring.Config{Shared: true}})
	require.ErrorIs(t, err, ring.ErrConfig)
	named(t, err, "open writer", exclusive)

	path := newRing(t, ring.Config{Shared: true, Slots: 2})
	one, two := openShared(t, path, nil), openShared(t, path, nil)
	_, err = ring.OpenWriter(background, path, ring.WriterOptions{})
	require.ErrorIs(t, err, ring.ErrNoSlot)
	_, err = ring.Repair(background, path, ring.RepairOptions{})
	require.ErrorIs(t, err, ring.ErrBusy)
	require.ErrorIs(t, ring.Remove(path, false), ring.ErrBusy)
	require.EqualValues(t, 1, publish(t, one, 1))
	require.EqualValues(t, 2, publish(t, two, 1))
	require.NoError(t, one.Close())
	require.NoError(t, two.Close())
	_, err = ring.Repair(background, path, ring.RepairOptions{})
	require.NoError(t, err)
	require.EqualValues(t, 3, publish(t, openShared(t, path, nil), 1))
}

func TestSharedWritersGoOnAtPositionsNearTheLimits(t *testing.T) {
	for _, from := range []uint64{1<<32 - small/2, 1<<63 - 64*small} {
		path := newRing(t, ring.Config{Shared: true})
		startAt(t, path, from, 1<<40)
		r := openReader(t, path, ring.ReaderOptions{})
		one, two := openShared(t, path, nil), openShared(t, path, nil)
		seq := uint64(1 << 40)
		for range 1000 {
			for _, w := range []*ring.Writer{one, two} {
				got, err := w.Publish(background, fmt.Appendf(nil, "%d", seq))
				require.NoError(t, err)
				require.Equal(t, seq, got)
				next(t, r, seq)
				seq++
			}
		}
		require.Equal(t, from+2000*32, inspect(t, path).Published)
		sound(t, path)
	}
	path := newRing(t, ring.Config{Shared: true})
	startAt(t, path, 1<<63-1024, 1)
	w := openShared(t, path, nil)
	_, err := w.Publish(background, make([]byte, 2000))
	require.ErrorIs(t, err, ring.ErrTooLarge)
	require.EqualValues(t, 1, func() uint64 { seq, _ := w.Publish(background, nil); return seq }())
}

// TestASharedWriterWithAFenceDoesNotSpeakForTheOthers lets processes with and without membarrier write to one ring: the
// fenceless word is 1 as soon as one of them publishes without a fence, and 0 only when somebody with one is alone.
func TestASharedWriterWithAFenceDoesNotSpeakForTheOthers(t *testing.T) {
	path := newRing(t, ring.Config{Shared: true})
	fenced := func(id string) *proctest.Proc {
		p := proctest.Config{Env: []string{fmt.Sprintf("%s=%d", refusal, uintptr(unix.EPERM))}}.Start(t, "shared", path, id)
		p.Expect("ready")
		return p
	}
	fenceless := func() uint64 { return peek(t, path, ring.OffFenceless) & 0xffff_ffff }
	turnOf := func(p *proctest.Proc) {
		p.Send("publish 1 1000 one")
		p.Expect("at")
		p.Expect("done")
	}
	one := fenced("one")
	require.Zero(t, fenceless())
	w := openShared(t, path, nil)
	require.EqualValues(t, 1, fenceless())
	two := fenced("two")
	require.EqualValues(t, 1, fenceless(), "the others have none")
	turnOf(one)
	turnOf(two)
	require.EqualValues(t, 2001, publish(t, w, 1))
	for _, p := range []*proctest.Proc{one, two} {
		p.Send("close")
		p.Expect("closed")
	}
	require.NoError(t, w.Close())
	fenced("alone")
	require.Zero(t, fenceless())
	sound(t, path)
}
