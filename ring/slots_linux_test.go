package ring_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

func TestWhenAllSlotsAreTakenTheNextReaderIsRefused(t *testing.T) {
	path := newRing(t, ring.Config{Slots: 5})
	publish(t, openWriter(t, path), 1)
	openReader(t, path, ring.ReaderOptions{})
	require.NoError(t, ring.AddReader(background, path, "absent", ring.Next))
	p := proctest.Start(t, "slots", path, "3")
	p.Expect("ready")
	for _, o := range []ring.ReaderOptions{{}, {Name: "x"}, {Name: "x", Durable: true}} {
		_, err := ring.OpenReader(background, path, o)
		require.ErrorIs(t, err, ring.ErrNoSlot)
		require.ErrorContains(t, err, "all 5 are taken")
		named(t, err, "open reader", path)
	}
	require.ErrorIs(t, ring.AddReader(background, path, "x", ring.Next), ring.ErrNoSlot)
	next(t, observe(t, path, ring.ObserverOptions{}), 1) // needs none
	require.NoError(t, openReader(t, path, ring.ReaderOptions{Name: "absent", Durable: true}).Close())
	require.Len(t, inspect(t, path).Readers, 5)

	p.Kill()
	require.Error(t, p.Wait())
	for _, r := range inspect(t, path).Readers {
		require.Equal(t, r.PID != p.Pid() && !r.Durable, r.Alive)
	}
	for range 3 {
		next(t, openReader(t, path, ring.ReaderOptions{}), 1) // slots of the dead are taken over
	}
	_, err := ring.OpenReader(background, path, ring.ReaderOptions{})
	require.ErrorIs(t, err, ring.ErrNoSlot)
	require.NoError(t, ring.RemoveReader(background, path, "absent", false))
	openReader(t, path, ring.ReaderOptions{})
}

func TestAllOfManySlotsCanBeUsedAgainAndAgain(t *testing.T) {
	const slots = 300
	path := newRing(t, ring.Config{Slots: slots})
	w := openWriter(t, path)
	for range 2 {
		readers := make([]*ring.Reader, slots)
		for i := range readers {
			readers[i] = openReader(t, path, ring.ReaderOptions{From: ring.Newest})
		}
		_, err := ring.OpenReader(background, path, ring.ReaderOptions{})
		require.ErrorIs(t, err, ring.ErrNoSlot)
		last := publish(t, w, 1)
		for _, r := range readers {
			next(t, r, last)
			require.NoError(t, r.Close())
		}
	}
	require.Empty(t, inspect(t, path).Readers)
}

func TestOnlyNamesThatNobodyMindsAreAllowed(t *testing.T) {
	path := newRing(t, ring.Config{})
	for _, good := range []string{"a", "Z", "0", strings.Repeat("n", 40), "host-1.example:9/risk@eu+2_x"[:15], "._:@+-"} {
		require.NoError(t, ring.AddReader(background, path, good, ring.Next), good)
		require.NoError(t, ring.RemoveReader(background, path, good, false), good)
	}
	for _, bad := range []string{strings.Repeat("n", 41), "a b", "a/b", "\x00", "a\x00", "a\n", "\x1b[31mred", "ä", "\xff", `"`, "*", "$x", "a,b", "{}"} {
		for how, err := range map[string]error{
			"ephemeral": second(ring.OpenReader(background, path, ring.ReaderOptions{Name: bad})),
			"durable":   second(ring.OpenReader(background, path, ring.ReaderOptions{Name: bad, Durable: true})),
			"add":       ring.AddReader(background, path, bad, ring.Next),
			"remove":    ring.RemoveReader(background, path, bad, true),
		} {
			require.ErrorIs(t, err, ring.ErrName, "%s %q", how, bad)
			require.ErrorContains(t, err, path)
			require.NotRegexp(t, `[\x00-\x1f\x7f]`, err.Error(), "%s %q", how, bad)
		}
	}
	_, err := ring.OpenReader(background, path, ring.ReaderOptions{Durable: true})
	require.ErrorIs(t, err, ring.ErrName)
	require.ErrorContains(t, err, "0 bytes: must be 1 to 40")
	require.ErrorIs(t, ring.AddReader(background, path, "", ring.Next), ring.ErrName)
	require.ErrorIs(t, ring.RemoveReader(background, path, "", true), ring.ErrName)
	require.Empty(t, inspect(t, path).Readers)
}

func second[T any](_ T, err error) error { return err }

