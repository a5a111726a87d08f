package ring_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

// losses are the ways in which a ring's file goes away under those who use it.
var losses = map[string]func(t *testing.T, path string){
	"truncated to nothing":         truncated(0),
	"truncated to the header":      truncated(ring.HeaderSize),
	"truncated inside of the data": truncated(64<<10 + small/2),
	"truncated by a byte":          truncated(128<<10 - 1),
	"deleted":                      func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) },
	"replaced by another ring": func(t *testing.T, path string) {
		require.NoError(t, os.Rename(newRing(t, ring.Config{}), path))
	},
	"replaced by a directory": func(t *testing.T, path string) {
		require.NoError(t, os.Remove(path))
		require.NoError(t, os.Mkdir(path, 0o700))
	},
	"renamed": func(t *testing.T, path string) { require.NoError(t, os.Rename(path, path+".old")) },
}

func truncated(size int64) func(t *testing.T, path string) {
	return func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, size)) }
}

func TestEveryWaitFindsOutThatTheFileIsLost(t *testing.T) {
	for name, lose := range losses {
		t.Run(name, func(t *testing.T) {
			type answer struct {
				w   *waiting
				err error
			}
			all := waits(t)
			answers := make(chan answer)
			for _, w := range all {
				go func() { answers <- answer{w, w.call(background)} }()
			}
			asleep(t, len(all))
			for _, w := range all {
				lose(t, w.path)
			}
			for range all {
				a := <-answers
				require.ErrorIs(t, a.err, ring.ErrLost, a.w.name)
				require.ErrorContains(t, a.err, a.w.path, a.w.name)
				require.ErrorIs(t, a.w.other(), ring.ErrLost, "%s: every later call", a.w.name)
				require.ErrorIs(t, a.w.call(background), ring.ErrLost, a.w.name)
				require.NoError(t, a.w.h.Close(), a.w.name)
				require.ErrorIs(t, a.w.other(), os.ErrClosed, a.w.name)
			}
		})
	}
}

func TestWhoRunsOnATruncatedFileGetsAnError(t *testing.T) {
	for _, size := range []int64{0, ring.HeaderSize, ring.SlotsStart, 64 << 10, 64<<10 + small/2} {
		t.Run(fmt.Sprintf("to %d", size), func(t *testing.T) {
			for name, use := range users {
				path := newRing(t, ring.Config{Checksums: true})
				w := openWriter(t, path)
				publish(t, w, 5)
				running := make(chan struct{})
				answer := make(chan error)
				call, h := use(t, path, w)
				go func() {
					var err error
					for n := 0; err == nil; n++ {
						if err = call(background); n == 1000 {
							close(running)
						}
					}
					answer <- err
				}()
				<-running
				require.NoError(t, os.Truncate(path, size))
				err := <-answer
				require.ErrorIs(t, err, ring.ErrLost, name)
				require.ErrorContains(t, err, path, name)
				require.ErrorIs(t, call(background), ring.ErrLost, name)
				require.NoError(t, h.Close(), name)
				require.ErrorIs(t, call(background), os.ErrClosed, name)
			}
		})
	}
}

// users are handles that never have to wait: each call of a reader has a record.
var users = map[string]func(t *testing.T, path string, w *ring.Writer) (func(context.Context) error, handle){
	"publish": func(t *testing.T, path string, w *ring.Writer) (func(context.Context) error, handle) {
		return func(ctx context.Context) error { _, err := w.Publish(ctx, make([]byte, 500)); return err }, w
	},
	"publish, mirrored": func(t *testing.T, path string, w *ring.Writer) (func(context.Context) error, handle) {
		poke(t, path, ring.OffLease, 1<<62)
		return func(ctx context.Context) error { _, err := w.Publish(ctx, make([]byte, 100)); return err }, w
	},
	"batch": func(t *testing.T, path string, w *ring.Writer) (func(context.Context) error, handle) {
		batch := [][]byte{make([]byte, 50), make([]byte, 5000), nil}
		return func(ctx context.Context) error { _, err := w.PublishBatch(ctx, batch); return err }, w
	},
	"claim": func(t *testing.T, path string, w *ring.Writer) (func(context.Context) error, handle) {
		return func(ctx context.Context) error {
			c, err := w.Claim(ctx, 500)
			if err == nil {
				_, err = c.Commit(400)
			}
			return err
		}, w
	},
	"claims": func(t *testing.T, path string, w *ring.Writer) (func(context.Context) error, handle) {
		return func(ctx context.Context) error {
			c, err := w.ClaimBatch(ctx, 500, 1000)
			if err == nil {
				_, _, err = c.Commit()
			}
			return err
		}, w
	},
	"reader": func(t *testing.T, path string, w *ring.Writer) (func(context.Context) error, handle) {
		r := openReader(t, path, ring.ReaderOptions{})
		return fed(w, func(ctx context.Context) error { _, err := r.Next(ctx); return err }), r
	},
	"lease": func(t *testing.T, path string, w *ring.Writer) (func(context.Context) error, handle) {
		r := openReader(t, path, ring.ReaderOptions{})
		return fed(w, leasing(r)), r
	},
	"leases": func(t *testing.T, path string, w *ring.Writer) (func(context.Context) error, handle) {
		r := openReader(t, path, ring.ReaderOptions{})
		return fed(w, leasingByLoop(r)), r
	},
	"observer": func(t *testing.T, path string, w *ring.Writer) (func(context.Context) error, handle) {
		v := observe(t, path, ring.ObserverOptions{})
		return fed(w, func(ctx context.Context) error { _, err := v.Read(ctx, make([]byte, 1000)); return err }), v
	},
}

