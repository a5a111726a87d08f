package ring_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

func TestARingInUseIsOnlyRemovedByForce(t *testing.T) {
	path := newRing(t, ring.Config{})
	require.NoError(t, ring.AddReader(background, path, "absent", ring.Next))
	p := proctest.Start(t, "writer", path)
	p.Expect("ready")
	err := ring.Remove(path, false)
	require.ErrorIs(t, err, ring.ErrBusy)
	require.ErrorContains(t, err, fmt.Sprintf("process %d writes", p.Pid()))
	named(t, err, "remove", path)
	p.Kill()
	require.Error(t, p.Wait())

	p = proctest.Start(t, "reader", path, "risk")
	p.Expect("ready")
	err = ring.Remove(path, false)
	require.ErrorIs(t, err, ring.ErrBusy)
	require.ErrorContains(t, err, fmt.Sprintf("process %d reads %q", p.Pid(), "risk"))
	p.Kill()
	require.Error(t, p.Wait())

	v := observe(t, path, ring.ObserverOptions{})
	require.NoError(t, ring.Remove(path, false), "durable cursors and observers do not keep it")
	require.NoFileExists(t, path)
	_, err = v.Next(background)
	require.ErrorIs(t, err, ring.ErrLost)
	err = ring.Remove(path, false)
	require.ErrorIs(t, err, fs.ErrNotExist)
	named(t, err, "remove", path)
}

func TestWhoUsesARingThatIsRemovedByForceIsTold(t *testing.T) {
	path := newRing(t, ring.Config{})
	openWriter(t, path)
	r := openReader(t, path, ring.ReaderOptions{})
	require.NoError(t, ring.Remove(path, true))
	require.NoFileExists(t, path)
	_, err := r.Next(background)
	require.ErrorIs(t, err, ring.ErrLost)
	require.ErrorContains(t, err, path)
}

func TestADamagedRingIsRemovedByForceAndAnotherFileIsNot(t *testing.T) {
	path := newRing(t, ring.Config{})
	poke(t, path, ring.OffPublished, 7)
	require.ErrorIs(t, ring.Remove(path, false), ring.ErrCorrupt)
	require.FileExists(t, path)
	require.NoError(t, ring.Remove(path, true))
	require.NoFileExists(t, path)

	other := filepath.Join(filepath.Dir(path), "text")
	require.NoError(t, os.WriteFile(other, []byte("something else"), 0o600))
	require.ErrorIs(t, ring.Remove(other, true), ring.ErrNotRing)
	require.FileExists(t, other)
}
