package ring_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

var spins = map[string]ring.Spin{"auto": ring.SpinAuto, "busy": ring.SpinBusy, "none": ring.SpinNone}

// noSleep makes every sleep on a word of a ring fail with EIO. (The runtime's own words are private.)
func noSleep() error {
	return errors.Join(proctest.RefuseCall(unix.EIO, unix.SYS_FUTEX_WAITV), proctest.RefuseCall(unix.EIO, unix.SYS_FUTEX, 0))
}

// waiterThat opens a handle of that kind, and returns a call of it that has to wait.
func waiterThat(who string, spin ring.Spin, path string) (call func(context.Context) error, h handle, err error) {
	switch who {
	case "reader":
		r, err := ring.OpenReader(background, path, ring.ReaderOptions{Spin: spin})
		return func(ctx context.Context) error { _, err := r.Next(ctx); return err }, r, err
	case "observer":
		v, err := ring.Observe(background, path, ring.ObserverOptions{Spin: spin})
		return func(ctx context.Context) error { _, err := v.Next(ctx); return err }, v, err
	case "member":
		m, err := ring.JoinGroup(background, path, "workers", ring.GroupOptions{Spin: spin})
		return func(ctx context.Context) error { _, err := m.Next(ctx); return err }, m, err
	case "any":
		r, err := ring.OpenReader(background, path, ring.ReaderOptions{Spin: spin})
		if err != nil {
			return nil, nil, err
		}
		v, err := ring.Observe(background, path, ring.ObserverOptions{Spin: ring.SpinNone})
		any := ring.NewWaiter(v, r)
		return func(ctx context.Context) error { _, err := any.Wait(ctx); return err }, r, err
	}
	w, err := ring.OpenWriter(background, path, ring.WriterOptions{Spin: spin})
	if err != nil {
		return nil, nil, err
	}
	for ; err == nil; _, err = w.TryPublish(make([]byte, 1000)) {
	}
	if errors.Is(err, ring.ErrFull) {
		err = nil
	}
	return func(ctx context.Context) error { _, err := w.Publish(ctx, make([]byte, 1000)); return err }, w, err
}

// spinRole waits where nobody can sleep: until the call is over, "until" its context is done, or until it is "closed".
func spinRole(args []string) {
	call, h, err := waiterThat(args[0], spins[args[1]], args[2])
	proctest.Die(err)
	proctest.Die(noSleep())
	ctx, stop := context.WithCancel(background)
	defer stop()
	proctest.Say("ready")
	switch args[3] {
	case "until":
		time.AfterFunc(time.Millisecond, stop)
	case "closed":
		time.AfterFunc(time.Millisecond, func() { proctest.Die(h.Close()) })
	}
	switch err := call(ctx); {
	case errors.Is(err, context.Canceled):
		proctest.Say("cancelled")
	case errors.Is(err, ring.ErrLost):
		proctest.Say("lost")
	case errors.Is(err, unix.EIO):
		proctest.Say("slept")
	default:
		proctest.Say("over %s", kind(err))
	}
}

func TestWhoIsBusyNeverSleeps(t *testing.T) {
	for _, who := range []string{"reader", "observer", "member", "any", "writer"} {
		t.Run(who, func(t *testing.T) {
			path := newRing(t, ring.Config{})
			free := func() {
				w, err := ring.OpenWriter(background, path, ring.WriterOptions{})
				require.NoError(t, err)
				defer w.Close()
				publish(t, w, 1)
			}
			if who == "writer" {
				free = func() {}
			}
			hold := func() *ring.Reader {
				if who == "writer" {
					return openReader(t, path, ring.ReaderOptions{})
				}
				return nil
			}
			spinning := func(spin, how string) *proctest.Proc {
				p := proctest.Start(t, "spin", who, spin, path, how)
				p.Expect("ready")
				return p
			}
			ends := func(p *proctest.Proc) string { // and has given back what it had
				said := p.Line()
				require.NoError(t, p.Wait())
				return said
			}
			r := hold()
			for _, spin := range []string{"auto", "none"} {
				require.Equal(t, "slept", ends(spinning(spin, "")), spin)
			}
			require.Equal(t, "cancelled", ends(spinning("busy", "until")))
			require.Equal(t, "over ErrClosed", ends(spinning("busy", "closed")))

			p := spinning("busy", "")
			begun := p.CPU()
			proctest.Until(t, "it has spun for long", func() bool { return p.CPU()-begun > 30*time.Millisecond })
			if r != nil {
				require.NoError(t, r.Close())
				r = nil
			}
			free()
			require.Equal(t, "over ok", ends(p))

			if who == "writer" {
				openReader(t, path, ring.ReaderOptions{})
			} else {
				path = newRing(t, ring.Config{})
			}
			p = spinning("busy", "")
			require.NoError(t, os.Remove(path))
			require.Equal(t, "lost", p.Line())
		})
	}
}

func TestHowOftenAWaitLooksIsItsSpin(t *testing.T) {
	require.Equal(t, 1, ring.LooksOf(ring.SpinNone), "after it has let others run")
	require.Greater(t, ring.LooksOf(ring.SpinAuto), 100)
	require.Equal(t, ring.LooksOf(ring.SpinAuto), ring.LooksOf(ring.SpinBusy), "in each of its turns")
}
