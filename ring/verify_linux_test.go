package ring_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

// used makes a ring that has wrapped, with an index, a durable cursor (slot 0), padding, checksums and a mirror.
func used(t testing.TB) (path string, info ring.Info) {
	t.Helper()
	path = newRing(t, ring.Config{Checksums: true, Slots: 4})
	w, err := ring.OpenWriter(background, path, ring.WriterOptions{Mirror: ring.MirrorAlways})
	require.NoError(t, err)
	patterns(t, w, 1, 900, 104)
	require.NoError(t, ring.AddReader(background, path, "keep", ring.Last(100)))
	patterns(t, w, 901, 905, 1001)
	patterns(t, w, 906, 1000, 101)
	require.NoError(t, w.Close())
	return path, inspect(t, path)
}

// place returns where in the file of a sound ring record seq stands.
func place(t testing.TB, path string, info ring.Info, seq uint64) int64 {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	for pos := info.Oldest; pos < info.Published; {
		off := info.DataOffset + int64(pos%uint64(info.Capacity))
		size := le.Uint32(b[off:])
		if le.Uint64(b[off+8:]) == seq && b[off+4] == ring.KindData {
			return off
		}
		pos += uint64(size+15) &^ 15
	}
	t.Fatalf("no record %d", seq)
	return 0
}

