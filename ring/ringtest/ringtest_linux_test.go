package ringtest_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
	"github.com/mmring/mmring/ring/ringtest"
)

func TestARingIsThereAndGoneAtTheEnd(t *testing.T) {
	var path string
	t.Run("a test", func(t *testing.T) {
		path = ringtest.Path(t, ring.Config{Capacity: 64 << 10})
		require.FileExists(t, path)
		require.NotEqual(t, filepath.Dir(path), filepath.Dir(ringtest.Path(t, ring.Config{Capacity: 64 << 10})))
	})
	require.NoDirExists(t, filepath.Dir(path))
}

// failing stands for a test that fails.
type failing struct {
	testing.TB
	logged []any
	ends   []func()
}

func (f *failing) Failed() bool       { return true }
func (f *failing) Log(args ...any)    { f.logged = append(f.logged, args...) }
func (f *failing) Cleanup(end func()) { f.ends = append(f.ends, end) }

func TestAFailedTestLogsItsRing(t *testing.T) {
	f := &failing{TB: t}
	path := ringtest.Path(f, ring.Config{Capacity: 64 << 10, Checksums: true})
	w, err := ring.OpenWriter(context.Background(), path, ring.WriterOptions{})
	require.NoError(t, err)
	_, err = w.Publish(context.Background(), []byte("some record"))
	require.NoError(t, err)
	r, err := ring.OpenReader(context.Background(), path, ring.ReaderOptions{Name: "somebody"})
	require.NoError(t, err)
	raw, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	info, err := ring.Inspect(path)
	require.NoError(t, err)
	_, err = raw.WriteAt([]byte("x"), info.DataOffset+30)
	require.NoError(t, err)
	require.NoError(t, raw.Close())
	for i := len(f.ends) - 1; i >= 0; i-- {
		f.ends[i]()
	}
	require.Len(t, f.logged, 1)
	for _, want := range []string{"next 2", "Name:somebody", "Alive:true", "checksum of record 1 is wrong"} {
		require.Contains(t, f.logged[0], want)
	}
	require.NoError(t, r.Close())
	require.NoError(t, w.Close())
}