func TestANameBelongsToOneAtATime(t *testing.T) {
	path := newRing(t, ring.Config{})
	p := proctest.Start(t, "reader", path, "risk")
	p.Expect("ready")
	e := proctest.Start(t, "ephemeral", path, "guest")
	e.Expect("ready")
	for name, pid := range map[string]int{"risk": p.Pid(), "guest": e.Pid()} {
		for _, isDurable := range []bool{true, false} {
			_, err := ring.OpenReader(background, path, ring.ReaderOptions{Name: name, Durable: isDurable})
			require.ErrorIs(t, err, ring.ErrBusy)
			require.ErrorContains(t, err, fmt.Sprintf("reader %q is attached, process %d", name, pid))
			named(t, err, "open reader", path)
		}
	}
	p.Kill()
	require.Error(t, p.Wait())
	e.Kill()
	require.Error(t, e.Wait())

	_, err := ring.OpenReader(background, path, ring.ReaderOptions{Name: "risk"})
	require.ErrorIs(t, err, ring.ErrName, "it is a durable reader's, also without a process")
	require.NoError(t, openReader(t, path, ring.ReaderOptions{Name: "risk", Durable: true}).Close())
	openReader(t, path, ring.ReaderOptions{Name: "guest"})
	require.Len(t, inspect(t, path).Readers, 2)
}

func TestOfManyWhoWantANameOneGetsIt(t *testing.T) {
	path := newRing(t, ring.Config{Slots: 64})
	for range 20 {
		const many = 8
		type answer struct {
			r   *ring.Reader
			err error
		}
		answers := make(chan answer)
		for range many {
			go func() {
				r, err := ring.OpenReader(background, path, ring.ReaderOptions{Name: "one", Durable: true})
				answers <- answer{r, err}
			}()
		}
		winners := 0
		var got *ring.Reader
		for range many {
			a := <-answers
			if a.err == nil {
				winners++
				got = a.r
				continue
			}
			require.ErrorIs(t, a.err, ring.ErrBusy)
		}
		require.Equal(t, 1, winners)
		require.Len(t, inspect(t, path).Readers, 1)
		require.NoError(t, got.Close())
	}
}

func TestACursorMadeAheadKeepsWhatComes(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	publish(t, w, 10)
	require.NoError(t, ring.AddReader(background, path, "later", ring.Seq(4)))
	err := ring.AddReader(background, path, "later", ring.Newest)
	require.ErrorIs(t, err, fs.ErrExist)
	require.ErrorContains(t, err, `durable reader "later"`)
	fill(t, w)
	next(t, openReader(t, path, ring.ReaderOptions{Name: "later", Durable: true}), 4)
	require.ErrorIs(t, ring.AddReader(background, path, "later", ring.Next), fs.ErrExist, "also while it is attached")

	openReader(t, path, ring.ReaderOptions{Name: "guest"})
	require.ErrorIs(t, ring.AddReader(background, path, "guest", ring.Next), ring.ErrBusy)
}

func TestARemovedCursorHoldsNobodyBack(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	require.NoError(t, ring.AddReader(background, path, "old", ring.Next))
	answer := blocked(t, w)
	require.NoError(t, ring.RemoveReader(background, path, "old", false))
	require.NoError(t, <-answer)
	require.Empty(t, inspect(t, path).Readers)
	err := ring.RemoveReader(background, path, "old", true)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, `no reader "old"`)
	named(t, err, "remove reader", path)
}

func TestALivingReaderIsOnlyRemovedByForce(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	p := proctest.Start(t, "reader", path, "far")
	p.Expect("ready")
	err := ring.RemoveReader(background, path, "far", false)
	require.ErrorIs(t, err, ring.ErrBusy)
	require.ErrorContains(t, err, fmt.Sprintf(`process %d reads "far"`, p.Pid()))

	r := durable(t, path)
	publish(t, w, 3)
	next(t, r, 1)
	next(t, r, 2)
	require.NoError(t, r.Ack())
	require.NoError(t, ring.RemoveReader(background, path, "r", true))
	require.Equal(t, "evicted", inspect(t, path).Readers[1].State)
	require.ErrorIs(t, r.Ack(), ring.ErrEvicted)
	require.ErrorIs(t, r.AckTo(1), ring.ErrEvicted)
	for err = nil; err == nil; { // what it has copied may still come
		_, err = r.Next(background)
	}
	require.ErrorIs(t, err, ring.ErrEvicted)
	named(t, err, "read", path)
	require.NoError(t, r.Close())
	require.Len(t, inspect(t, path).Readers, 1)
	next(t, durable(t, path), 1)
}

func TestAReaderThatSleepsIsToldOfItsRemoval(t *testing.T) {
	path := newRing(t, ring.Config{})
	openWriter(t, path)
	r := durable(t, path)
	answer := make(chan error)
	go func() { _, err := r.Next(background); answer <- err }()
	asleep(t, 1)
	require.NoError(t, ring.RemoveReader(background, path, "r", true))
	require.ErrorIs(t, <-answer, ring.ErrEvicted)
}