func TestVerifyNamesEachFaultWithItsPlace(t *testing.T) {
	slot := func(i, field int64) int64 { return ring.SlotsStart + i*ring.SlotSize + field }
	record := func(seq uint64, field int64) func(testing.TB, string, ring.Info) int64 {
		return func(t testing.TB, path string, info ring.Info) int64 {
			return place(t, path, info, seq) + field
		}
	}
	at := func(off int64) func(testing.TB, string, ring.Info) int64 {
		return func(testing.TB, string, ring.Info) int64 { return off }
	}
	cases := map[string]struct {
		place func(testing.TB, string, ring.Info) int64
		value func(old uint64, info ring.Info) uint64
		text  string // of the only fault
		shift int64  // from the changed word to the fault's place
	}{
		"oldest above published": {at(ring.OffOldest), func(_ uint64, i ring.Info) uint64 { return i.Published + 16 }, "counters: oldest", 0},
		"published beyond a capacity": {at(ring.OffPublished), func(_ uint64, i ring.Info) uint64 { return i.Oldest + uint64(i.Capacity) + 16 },
			"counters: oldest", ring.OffOldest - ring.OffPublished},
		"the clean flag":            {at(ring.OffClean), func(o uint64, _ ring.Info) uint64 { return o + 6 }, "counters: clean flag is 7", 0},
		"the ended flag":            {at(ring.OffEnded), func(o uint64, _ ring.Info) uint64 { return o + 7 }, "counters: ended flag is 7", 0},
		"the next sequence":         {at(ring.OffNextSeq), func(o uint64, _ ring.Info) uint64 { return o + 1 }, "counters: next sequence is 1002, the records say 1001", 0},
		"the next sequence, less":   {at(ring.OffNextSeq), func(o uint64, _ ring.Info) uint64 { return o - 1 }, "counters: next sequence is 1000, the records say 1001", 0},
		"the stamp":                 {at(ring.OffStamp), func(o uint64, _ ring.Info) uint64 { return o + 1 }, "counters: stamp", 0},
		"the mirror's header":       {at(ring.OffMirror), func(o uint64, _ ring.Info) uint64 { return o ^ 1 }, "mirror: stamp is published", 0},
		"the mirror's payload":      {at(ring.OffMirror + 24), func(o uint64, _ ring.Info) uint64 { return o ^ 1 }, "mirror: stamp is published", -24},
		"the high water":            {at(ring.OffHighWater), func(uint64, ring.Info) uint64 { return 5 }, "counters: 5 slots used of 4", 0},
		"the high water, less":      {at(ring.OffHighWater), func(uint64, ring.Info) uint64 { return 0 }, "slot: slot 0 is active above the high water of 0", ring.SlotsStart - ring.OffHighWater},
		"an entry between records":  {at(ring.IndexStart), func(o uint64, _ ring.Info) uint64 { return o + 8 }, "index: position", 0},
		"an entry beyond all":       {at(ring.IndexStart), func(uint64, ring.Info) uint64 { return 1<<64 - 16 }, "index: position", 0},
		"a cursor above published":  {at(slot(0, ring.SlotCursor)), func(_ uint64, i ring.Info) uint64 { return i.Published + 16 }, "slot: cursor", 0},
		"a cursor between records":  {at(slot(0, ring.SlotCursor)), func(o uint64, _ ring.Info) uint64 { return o + 8 }, "slot: cursor", 0},
		"a cursor inside a record":  {at(slot(0, ring.SlotCursor)), func(o uint64, _ ring.Info) uint64 { return o + 32 }, "slot: cursor", 0},
		"a slot's state":            {at(slot(0, 0)), func(o uint64, _ ring.Info) uint64 { return o | 0xff }, "slot: word", 0},
		"a slot's kind":             {at(slot(0, 0)), func(o uint64, _ ring.Info) uint64 { return o | 0xff00 }, "slot: word", 0},
		"a slot without a kind":     {at(slot(0, 0)), func(o uint64, _ ring.Info) uint64 { return o &^ 0xff00 }, "slot: word", 0},
		"a free slot with a kind":   {at(slot(2, 0)), func(o uint64, _ ring.Info) uint64 { return o | 0x100 }, "slot: word", 0},
		"a dropped slot":            {at(slot(0, 0)), func(o uint64, _ ring.Info) uint64 { return o&^0xff | ring.StateCorrupt }, `slot: slot 0 ("keep") was dropped`, 0},
		"a durable slot's name":     {at(slot(0, ring.SlotName)), func(uint64, ring.Info) uint64 { return 0x0a0d }, `slot: durable slot 0 has the name`, 0},
		"a record's size":           {record(910, 0), func(o uint64, _ ring.Info) uint64 { return o + 64 }, "record: checksum of record 910 is wrong", 0},
		"a record's kind":           {record(910, 0), func(o uint64, _ ring.Info) uint64 { return o | 0xff<<32 }, "record: no record at position", 0},
		"a record's unknown flag":   {record(910, 0), func(o uint64, _ ring.Info) uint64 { return o | 0x80<<40 }, "record: no record at position", 0},
		"a record's tag":            {record(910, 0), func(o uint64, _ ring.Info) uint64 { return o ^ 1<<63 }, "record: checksum of record 910 is wrong", 0},
		"a record's number":         {record(910, 8), func(o uint64, _ ring.Info) uint64 { return o + 1 }, "record: record 911 at position", -8},
		"a record's checksum":       {record(910, 16), func(o uint64, _ ring.Info) uint64 { return o ^ 1 }, "record: checksum of record 910 is wrong", -16},
		"a record's zeros":          {record(910, 16), func(o uint64, _ ring.Info) uint64 { return o ^ 1<<63 }, "record: checksum of record 910 is wrong", -16},
		"a record's payload":        {record(910, 24), func(o uint64, _ ring.Info) uint64 { return o ^ 1 }, "record: checksum of record 910 is wrong", -24},
		"the last record's payload": {record(999, 24), func(o uint64, _ ring.Info) uint64 { return o ^ 1 }, "record: checksum of record 999 is wrong", -24},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path, info := used(t)
			require.Greater(t, sound(t, path).Padding, uint64(0))
			off := c.place(t, path, info)
			poke(t, path, off, c.value(peek(t, path, off), info))
			r := verified(t, path)
			if name == "a record's size" { // and what follows is no longer where it should be
				require.Len(t, r.Faults, 2)
				require.Equal(t, "record", r.Faults[1].What)
				r.Faults = r.Faults[:1]
			}
			require.Len(t, r.Faults, 1, "%v", r.Faults)
			require.Equal(t, off+c.shift, r.Faults[0].Offset, "%v", r.Faults[0])
			require.Contains(t, r.Faults[0].String(), c.text)
		})
	}
}