// fed is read after a publication, which may fail.
func fed(w *ring.Writer, read func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		_, _ = w.TryPublish(make([]byte, 100)) // small: it is mirrored, since the reader takes one at a time
		return read(ctx)
	}
}

func TestEveryCallOnATruncatedFileAnswersErrLost(t *testing.T) {
	setUp := func(t *testing.T) (path string, w *ring.Writer, r *ring.Reader, v *ring.Observer) {
		path = newRing(t, ring.Config{})
		w = openWriter(t, path)
		publish(t, w, 2000)
		r, v = openReader(t, path, ring.ReaderOptions{ManualAck: true}), observe(t, path, ring.ObserverOptions{})
		_, err := r.Next(background)
		require.NoError(t, err)
		return path, w, r, v
	}
	calls := map[string]func(w *ring.Writer, r *ring.Reader, v *ring.Observer) error{
		"publish": func(w *ring.Writer, r *ring.Reader, v *ring.Observer) error { return writerCalls(w)["publish"]() },
		"batch": func(w *ring.Writer, r *ring.Reader, v *ring.Observer) error {
			return second(w.PublishBatch(background, [][]byte{nil}))
		},
		"try":      func(w *ring.Writer, r *ring.Reader, v *ring.Observer) error { return writerCalls(w)["try"]() },
		"end":      func(w *ring.Writer, r *ring.Reader, v *ring.Observer) error { return w.End() },
		"stats":    func(w *ring.Writer, r *ring.Reader, v *ring.Observer) error { return writerCalls(w)["stats"]() },
		"ack":      func(w *ring.Writer, r *ring.Reader, v *ring.Observer) error { return r.Ack() },
		"ack to":   func(w *ring.Writer, r *ring.Reader, v *ring.Observer) error { return r.AckTo(1) },
		"observer": func(w *ring.Writer, r *ring.Reader, v *ring.Observer) error { return second(v.Next(background)) },
	}
	for name, call := range calls {
		path, w, r, v := setUp(t)
		require.NoError(t, os.Truncate(path, 0))
		err := call(w, r, v)
		require.ErrorIs(t, err, ring.ErrLost, name)
		require.ErrorContains(t, err, path, name)
		for _, h := range []handle{v, r, w} {
			require.NoError(t, h.Close(), name)
		}
	}
}

func TestAClaimOnATruncatedFileIsNotCommitted(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	c, err := w.Claim(background, 100)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(path, 0))
	_, err = c.Commit(100)
	require.ErrorIs(t, err, ring.ErrLost)
	named(t, err, "commit", path)
	_, err = w.Publish(background, nil)
	require.ErrorIs(t, err, ring.ErrLost)
	require.NoError(t, w.Close())
}

func TestALostRingIsClosedWithoutAnError(t *testing.T) {
	for name, lose := range losses {
		path := newRing(t, ring.Config{})
		handles := []handle{openWriter(t, path), durable(t, path), openReader(t, path, ring.ReaderOptions{}), observe(t, path, ring.ObserverOptions{})}
		lose(t, path)
		for _, h := range handles {
			require.NoError(t, h.Close(), name)
		}
		maps, descriptors := mappings(t, path)
		require.Zero(t, maps+descriptors, name)
	}
}

func TestWhoLooksIntoATruncatedFileIsToldSo(t *testing.T) {
	path := newRing(t, ring.Config{})
	publish(t, openWriter(t, path), 100)
	require.NoError(t, os.Truncate(path, 100<<10))
	for way, err := range everyWay(path, false) {
		require.ErrorIs(t, err, ring.ErrCorrupt, way)
		require.ErrorContains(t, err, fmt.Sprintf("file of %d bytes, its header says %d", 100<<10, 128<<10), way)
	}
}

func TestARingWhoseDirectoryIsRenamedIsLostToo(t *testing.T) {
	path := newRing(t, ring.Config{})
	dir := filepath.Join(filepath.Dir(path), "dir")
	require.NoError(t, os.Mkdir(dir, 0o700))
	inside := filepath.Join(dir, "inside.ring")
	require.NoError(t, ring.Create(inside, ring.Config{Capacity: small}))
	r := openReader(t, inside, ring.ReaderOptions{})
	answer := make(chan error, 1)
	go func() { _, err := r.Next(background); answer <- err }()
	asleep(t, 1)
	require.NoError(t, os.Rename(dir, dir+".old"))
	require.ErrorIs(t, <-answer, ring.ErrLost)
}
