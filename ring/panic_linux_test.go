package ring_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
	"github.com/mmring/mmring/shm"
)

// torn returns n bytes, the second half of which cannot be read any more.
func torn(t testing.TB, n int) []byte {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "torn"))
	require.NoError(t, err)
	defer f.Close()
	page := os.Getpagesize()
	require.NoError(t, f.Truncate(int64(2*page)))
	m, err := shm.MapFile(f, shm.ReadOnly, shm.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.Close() })
	require.NoError(t, f.Truncate(int64(page)))
	return m.Bytes()[page-n/2 : page+n/2]
}

func TestACallThatPanicsOverItsPayloadHasPublishedNothing(t *testing.T) {
	for _, c := range []ring.Config{{}, {Checksums: true}, {Timestamps: true}, {WakeAlways: true}, {Shared: true}, {Shared: true, Checksums: true}} {
		for name, call := range map[string]func(w *ring.Writer, p []byte) error{
			"publish": func(w *ring.Writer, p []byte) error { return second(w.Publish(background, p)) },
			"try":     func(w *ring.Writer, p []byte) error { return second(w.TryPublish(p)) },
			"batch": func(w *ring.Writer, p []byte) error {
				return second(w.PublishBatch(background, [][]byte{[]byte("whole"), p}))
			},
		} {
			t.Run(fmt.Sprintf("%s, %+v", name, c), func(t *testing.T) {
				path := newRing(t, c)
				w, r := openWriter(t, path), openReader(t, path, ring.ReaderOptions{})
				for seq := uint64(1); seq <= 3; seq++ { // the first record of a stride, and others
					require.Panics(t, func() { _ = call(w, torn(t, 64)) }, "the fault is not the ring's")
					got, err := w.Publish(background, []byte("good"))
					require.NoError(t, err)
					require.Equal(t, seq, got)
					rec, err := r.Next(background)
					require.NoError(t, err)
					require.Equal(t, "good", string(rec.Payload))
				}
			})
		}
	}
}