// verified returns what Verify says, and requires that it changes nothing.
func verified(t testing.TB, path string) ring.Report {
	t.Helper()
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	r, err := ring.Verify(path)
	require.NoError(t, err)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.Equal(before, after))
	return r
}

func TestVerifyGoesOnBehindADamagedRecord(t *testing.T) {
	path, info := used(t)
	whole := sound(t, path)
	var bad []int64
	for _, seq := range []uint64{908, 950, 980} {
		bad = append(bad, place(t, path, info, seq))
	}
	for _, off := range bad {
		poke(t, path, off, 0)
	}
	r := verified(t, path)
	require.Len(t, r.Faults, 3, "%v", r.Faults)
	require.NotZero(t, r.Unread)
	require.Less(t, r.Unread, uint64(3*(small/ring.IndexEntries+128)), "up to the next entry of the index, each")
	require.Less(t, whole.Records-r.Records, uint64(3*10))
	overwrite(t, path, info.DataOffset, make([]byte, small))
	r = verified(t, path)
	require.Len(t, r.Faults, 2, "no records, and no mirror: %v", r.Faults)
	require.Zero(t, r.Records)
	require.Equal(t, info.Published-info.Oldest, r.Unread)
}

func TestVerifyFindsAnEntryThatLeadsIntoARecord(t *testing.T) {
	path := newRing(t, ring.Config{Checksums: true})
	w := openWriter(t, path)
	inner := make([]byte, 104) // a payload that looks like a record: size, kind, number
	le.PutUint32(inner[8:], 64)
	inner[12] = ring.KindData
	le.PutUint64(inner[16:], 3)
	for range 5 {
		_, err := w.Publish(background, inner)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	poke(t, path, ring.IndexStart+16, 2*128+32)
	poke(t, path, ring.IndexStart+24, 3)
	r := verified(t, path)
	require.Len(t, r.Faults, 1, "%v", r.Faults)
	require.Equal(t, ring.Fault{Offset: ring.IndexStart + 16, What: "index", Text: "entry 1 leads to position 288, in the middle of a record"}, r.Faults[0])
	found, err := ring.Repair(background, path, ring.RepairOptions{})
	require.NoError(t, err)
	require.Equal(t, []ring.Fault{{Offset: ring.IndexStart + 16, What: "index", Text: "entry 1: position 288 is not that of a record: cleared"}}, found.Mended)
	sound(t, path)
}

// hostile are the values that a broken or evil peer would choose.
func hostile() []uint64 {
	return []uint64{0, 1, 16, 1 << 31, 1<<32 - 1, 1 << 63, 1<<63 - 16, 1<<64 - 1, 1<<64 - 16, rand.Uint64(), rand.Uint64() &^ 15}
}

// words are the places in the file that somebody decides by, and some that nobody does.
func words(t testing.TB, path string, info ring.Info) (all []int64) {
	t.Helper()
	for off := int64(ring.OffPublished); off < ring.OffMirror+64; off += 8 {
		all = append(all, off)
	}
	all = append(all, ring.OffNextSeq, ring.OffOldest, ring.OffDataWake, ring.OffLease, ring.OffSpaceWake, ring.OffMutex, ring.OffMutex+8,
		ring.OffMutex+16, ring.OffClean, ring.OffEpoch, ring.OffBootID, ring.OffDevice, ring.OffInode, ring.OffInode+8, ring.OffPID,
		ring.OffPID+8, ring.OffHighWater, ring.OffStats, ring.OffStats+80)
	for i := int64(0); i < 2*ring.IndexEntries; i += 7 {
		all = append(all, ring.IndexStart+8*i)
	}
	for off := int64(ring.SlotsStart); off < ring.SlotsStart+2*ring.SlotSize; off += 8 {
		all = append(all, off)
	}
	for _, seq := range []uint64{info.FirstSeq, 903, 950, 1000} {
		off := place(t, path, info, seq)
		all = append(all, off, off+8, off+16)
	}
	return all
}

// Nobody panics, loops or reads without end, whatever one word says; and Verify changes nothing.
func TestHostileWordsHarmNobody(t *testing.T) {
	path, info := used(t)
	image, err := os.ReadFile(path)
	require.NoError(t, err)
	const most = small / ring.RecordSize
	for _, off := range words(t, path, info) {
		for _, value := range hostile() {
			what := fmt.Sprintf("%#x at offset %d", value, off)
			restored(t, path, image)
			poke(t, path, off, value)
			r := verified(t, path)
			require.LessOrEqual(t, r.Records, uint64(most), what)
			_, err := ring.Inspect(path)
			require.True(t, err == nil || kind(err) == "ErrCorrupt", "%s: inspect: %v", what, err)
			useAll(t, path, what, most)
		}
	}
}

// useAll uses the ring in every way, and requires that each ends: with an error, or with nothing left to read.
func useAll(t *testing.T, path, what string, most int) {
	t.Helper()
	done, _ := ended()
	drain := func(c nexter) {
		for n := 0; ; n++ {
			require.LessOrEqual(t, n, most, what)
			if _, err := c.Next(done); err != nil {
				return
			}
		}
	}
	v, err := ring.Observe(background, path, ring.ObserverOptions{})
	if err == nil {
		drain(v)
		defer func() { drain(v); require.NoError(t, v.Close(), what) }()
	}
	r, err := ring.OpenReader(background, path, ring.ReaderOptions{Name: "keep", Durable: true})
	if err == nil {
		drain(r)
		require.NoError(t, r.Close(), what)
	}
	w, err := ring.OpenWriter(background, path, ring.WriterOptions{Reopen: true})
	if err == nil {
		for n := 0; err == nil && n < 200; n++ {
			_, err = w.TryPublish(make([]byte, 500))
		}
		require.NoError(t, w.Close(), what)
	}
	found, err := ring.Repair(background, path, ring.RepairOptions{})
	require.True(t, err == nil || kind(err) == "ErrCorrupt", "%s: repair: %v", what, err)
	if err == nil {
		require.Len(t, verified(t, path).Faults, len(found.Left), "%s: what repair has not named, it has mended", what)
	}
}

// A peer writes anything anywhere behind the header, all the time, and everybody comes to an end.
func TestAHostilePeerAtWorkHarmsNobody(t *testing.T) {
	path, info := used(t)
	f := raw(t, path)
	stop, stopped := make(chan struct{}), make(chan error)
	rnd := rand.New(rand.NewPCG(rand.Uint64(), 0))
	go func() {
		for {
			values := hostile()
			off := ring.HeaderSize + 8*rnd.Int64N((info.FileSize-ring.HeaderSize)/8)
			if rnd.IntN(2) == 0 {
				off = ring.HeaderSize + 8*rnd.Int64N((ring.SlotsStart+4*ring.SlotSize-ring.HeaderSize)/8)
			}
			_, err := f.WriteAt(le.AppendUint64(nil, values[rnd.IntN(len(values))]), off)
			select {
			case <-stop:
				stopped <- err
				return
			default:
			}
		}
	}()
	image := make([]byte, info.FileSize)
	_, err := f.ReadAt(image, 0)
	require.NoError(t, err)
	done, _ := ended()
	for range 300 {
		overwrite(t, path, 0, image)
		_, _ = ring.Verify(path) // any error will do: it is an end
		_, _ = ring.Inspect(path)
		_, _ = ring.Repair(done, path, ring.RepairOptions{})
		if v, err := ring.Observe(done, path, ring.ObserverOptions{}); err == nil {
			for n := 0; err == nil && n < 1000; n++ {
				_, err = v.Next(done)
			}
			v.Close()
		}
		if w, err := ring.OpenWriter(background, path, ring.WriterOptions{Reopen: true}); err == nil {
			for n := 0; err == nil && n < 300; n++ {
				_, err = w.TryPublish(make([]byte, 300))
			}
			w.Close()
		}
	}
	close(stop)
	require.NoError(t, <-stopped)
}
