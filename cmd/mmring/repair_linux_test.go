package main_test

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
	"github.com/mmring/mmring/ring/ringtest"
)

// damaged makes a ring of a thousand records, of which the 626th is damaged, and a durable cursor behind them.
func damaged(t *testing.T) string {
	t.Helper()
	path := ringtest.Path(t, ring.Config{Capacity: 64 << 10, Checksums: true})
	fed(t, lines(1, 1000), "pub", path)
	done(t, "readers", "add", path, "keep", "--from", "newest")
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	info, err := ring.Inspect(path)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("x"), info.DataOffset+625*32+24)
	require.NoError(t, err)
	return path
}

func TestRepairSaysWhatItDid(t *testing.T) {
	for output, file := range map[string]string{"text": ".txt", "json": ".json"} {
		t.Run(output, func(t *testing.T) {
			path := damaged(t)
			require.Equal(t, 5, mmring(t, "verify", path).code)
			golden(t, "repair"+file, path, done(t, "repair", path, "-o", output))
			golden(t, "repaired"+file, path, done(t, "repair", path, "-o", output))
			done(t, "verify", path)
			require.Equal(t, lines(1, 625), done(t, "cat", path))
			fed(t, "next\n", "pub", path, "--end")
			require.Equal(t, "next\n", done(t, "sub", path, "--name", "keep"))
		})
	}
}

func TestRepairRefusesWhileAWriterLives(t *testing.T) {
	path := newRing(t)
	p := start(t, "pub", path)
	p.feed("one\n")
	until(t, path, "a record is published", func(i ring.Info) bool { return i.NextSeq == 2 })
	r := mmring(t, "repair", path)
	require.Equal(t, 6, r.code)
	require.Empty(t, r.out)
	require.Contains(t, r.said, "has the writer's role\nhint: ")
	p.signal(syscall.SIGKILL)
	require.Equal(t, -1, p.result().code)
	require.Contains(t, done(t, "repair", path), "the last writer did not close\n")
}

func TestRepairOfWhatCannotBeMendedIsAnError(t *testing.T) {
	path := newRing(t)
	fed(t, "one\n", "pub", path)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	_, err = f.WriteAt([]byte{0xff}, 4480) // oldest
	require.NoError(t, err)
	r := mmring(t, "repair", path)
	require.Equal(t, 5, r.code)
	require.Empty(t, r.out)
	require.Contains(t, r.said, "oldest 255, published 32, capacity 65536\nhint: this cannot be mended")
}

func TestRepairNamesWhatIsLeft(t *testing.T) {
	path := newRing(t)
	done(t, "readers", "add", path, "gone")
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	_, err = f.WriteAt([]byte{4}, 16384) // dropped by a writer
	require.NoError(t, err)
	r := mmring(t, "repair", path)
	require.Equal(t, 5, r.code)
	require.Contains(t, r.out, `durable reader "gone" was dropped, its cursor 0 is not to be trusted: remove it (mmring readers rm)`)
	require.Empty(t, r.said)
	done(t, "readers", "rm", path, "gone")
	require.Zero(t, mmring(t, "repair", path).code)
}
