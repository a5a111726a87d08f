package integration_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
	"github.com/stretchr/testify/require"
)

// newRing makes a ring in shared memory and shows it if the test fails.
func newRing(t *testing.T, c ring.Config) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "mmring-test-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "ring")
	require.NoError(t, ring.Create(path, c))
	t.Cleanup(func() {
		if t.Failed() {
			info, err := ring.Inspect(path)
			t.Logf("ring: %+v, %v", info, err)
			report, err := ring.Verify(path)
			t.Logf("verify: %+v, %v", report, err)
		}
	})
	return path
}

// Processes of every kind are killed at random moments, one after another, and replaced. At the end every record has
// reached the durable reader in order, none was invented, and the observer's count is exact.
func TestRandomKillsLoseNothing(t *testing.T) {
	const last, kills = 1_500_000, 200
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	path := newRing(t, ring.Config{Capacity: 1 << 20, Checksums: true})
	progress := filepath.Join(t.TempDir(), "progress")
	scratch := filepath.Join(t.TempDir(), "scratch")

	startReader := func() *proctest.Proc {
		p := proctest.Start(t, "reader", path, "durable", progress)
		p.Expect("reading")
		return p
	}
	startWriter := func() *proctest.Proc {
		p := proctest.Start(t, "writer", path, fmt.Sprint(last))
		p.Expect("from")
		return p
	}
	startGuest := func() *proctest.Proc {
		os.Remove(scratch)
		p := proctest.Start(t, "reader", path, "-", scratch)
		p.Expect("reading")
		return p
	}
	observer := proctest.Start(t, "observer", path)
	observer.Expect("observing")
	reader, guest := startReader(), startGuest()
	writer := startWriter()
	for range kills {
		victim, restart := &writer, startWriter
		switch rnd.IntN(3) {
		case 1:
			victim, restart = &reader, startReader
		case 2:
			victim, restart = &guest, startGuest
		}
		for range rnd.IntN(3) {
			(*victim).Line() // "at N": some thousand records further
		}
		kill(*victim)
		*victim = restart()
	}
	finish(t, path, last, writer, reader, guest, observer)
}

// kill returns when the process is gone, and its locks with it.
func kill(p *proctest.Proc) {
	p.Kill()
	_ = p.Wait() // says that it was killed
}

// finish waits for everybody and accounts for the records.
func finish(t *testing.T, path string, last uint64, writer, reader, guest, observer *proctest.Proc) {
	t.Helper()
	require.Equal(t, "ended", lastLine(writer))
	require.Equal(t, fmt.Sprintf("read %d", last), lastLine(reader))
	require.Equal(t, fmt.Sprintf("read %d", last), lastLine(guest))
	var received, lost uint64
	_, err := fmt.Sscanf(lastLine(observer), "observed %d %d", &received, &lost)
	require.NoError(t, err)
	require.Equal(t, last, received+lost)
	report, err := ring.Verify(path)
	require.NoError(t, err)
	require.Empty(t, report.Faults)
	info, err := ring.Inspect(path)
	require.NoError(t, err)
	require.Equal(t, last+1, info.NextSeq)
	t.Logf("recoveries %d, slots reaped %d, observer lost %d", info.Stats.Recoveries, info.Stats.Reaped, lost)
}

// lastLine skips progress.
func lastLine(p *proctest.Proc) string {
	for {
		line := p.Line()
		var n uint64
		if k, _ := fmt.Sscanf(line, "at %d", &n); k == 0 {
			return line
		}
	}
}
