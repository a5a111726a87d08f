package ring_test

import (
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

// field is where in the file a slot's field stands.
func field(slot, off int64) int64 { return ring.SlotsStart + slot*ring.SlotSize + off }

// What a member answers when words that it goes by have become something that they cannot be. Slot 0 is the group's, 1 the
// member's.
func TestAMemberOfACorruptGroupSaysSo(t *testing.T) {
	word := func(slot int64, change func(uint64) uint64) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			poke(t, path, field(slot, 0), change(peek(t, path, field(slot, 0))))
		}
	}
	cursor := func(c uint64) func(t *testing.T, path string) {
		return func(t *testing.T, path string) { poke(t, path, field(0, ring.SlotCursor), c) }
	}
	state := func(s uint64) func(uint64) uint64 { return func(w uint64) uint64 { return w&^0xff | s } }
	for name, c := range map[string]struct {
		damage func(t *testing.T, path string)
		err    error
		text   string
	}{
		"a cursor above published":     {cursor(1 << 30), ring.ErrCorrupt, "group's cursor 1073741824, published "},
		"a cursor far above":           {cursor(1<<64 - 16), ring.ErrCorrupt, "group's cursor"},
		"a cursor that is not aligned": {cursor(8), ring.ErrCorrupt, "group's cursor 8,"},
		"a cursor inside of a record":  {cursor(16), ring.ErrCorrupt, "no record at the group's cursor 16"},
		"the group was dropped":        {word(0, state(ring.StateCorrupt)), ring.ErrCorrupt, "the group's slot was changed from"},
		"the group is another":         {word(0, func(w uint64) uint64 { return w + 1<<32 }), ring.ErrCorrupt, "the group's slot was changed from"},
		"the group was removed":        {word(0, state(ring.StateEvicted)), ring.ErrEvicted, "the group was removed"},
		"the member was dropped":       {word(1, state(ring.StateCorrupt)), ring.ErrCorrupt, "this member's slot was changed from"},
		"the member was evicted":       {word(1, state(ring.StateEvicted)), ring.ErrEvicted, "its group was removed"},
		"the member is another":        {word(1, func(w uint64) uint64 { return w + 1<<32 }), ring.ErrCorrupt, "this member's slot was changed from"},
		"the record is none":           {func(t *testing.T, path string) { poke(t, path, inspect(t, path).DataOffset, 1<<40) }, ring.ErrCorrupt, "no record at the group's cursor 0"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, window := range []int{1, 4} {
				path := newRing(t, ring.Config{Checksums: true})
				w := openWriter(t, path)
				m := join(t, path, ring.GroupOptions{Window: window})
				patterns(t, w, 1, 20, 100)
				c.damage(t, path)
				for range 2 {
					_, err := m.Next(background)
					require.ErrorIs(t, err, c.err)
					require.ErrorContains(t, err, c.text)
					named(t, err, "read", path)
				}
				require.NoError(t, m.Close())
			}
		})
	}
}

// What others claim, and cannot, is not waited for nor delivered. Slot 2 is that of somebody who died.
func TestAClaimThatCannotBeIsCleared(t *testing.T) {
	at := func(seq uint64) uint64 { return small + 144*(seq-456) } // behind 455 records and padding
	for name, c := range map[string]struct {
		start, end, given uint64
		comes             uint64 // the first record that comes to the member; 0: none does
	}{
		"before oldest":              {0, 144, 1, 0},
		"behind the group's cursor":  {at(600), at(601), 1, 0},
		"at the group's cursor":      {at(551), at(552), 1, 0},
		"nowhere":                    {1<<64 - 16, 1<<64 - 1, 1, 0},
		"backwards":                  {at(541), at(540), 1, 0},
		"not aligned":                {at(540) + 8, at(541), 1, 0},
		"inside of a record":         {at(540) + 16, at(541), 1, 0},
		"beyond the group's cursor":  {at(550), at(554), 1, 550},
		"given out very often":       {at(550), at(551), 1<<64 - 1, 550},
		"one that may have been won": {at(550), at(551), 1, 550},
	} {
		t.Run(name, func(t *testing.T) {
			path := newRing(t, ring.Config{})
			w := openWriter(t, path)
			patterns(t, w, 1, 550, 128)
			m := join(t, path, ring.GroupOptions{From: ring.Newest})
			member := peek(t, path, field(1, 0))
			poke(t, path, field(2, ring.ClaimStart), c.start)
			poke(t, path, field(2, ring.ClaimEnd), c.end)
			poke(t, path, field(2, ring.SlotSequence), c.given)
			poke(t, path, field(2, ring.SlotCursor), c.end)
			poke(t, path, field(2, ring.SlotGroup), peek(t, path, field(1, ring.SlotGroup)))
			poke(t, path, field(2, 0), member)
			poke32(t, path, ring.OffHighWater, 3)
			require.NoError(t, w.End())
			if c.comes > 0 {
				got, err := m.Next(background)
				require.NoError(t, err)
				require.Equal(t, c.comes, got.Seq)
				require.Greater(t, got.Delivery, 1)
			}
			_, err := m.Next(background)
			require.ErrorIs(t, err, io.EOF)
			require.NoError(t, m.Close())
			for _, member := range group(t, path).Members {
				require.Equal(t, "corrupt", member.State)
				require.Equal(t, "inside of a record", name)
			}
		})
	}
}

