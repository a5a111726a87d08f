//go:build !linux

package ring_test

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

func TestOnOtherSystemsEveryDoorSaysUnsupported(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "ring")
	for name, open := range map[string]func() error{
		"create":      func() error { return ring.Create(path, ring.Config{}) },
		"open writer": func() error { _, err := ring.OpenWriter(ctx, path, ring.WriterOptions{}); return err },
		"open writer that creates": func() error {
			_, err := ring.OpenWriter(ctx, path, ring.WriterOptions{Create: &ring.Config{}})
			return err
		},
		"open reader":         func() error { _, err := ring.OpenReader(ctx, path, ring.ReaderOptions{}); return err },
		"open durable reader": func() error { return ring.AddReader(ctx, path, "name", ring.Oldest) },
		"observe":             func() error { _, err := ring.Observe(ctx, path, ring.ObserverOptions{}); return err },
		"observe a ring to come": func() error {
			_, err := ring.Observe(ctx, path, ring.ObserverOptions{WaitForRing: true})
			return err
		},
		"inspect":         func() error { _, err := ring.Inspect(path); return err },
		"verify":          func() error { _, err := ring.Verify(path); return err },
		"repair":          func() error { _, err := ring.Repair(ctx, path, ring.RepairOptions{}); return err },
		"remove":          func() error { return ring.Remove(path, false) },
		"remove a reader": func() error { return ring.RemoveReader(ctx, path, "name", false) },
	} {
		t.Run(name, func(t *testing.T) {
			err := open()
			require.ErrorIs(t, err, errors.ErrUnsupported)
			var at *fs.PathError
			require.ErrorAs(t, err, &at)
			require.Equal(t, path, at.Path)
			require.NoFileExists(t, path)
		})
	}
}
