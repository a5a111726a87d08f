package ring_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

func TestInspectTellsWhatARingIs(t *testing.T) {
	before := time.Now()
	path := newRing(t, ring.Config{Capacity: 1 << 20, Slots: 700, Checksums: true, WakeAlways: true, ContentType: "text/plain", Description: "prices of a day"})
	info := inspect(t, path)
	require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, info.UUID)
	require.False(t, info.Created.Before(before.Round(0)), "%v", info.Created)
	file, err := os.Stat(path)
	require.NoError(t, err)
	want := ring.Info{
		Path: path, UUID: info.UUID, Format: ring.FormatVersion, Created: info.Created, ContentType: "text/plain", Description: "prices of a day",
		FileSize: file.Size(), Capacity: 1 << 20, DataOffset: file.Size() - 1<<20, Slots: 700, MaxPayload: 1<<19 - 24,
		Checksums: true, WakeAlways: true, NextSeq: 1, Clean: true,
	}
	require.Equal(t, want, info)
	require.NotEqual(t, info.UUID, inspect(t, newRing(t, ring.Config{})).UUID)
}

func TestInspectTellsWhoWritesAndReads(t *testing.T) {
	path := newRing(t, ring.Config{})
	p := proctest.Start(t, "writer", path)
	p.Expect("ready")
	for range 3 {
		p.Send("publish 1234567890")
		p.Expect("published")
	}
	r := openReader(t, path, ring.ReaderOptions{Name: "here"})
	for range 2 {
		_, err := r.Next(background)
		require.NoError(t, err)
	}
	require.NoError(t, r.Ack())
	require.NoError(t, ring.AddReader(background, path, "absent", ring.Last(1)))

	info := inspect(t, path)
	host, err := os.Hostname()
	require.NoError(t, err)
	require.True(t, info.Writer.Alive)
	require.Equal(t, p.Pid(), info.Writer.PID)
	require.Equal(t, host, info.Writer.Host)
	require.Equal(t, filepath.Base(os.Args[0]), info.Writer.Program)
	require.WithinDuration(t, time.Now(), info.Writer.Since, time.Minute)
	require.EqualValues(t, 3*32, info.Published)
	require.Equal(t, [4]uint64{0, 1, 4, 1}, [4]uint64{info.Oldest, info.FirstSeq, info.NextSeq, info.Epoch})
	require.False(t, info.Clean)
	require.False(t, info.Ended)
	require.EqualValues(t, 3, info.Stats.Records)

	require.Len(t, info.Readers, 2)
	for i := range info.Readers {
		require.WithinDuration(t, time.Now(), info.Readers[i].Since, time.Minute)
		info.Readers[i].Since = time.Time{}
	}
	require.Equal(t, []ring.ReaderInfo{
		{Slot: 0, Name: "here", State: "active", Alive: true, PID: os.Getpid(), Cursor: 64, Seq: 3, LagBytes: 32, LagRecords: 1, Records: 2, Bytes: 20},
		{Slot: 1, Name: "absent", Durable: true, State: "active", PID: os.Getpid(), Cursor: 64, Seq: 3, LagBytes: 32, LagRecords: 1},
	}, info.Readers)
}

func TestInspectTellsWhoHoldsTheWriterBack(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	require.NoError(t, ring.AddReader(background, path, "slow", ring.Next))
	quick := openReader(t, path, ring.ReaderOptions{Name: "quick"})
	last := fill(t, w)
	for range last {
		_, err := quick.Next(background)
		require.NoError(t, err)
	}
	require.NoError(t, quick.Ack())
	holds := map[string]bool{}
	for _, r := range inspect(t, path).Readers {
		holds[r.Name] = r.HoldsBack
	}
	require.Equal(t, map[string]bool{"slow": true, "quick": false}, holds)
}

func TestStatisticsSurviveTheWriter(t *testing.T) {
	path := newRing(t, ring.Config{})
	last := uint64(0)
	for i := range uint64(3) {
		w := openWriter(t, path)
		r := openReader(t, path, ring.ReaderOptions{From: ring.Newest})
		last = fill(t, w)
		stats, err := w.Stats()
		require.NoError(t, err)
		require.Equal(t, ring.Stats{Records: last, Bytes: last * 1000, Full: i + 1}, stats)
		require.NoError(t, r.Close())
		require.NoError(t, w.Close())
		require.Equal(t, stats, inspect(t, path).Stats)
	}
	require.EqualValues(t, 3*small/1024, last)
}

// TestAReaderWithAnImpossibleCursorIsDroppedAndTold: whatever somebody wrote into its slot, the writer goes on.
func TestAReaderWithAnImpossibleCursorIsDroppedAndTold(t *testing.T) {
	cases := map[string]func(published uint64) uint64{
		"beyond published":       func(p uint64) uint64 { return p + 16 },
		"not aligned":            func(p uint64) uint64 { return p - 1024 + 8 },
		"in the middle":          func(p uint64) uint64 { return p - 1024 + 16 },
		"far beyond":             func(p uint64) uint64 { return 1<<63 + 16 },
		"the largest there is":   func(p uint64) uint64 { return 1<<64 - 16 },
		"the largest, unaligned": func(p uint64) uint64 { return 1<<64 - 1 },
	}
	for name, cursor := range cases {
		t.Run(name, func(t *testing.T) {
			path := newRing(t, ring.Config{})
			w := openWriter(t, path)
			r := durable(t, path)
			bystander := openReader(t, path, ring.ReaderOptions{Name: "bystander"})
			last := fill(t, w)
			for range last {
				_, err := bystander.Next(background)
				require.NoError(t, err)
			}
			require.NoError(t, bystander.Ack())
			poke(t, path, ring.SlotsStart+ring.SlotCursor, cursor(inspect(t, path).Published))
			for range 3 * last {
				_, err := w.Publish(background, make([]byte, 1000))
				require.NoError(t, err)
				_, err = bystander.Next(background)
				require.NoError(t, err)
			}
			info := inspect(t, path)
			require.EqualValues(t, 1, info.Stats.Corrupt)
			require.Equal(t, "corrupt", info.Readers[0].State)
			report, err := ring.Verify(path)
			require.NoError(t, err)
			require.Len(t, report.Faults, 1)
			require.Equal(t, "slot", report.Faults[0].What)
			for err = nil; err == nil; { // what it has copied may still come
				_, err = r.Next(background)
			}
			require.ErrorIs(t, err, ring.ErrCorrupt)
			named(t, err, "read", path)
			require.NoError(t, r.Close())
			_, err = ring.OpenReader(background, path, ring.ReaderOptions{Name: "r", Durable: true})
			require.ErrorIs(t, err, ring.ErrCorrupt)
			require.NoError(t, ring.RemoveReader(background, path, "r", false))
			sound(t, path)
		})
	}
}