func TestRemovingAGroupTakesWhatItsMembersHaveWithIt(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	publish(t, w, 3)
	dead, alive := startMember(t, path), startMember(t, path)
	for _, p := range []*proctest.Proc{dead, alive} {
		p.Send("next")
		p.Line()
	}
	dead.Kill()
	require.Error(t, dead.Wait())
	err := ring.RemoveReader(background, path, "workers", false)
	require.ErrorIs(t, err, ring.ErrBusy)
	require.ErrorContains(t, err, "is a member")
	named(t, err, "remove reader", path)
	require.Len(t, group(t, path).Members, 2, "nothing has changed")

	m := join(t, path, ring.GroupOptions{})
	work(t, m, 1, 2)
	answer := make(chan error)
	go func() {
		for range m.Records(background) {
		}
		answer <- m.Err()
	}()
	proctest.Until(t, "all is given out", func() bool { return group(t, path).LagRecords == 0 })
	require.NoError(t, ring.RemoveReader(background, path, "workers", true))
	require.ErrorIs(t, <-answer, ring.ErrEvicted, "also one that sleeps")
	require.Equal(t, "evicted", group(t, path).State)
	for range 100 {
		_, err = w.TryPublish(make([]byte, 1000))
		require.NoError(t, err, "nobody holds the writer back")
	}
	_, err = ring.JoinGroup(background, path, "workers", ring.GroupOptions{})
	require.ErrorIs(t, err, ring.ErrBusy)
	require.ErrorContains(t, err, "is a member")
	require.NoError(t, m.Close())
	alive.Kill()
	require.Error(t, alive.Wait())
	n := join(t, path, ring.GroupOptions{From: ring.Newest})
	require.Equal(t, "active", group(t, path).State, "the name is free when they have gone")
	require.Len(t, group(t, path).Members, 1)
	require.NoError(t, n.Close())
	require.NoError(t, ring.RemoveReader(background, path, "workers", false))
	require.ErrorIs(t, ring.RemoveReader(background, path, "workers", false), os.ErrNotExist)
	require.Empty(t, inspect(t, path).Groups)
	sound(t, path)
}

// A record that one of a group's members has, of which the machine remembers nothing.
func TestAfterARebootGroupsAndClaimsAreWithinWhatStays(t *testing.T) {
	path := newRing(t, ring.Config{Checksums: true})
	w := openWriter(t, path)
	m := join(t, path, ring.GroupOptions{Window: 8})
	m.Claiming(4)
	patterns(t, w, 1, 8, 100)
	for range 8 {
		_, err := m.Next(background)
		require.NoError(t, err)
	}
	require.NoError(t, m.Close())
	idle := startMember(t, path)
	idle.Kill()
	require.Error(t, idle.Wait())
	crash(t, path, w)
	info := inspect(t, path)
	flip(t, path, place(t, path, info, 7)+40)
	reboot(t, path)
	found, err := ring.Repair(background, path, ring.RepairOptions{})
	require.NoError(t, err)
	require.EqualValues(t, 2, found.Lost)
	sound(t, path)
	g := group(t, path)
	require.EqualValues(t, 7, g.Seq)
	n := join(t, path, ring.GroupOptions{})
	seen := map[uint64]bool{}
	for range 6 {
		w, err := n.Next(background)
		require.NoError(t, err)
		require.Greater(t, w.Delivery, 1)
		seen[w.Seq] = true
	}
	require.Len(t, seen, 6)
	nothing(t, n)
	require.False(t, seen[7] || seen[8])
}

