package integration_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
	"github.com/mmring/mmring/ring/ringtest"
)

// ways are pairs of a way to publish a record or some, and a way to read them again.
var ways = map[string]func(w *ring.Writer, r *ring.Reader, o *ring.Observer, payload []byte) error{
	"Publish and Next": func(w *ring.Writer, r *ring.Reader, _ *ring.Observer, payload []byte) error {
		if _, err := w.Publish(background, payload); err != nil {
			return err
		}
		_, err := r.Next(background)
		return err
	},
	"TryPublish and Read": func(w *ring.Writer, r *ring.Reader, _ *ring.Observer, payload []byte) error {
		if _, err := w.TryPublish(payload); err != nil {
			return err
		}
		_, err := r.Read(background, payload)
		return err
	},
	"Claim, Commit and Records": func(w *ring.Writer, r *ring.Reader, _ *ring.Observer, payload []byte) error {
		c, err := w.Claim(background, len(payload))
		if err != nil {
			return err
		}
		copy(c.Bytes(), payload)
		if _, err := c.Commit(len(payload)); err != nil {
			return err
		}
		for range r.Records(background) {
			if err := r.Ack(); err != nil {
				return err
			}
			break
		}
		return r.Err()
	},
	"PublishBatch and an observer": func(w *ring.Writer, r *ring.Reader, o *ring.Observer, payload []byte) error {
		if _, err := w.PublishBatch(background, [][]byte{payload, payload}); err != nil {
			return err
		}
		for range 2 {
			if _, err := o.Next(background); err != nil {
				return err
			}
			if _, err := r.Next(background); err != nil {
				return err
			}
		}
		return nil
	},
}

// burst PATH WAY N goes that way so often, in one process, in which nobody ever has to wait.
func burst(args []string) {
	w, err := ring.OpenWriter(background, args[0], ring.WriterOptions{})
	proctest.Die(err)
	r, err := ring.OpenReader(background, args[0], ring.ReaderOptions{})
	proctest.Die(err)
	o, err := ring.Observe(background, args[0], ring.ObserverOptions{})
	proctest.Die(err)
	way, payload := ways[args[1]], make([]byte, 64)
	for range number(args[2]) {
		proctest.Die(way(w, r, o, payload))
	}
}

// The count of system calls must not grow with the number of records.
func TestNoSystemCallOnTheHotPath(t *testing.T) {
	const few, many = 1_000, 1_000_000
	const between = many / 100 // those of Go's scheduler, which grow with the time it takes
	for way := range ways {
		t.Run(way, func(t *testing.T) {
			of := func(records int) int {
				return traced(t, "burst", ringtest.Path(t, ring.Config{}), way, strconv.Itoa(records))()
			}
			atFew, atMany := of(few), of(many)
			t.Logf("system calls: %d for %d turns, %d for %d", atFew, few, atMany, many)
			require.Less(t, atMany-atFew, between)
		})
	}
}

// fountain PATH N publishes N records and ends the ring.
func fountain(args []string) {
	w, err := ring.OpenWriter(background, args[0], ring.WriterOptions{})
	proctest.Die(err)
	payload := make([]byte, 64)
	for range number(args[1]) {
		_, err := w.Publish(background, payload)
		proctest.Die(err)
	}
	proctest.Die(w.End())
	proctest.Die(w.Close())
}

// drain PATH N reads to the end, which comes after N records.
func drain(args []string) {
	r, err := ring.OpenReader(background, args[0], ring.ReaderOptions{Name: "drain", Durable: true})
	proctest.Die(err)
	n := uint64(0)
	for range r.Records(background) {
		n++
	}
	proctest.Die(r.Err())
	if n != number(args[1]) {
		proctest.Die(fmt.Errorf("%d records", n))
	}
}

// Two processes wait for each other now and then, when one is faster than the other: once in many records.
func TestABusyPairMakesFarFewerSystemCallsThanRecords(t *testing.T) {
	const records = 2_000_000
	path := ringtest.Path(t, ring.Config{})
	require.NoError(t, ring.AddReader(background, path, "drain", ring.Oldest)) // so that no record is overwritten before it comes
	writer, reader := traced(t, "fountain", path, strconv.Itoa(records)), traced(t, "drain", path, strconv.Itoa(records))
	wrote, read := writer(), reader()
	t.Logf("system calls: %d of the writer, %d of the reader", wrote, read)
	require.Less(t, wrote+read, records/100)
}

// traced starts the test binary in that role under strace. The function it returns waits for its end and says how often it
// called the kernel.
func traced(t *testing.T, role string, args ...string) (calls func() int) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "strace")
	cmd := exec.Command("strace", append([]string{"-f", "-c", "-o", log, os.Args[0]}, args...)...)
	cmd.Env = append(os.Environ(), proctest.Environment(role))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_, err := cmd.StdinPipe() // the child lives as long as it is open; Wait closes it
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return func() int {
		t.Helper()
		require.NoError(t, cmd.Wait(), out.String())
		b, err := os.ReadFile(log)
		require.NoError(t, err)
		m := regexp.MustCompile(`(?m)^100\.00\s+\S+\s+\S+\s+(\d+)\s.*total$`).FindSubmatch(b)
		require.NotNil(t, m, string(b))
		n, err := strconv.Atoi(string(m[1]))
		require.NoError(t, err)
		return n
	}
}

// idler PATH KIND waits for what does not come until it is told to stop.
func idler(args []string) {
	var wait func() error
	switch path := args[0]; args[1] {
	case "reader":
		r, err := ring.OpenReader(background, path, ring.ReaderOptions{})
		proctest.Die(err)
		wait = func() error { _, err := r.Next(background); return err }
	case "observer":
		o, err := ring.Observe(background, path, ring.ObserverOptions{})
		proctest.Die(err)
		wait = func() error { _, err := o.Next(background); return err }
	case "writer":
		w, err := ring.OpenWriter(background, path, ring.WriterOptions{})
		proctest.Die(err)
		wait = func() error {
			for {
				if _, err := w.Publish(background, make([]byte, 1000)); err != nil {
					return err
				}
			}
		}
	case "standby":
		wait = func() error {
			_, err := ring.OpenWriter(background, path, ring.WriterOptions{Wait: true})
			return err
		}
	}
	go func() { proctest.Die(fmt.Errorf("the wait ended: %w", wait())) }()
	proctest.Say("waiting")
	proctest.Hear()
}

// Who waits sleeps. The first second does not count: there the spin budget is spent, and the runtime of a new process has
// things to do.
func TestWhoWaitsUsesNoProcessor(t *testing.T) {
	const rest, watched = time.Second, 2 * time.Second
	for _, kind := range []string{"reader", "observer", "writer", "standby"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			path := ringtest.Path(t, ring.Config{Capacity: 64 << 10})
			switch kind {
			case "writer": // somebody registered who does not read
				require.NoError(t, ring.AddReader(background, path, "absent", ring.Oldest))
			case "standby":
				w, err := ring.OpenWriter(background, path, ring.WriterOptions{})
				require.NoError(t, err)
				defer w.Close()
			}
			p := proctest.Start(t, "idler", path, kind)
			p.Expect("waiting")
			<-time.After(rest)
			used, begin := p.CPU(), time.Now()
			<-time.After(watched)
			used, elapsed := p.CPU()-used, time.Since(begin)
			t.Logf("%v in %v", used, elapsed)
			require.Less(t, used, elapsed/50)
		})
	}
}
