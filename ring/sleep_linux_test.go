package ring_test

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

// waitRole waits: "reader", "observer" or "writer". A first record ends the wait of the first two.
func waitRole(args []string) {
	path := args[1]
	var err error
	switch args[0] {
	case "reader":
		var r *ring.Reader
		r, err = ring.OpenReader(background, path, ring.ReaderOptions{})
		proctest.Die(err)
		proctest.Say("ready")
		_, err = r.Next(background)
	case "observer":
		var v *ring.Observer
		v, err = ring.Observe(background, path, ring.ObserverOptions{})
		proctest.Die(err)
		proctest.Say("ready")
		_, err = v.Next(background)
	case "writer":
		var w *ring.Writer
		w, err = ring.OpenWriter(background, path, ring.WriterOptions{})
		proctest.Die(err)
		for ; err == nil; _, err = w.TryPublish(make([]byte, 1000)) {
		}
		if errors.Is(err, ring.ErrFull) {
			err = nil
		}
		proctest.Die(err)
		proctest.Say("ready")
		_, err = w.Publish(background, make([]byte, 1000))
	}
	proctest.Die(err)
	proctest.Say("over")
	proctest.Hear()
}

// cpu is how long the threads of a process have run, in nanoseconds.
func cpu(t *testing.T, pid string) (ns int) {
	t.Helper()
	threads, err := os.ReadDir("/proc/" + pid + "/task")
	require.NoError(t, err)
	for _, thread := range threads {
		b, _ := os.ReadFile("/proc/" + pid + "/task/" + thread.Name() + "/schedstat") // a thread may end any time
		ran, _, _ := strings.Cut(string(b), " ")
		n, _ := strconv.Atoi(ran)
		ns += n
	}
	return ns
}

// TestWhoWaitsUsesNoProcessor: while this process works, which its own use of the processor says, one that waits uses
// almost nothing.
func TestWhoWaitsUsesNoProcessor(t *testing.T) {
	const work, share = 150e6, 3 // nanoseconds of work; who spins uses as much, who sleeps far less than a third
	for _, role := range []string{"reader", "observer", "writer"} {
		t.Run(role, func(t *testing.T) {
			path := newRing(t, ring.Config{})
			free := func() { publish(t, openWriter(t, path), 1) }
			if role == "writer" {
				r := openReader(t, path, ring.ReaderOptions{})
				free = func() { require.NoError(t, r.Close()) }
			}
			p := proctest.Start(t, "wait", role, path)
			p.Expect("ready")
			pid := strconv.Itoa(p.Pid())
			proctest.Until(t, "it sleeps", func() bool { return sleepers(t, pid) == 1 })
			mine, its := cpu(t, "self"), cpu(t, pid)
			for cpu(t, "self")-mine < work {
			}
			used := cpu(t, pid) - its
			t.Logf("used %d us while another worked for %d us", used/1000, int(work)/1000)
			require.Less(t, used, int(work)/share)
			free()
			p.Expect("over")
		})
	}
}

func TestWakingIsCounted(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	r := openReader(t, path, ring.ReaderOptions{})
	answer := make(chan error)
	for i := range uint64(20) {
		go func() { _, err := r.Next(background); answer <- err }()
		asleep(t, 1)
		publish(t, w, 1)
		require.NoError(t, <-answer)
		stats, err := r.Stats()
		require.NoError(t, err)
		require.GreaterOrEqual(t, stats.Waits, i+1)
		require.Equal(t, i+1, stats.Records)
	}
	stats, err := w.Stats()
	require.NoError(t, err)
	require.EqualValues(t, 20, stats.Wakes)
	require.Zero(t, stats.Helped)
	publish(t, w, 1000)
	stats, err = w.Stats()
	require.NoError(t, err)
	require.EqualValues(t, 20, stats.Wakes, "nobody slept")
}

// TestAWakerThatDiesBeforeItWakesIsHelpedOut: a record is published behind the sleeper's back, as by a writer that dies
// between its last two stores.
func TestAWakerThatDiesBeforeItWakesIsHelpedOut(t *testing.T) {
	other := newRing(t, ring.Config{})
	publish(t, openWriter(t, other), 1)
	data := inspect(t, other).DataOffset
	record, published := peek(t, other, data), peek(t, other, ring.OffPublished)
	path := newRing(t, ring.Config{})
	for kind, open := range bothKinds {
		poke(t, path, ring.OffPublished, 0)
		s := open(t, path)
		answer := make(chan error)
		go func() {
			rec, err := s.Next(background)
			if err == nil && (rec.Seq != 1 || string(rec.Payload) != "1") {
				err = fmt.Errorf("record %d: %q", rec.Seq, rec.Payload)
			}
			answer <- err
		}()
		asleep(t, 1)
		poke(t, path, data, record)
		poke(t, path, data+8, 1)
		poke(t, path, data+16, '1')
		poke(t, path, ring.OffPublished, published)
		require.NoError(t, <-answer, kind)
		if kind == "reader" {
			require.EqualValues(t, 1, inspect(t, path).Stats.Helped)
		}
		require.NoError(t, s.Close())
	}
}

// interruptedRole waits for a record while signals interrupt its system calls.
func interruptedRole(args []string) {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGUSR1)
	proctest.Die(proctest.Interruptible(syscall.SIGUSR1))
	go func() {
		for range caught {
			proctest.Say("caught")
		}
	}()
	waitRole(args)
}

func TestSignalsDoNotEndAWait(t *testing.T) {
	for _, role := range []string{"reader", "observer", "writer"} {
		path := newRing(t, ring.Config{})
		free := func() { publish(t, openWriter(t, path), 1) }
		if role == "writer" {
			r := openReader(t, path, ring.ReaderOptions{})
			free = func() { require.NoError(t, r.Close()) }
		}
		p := proctest.Start(t, "interrupted", role, path)
		p.Expect("ready")
		for range 100 {
			proctest.Until(t, "it sleeps", func() bool { return sleepers(t, strconv.Itoa(p.Pid())) == 1 })
			p.Signal(syscall.SIGUSR1)
			p.Expect("caught")
		}
		free()
		p.Expect("over")
	}
}