func TestVerifyNamesWhatIsWrongWithAClaim(t *testing.T) {
	for name, c := range map[string]struct {
		field int64
		value func(old uint64) uint64
		text  string
	}{
		"a group that is none":         {ring.SlotGroup, func(uint64) uint64 { return 1 }, "member's slot 1 is of group 1, which is none"},
		"a group beyond all slots":     {ring.SlotGroup, func(old uint64) uint64 { return old + 1<<31 }, "is of group 2147483648, which is none"},
		"a group of long ago":          {ring.SlotGroup, func(old uint64) uint64 { return old - 1<<32 }, "is of group 0, which is none"},
		"an end above published":       {ring.ClaimEnd, func(old uint64) uint64 { return old + small }, "claim of slot 1 from 0 to "},
		"an end before the start":      {ring.ClaimStart, func(old uint64) uint64 { return old + 320 }, "claim of slot 1 from 320 to "},
		"a start that is not aligned":  {ring.ClaimStart, func(old uint64) uint64 { return old + 8 }, "claim of slot 1 from 8 to "},
		"a start inside of a record":   {ring.ClaimStart, func(old uint64) uint64 { return old + 16 }, "claim 16 of slot 1 is not at a record"},
		"a state that there is not":    {0, func(old uint64) uint64 { return old | 0xff }, "word "},
		"a slot dropped by the writer": {0, func(old uint64) uint64 { return old&^0xff | ring.StateCorrupt }, "slot 1 (\"\") was dropped"},
	} {
		t.Run(name, func(t *testing.T) {
			path := newRing(t, ring.Config{})
			publish(t, openWriter(t, path), 9)
			m := join(t, path, ring.GroupOptions{})
			m.Claiming(3)
			work(t, m, 1, 1)
			sound(t, path)
			off := field(1, c.field)
			poke(t, path, off, c.value(peek(t, path, off)))
			report, err := ring.Verify(path)
			require.NoError(t, err)
			require.Len(t, report.Faults, 1)
			require.Contains(t, report.Faults[0].Text, c.text)
			require.Equal(t, off&^127, report.Faults[0].Offset&^127)
		})
	}
}

// Records that are damaged when they have been claimed: what comes before them is given out.
func TestABatchEndsBeforeARecordThatIsDamaged(t *testing.T) {
	for _, window := range []int{1, 8} {
		path := newRing(t, ring.Config{Checksums: true})
		patterns(t, openWriter(t, path), 1, 4, 100)
		flip(t, path, place(t, path, inspect(t, path), 3)+40)
		m := join(t, path, ring.GroupOptions{Window: window})
		m.Claiming(4)
		var had []ring.Work
		for batch := range m.Batches(background, 4) {
			had = append(had, batch...)
		}
		require.ErrorIs(t, m.Err(), ring.ErrCorrupt)
		require.ErrorContains(t, m.Err(), "checksum of record 3 ")
		require.Len(t, had, 2)
		require.EqualValues(t, 1, had[0].Seq)
		require.EqualValues(t, 2, had[1].Seq)
		if window == 1 {
			require.ErrorIs(t, had[1].Done(), ring.ErrMisuse, "the call that found the third said so")
			continue
		}
		require.EqualValues(t, 1, group(t, path).Members[0].ClaimSeq)
		for _, w := range had {
			require.NoError(t, w.Done())
		}
	}
}

func TestADamagedRecordIsReportedOnceAndPassedOver(t *testing.T) {
	for _, window := range []int{1, 8} {
		path := newRing(t, ring.Config{Checksums: true})
		w := openWriter(t, path)
		patterns(t, w, 1, 5, 100)
		for _, seq := range []uint64{1, 3, 5} {
			flip(t, path, place(t, path, inspect(t, path), seq)+40)
		}
		m := join(t, path, ring.GroupOptions{Window: window})
		m.Claiming(5)
		for seq := uint64(1); seq <= 5; seq++ {
			w, err := m.Next(background)
			require.Equal(t, seq, w.Seq)
			if seq%2 == 0 {
				require.NoError(t, err)
				require.Equal(t, pattern(seq, 100), w.Payload)
				require.NoError(t, w.Done())
				continue
			}
			require.ErrorIs(t, err, ring.ErrCorrupt)
			require.ErrorContains(t, err, fmt.Sprintf("checksum of record %d at position ", seq))
			named(t, err, "read", path)
			require.ErrorIs(t, w.Done(), ring.ErrMisuse)
		}
		stats, err := m.Stats()
		require.NoError(t, err)
		require.EqualValues(t, 3, stats.Damaged)
		require.EqualValues(t, 2, stats.Records)
		nothing(t, m)
		require.NoError(t, m.Close())
		require.Empty(t, group(t, path).Members, "nothing is left to others")
		fill(t, w)
	}
}

// Whoever leaves at a damaged record does not leave it to the next.
func TestADamagedRecordDoesNotGoFromMemberToMember(t *testing.T) {
	path := newRing(t, ring.Config{Checksums: true})
	patterns(t, openWriter(t, path), 1, 4, 100)
	flip(t, path, place(t, path, inspect(t, path), 2)+40)
	m := join(t, path, ring.GroupOptions{})
	m.Claiming(4)
	for range m.Records(background) {
	}
	require.ErrorContains(t, m.Err(), "checksum of record 2 ")
	require.NoError(t, m.Close())
	m = join(t, path, ring.GroupOptions{})
	for seq := uint64(3); seq <= 4; seq++ {
		w, err := m.Next(background)
		require.NoError(t, err)
		require.Equal(t, seq, w.Seq)
		require.Equal(t, 1, w.Delivery)
	}
}
