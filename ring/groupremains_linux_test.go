package ring_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/lock"
	"github.com/mmring/mmring/ring"
)

// abandoned makes a ring in which a group's member left three records, with its claim in slot 1, and the group is in slot 0.
func abandoned(t *testing.T) (path string, w *ring.Writer) {
	t.Helper()
	path = newRing(t, ring.Config{})
	w = openWriter(t, path)
	publish(t, w, 3)
	m := join(t, path, ring.GroupOptions{})
	m.Claiming(3)
	work(t, m, 1, 1)
	require.NoError(t, m.Close())
	return path, w
}

func TestRepairFreesTheClaimsOfAGroupThatIsNone(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, path string){
		"its name is damaged": func(t *testing.T, path string) { poke(t, path, field(0, ring.SlotName), 0x0a0d) },
		"another came there":  func(t *testing.T, path string) { poke(t, path, field(0, 0), peek(t, path, field(0, 0))+1<<32) },
		"it is a reader": func(t *testing.T, path string) {
			poke(t, path, field(0, 0), peek(t, path, field(0, 0))^(ring.KindGroup^1)<<8)
		},
		"it is nowhere": func(t *testing.T, path string) { poke(t, path, field(1, ring.SlotGroup), 1<<20) },
	} {
		t.Run(name, func(t *testing.T) {
			path, w := abandoned(t)
			require.NoError(t, w.Close())
			damage(t, path)
			found, err := ring.Repair(background, path, ring.RepairOptions{})
			require.NoError(t, err)
			require.Contains(t, found.Mended[len(found.Mended)-1].Text, "slot 1 claims 0 to 96 of group")
			if name != "its name is damaged" {
				require.NoError(t, ring.RemoveReader(background, path, "workers", false))
			}
			sound(t, path)
			require.Zero(t, peek(t, path, field(1, 0))&0xff, "its slot is free")
			w = openWriter(t, path)
			for range 100 {
				_, err := w.TryPublish(make([]byte, 1000))
				require.NoError(t, err, "nobody holds the writer back")
			}
		})
	}
}

func TestRepairLeavesAGroupWithoutANameToItsMembers(t *testing.T) {
	path, w := abandoned(t)
	m := join(t, path, ring.GroupOptions{})
	require.NoError(t, w.Close())
	poke(t, path, field(0, ring.SlotName), 0x0a0d)
	found, err := ring.Repair(background, path, ring.RepairOptions{})
	require.NoError(t, err)
	require.Len(t, found.Left, 1)
	require.Contains(t, found.Left[0].Text, "it has members")
	work(t, m, 1, 2)
}

// A group that comes to the slot of another has nothing to do with what was claimed of that.
func TestAGroupDoesNotGetTheClaimsOfAnotherThatWasInItsSlot(t *testing.T) {
	path, _ := abandoned(t)
	poke(t, path, field(0, 0), peek(t, path, field(0, 0))&^(1<<32-1)) // free
	m := join(t, path, ring.GroupOptions{From: ring.Newest})
	require.Equal(t, "none", inspect(t, path).Groups[1].State)
	nothing(t, m)
	require.NoError(t, m.Close())
	require.NoError(t, ring.RemoveReader(background, path, "workers", false))
	require.Len(t, inspect(t, path).Groups, 1)
}

// Who looks for a free slot has its byte for a moment, also that of a group's that was made meanwhile.
func TestAGroupIsRemovedWholeWhenSomebodyHasItsByte(t *testing.T) {
	path, w := abandoned(t)
	m := join(t, path, ring.GroupOptions{})
	work(t, m, 1, 2)
	life, err := lock.TryHold(raw(t, path), ring.LifeStart)
	require.NoError(t, err)
	answer := make(chan error)
	go func() { answer <- ring.RemoveReader(background, path, "workers", true) }()
	waitsForLock(t, unix.SYS_FCNTL)
	require.NoError(t, life.Close())
	require.NoError(t, <-answer)
	for err == nil { // it has copies of what it claimed
		_, err = m.Next(background)
	}
	require.ErrorIs(t, err, ring.ErrEvicted)
	for range 100 {
		_, err := w.TryPublish(make([]byte, 1000))
		require.NoError(t, err, "nobody holds the writer back")
	}
	r := openReader(t, path, ring.ReaderOptions{})
	require.NotZero(t, inspect(t, path).Readers[0].Slot, "living members may still be about to move what is in slot 0")
	require.NoError(t, r.Close())
}

// A member that the writer has dropped takes nothing from the others.
func TestADroppedMemberClaimsNothing(t *testing.T) {
	for _, word := range []func(uint64) uint64{
		func(w uint64) uint64 { return w&^0xff | ring.StateCorrupt },
		func(w uint64) uint64 { return w + 1<<32 },
	} {
		path := newRing(t, ring.Config{})
		publish(t, openWriter(t, path), 3)
		m := join(t, path, ring.GroupOptions{})
		poke(t, path, field(1, 0), word(peek(t, path, field(1, 0))))
		m.Claiming(3)
		_, err := m.Next(background)
		require.ErrorIs(t, err, ring.ErrCorrupt)
		require.NoError(t, m.Close())
		require.EqualValues(t, 3, group(t, path).LagRecords)
		m = join(t, path, ring.GroupOptions{})
		for seq := uint64(1); seq <= 3; seq++ {
			work(t, m, seq, 1)
		}
	}
}

// Counters that are older than the slots, as a power cut may leave them, hide no claim.
func TestRepairMakesTheWriterSeeAClaimAboveTheHighWater(t *testing.T) {
	path, w := abandoned(t)
	require.NoError(t, w.Close())
	poke32(t, path, ring.OffHighWater, 1)
	report, err := ring.Verify(path)
	require.NoError(t, err)
	require.Len(t, report.Faults, 1)
	require.Contains(t, report.Faults[0].Text, "slot 1 is active above the high water of 1")
	found, err := ring.Repair(background, path, ring.RepairOptions{})
	require.NoError(t, err)
	require.Len(t, found.Mended, 1)
	require.Contains(t, found.Mended[0].Text, "1 slots used, slot 1 is active: raised")
	sound(t, path)
}

func TestAGroupThatNobodyCouldJoinIsNotLeftBehind(t *testing.T) {
	path := newRing(t, ring.Config{Slots: 1})
	w := openWriter(t, path)
	_, err := ring.JoinGroup(background, path, "workers", ring.GroupOptions{})
	require.ErrorIs(t, err, ring.ErrNoSlot)
	require.Empty(t, inspect(t, path).Groups)
	require.NoError(t, ring.AddGroup(background, path, "workers", ring.Oldest))
	poke(t, path, field(0, 0), peek(t, path, field(0, 0))&^0xff|ring.StateEvicted)
	_, err = ring.JoinGroup(background, path, "workers", ring.GroupOptions{})
	require.ErrorIs(t, err, ring.ErrNoSlot)
	require.Empty(t, inspect(t, path).Groups, "made again in the place of one that was removed by half")
	for range 100 {
		_, err := w.TryPublish(make([]byte, 1000))
		require.NoError(t, err, "nobody holds the writer back")
	}
	require.NoError(t, ring.AddGroup(background, path, "workers", ring.Oldest))
	_, err = ring.JoinGroup(background, path, "workers", ring.GroupOptions{})
	require.ErrorIs(t, err, ring.ErrNoSlot)
	require.Equal(t, "active", group(t, path).State, "it was there before")
}

func TestAMemberJoinsInTheSlotOfAClaimThatNeverHeld(t *testing.T) {
	path := newRing(t, ring.Config{Slots: 2})
	publish(t, openWriter(t, path), 3)
	m := join(t, path, ring.GroupOptions{})
	work(t, m, 1, 1)
	require.NoError(t, m.Close())
	k := group(t, path).Cursor
	poke(t, path, field(1, ring.ClaimStart), k)
	poke(t, path, field(1, ring.ClaimEnd), k+32)
	work(t, join(t, path, ring.GroupOptions{}), 2, 1)
}

func TestTheWriterNamesTheGroupWhoseMemberHoldsItBack(t *testing.T) {
	path, w := abandoned(t)
	fill(t, w)
	back := inspect(t, path).HeldBack
	require.NotNil(t, back)
	require.Equal(t, 1, back.Slot)
	require.Equal(t, "workers", back.Name)
}

// A cursor that is older than the claims, as a power cut may leave it, gives nothing out again as if it were new.
func TestRepairMovesAGroupBehindWhatIsClaimedOfIt(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	publish(t, w, 9)
	m := join(t, path, ring.GroupOptions{Window: 9})
	for _, n := range []int{2, 3, 2} { // claims of 1 to 2, 3 to 5, 6 to 7
		m.Claiming(n)
		for range n {
			_, err := m.Next(background)
			require.NoError(t, err)
		}
	}
	require.NoError(t, m.Close())
	require.NoError(t, w.Close())
	poke(t, path, field(0, ring.SlotCursor), 32) // behind 1
	reboot(t, path)
	w = openWriter(t, path)
	require.Len(t, w.Recovery().Mended, 3)
	require.EqualValues(t, 8, group(t, path).Seq)
	sound(t, path)
	m = join(t, path, ring.GroupOptions{})
	had := map[uint64]int{}
	for range 9 {
		w, err := m.Next(background)
		require.NoError(t, err)
		had[w.Seq] = w.Delivery
	}
	require.Equal(t, map[uint64]int{1: 2, 2: 2, 3: 2, 4: 2, 5: 2, 6: 2, 7: 2, 8: 1, 9: 1}, had)

	path, w = abandoned(t)
	publish(t, w, 2)
	require.NoError(t, w.Close())
	poke(t, path, field(0, ring.SlotCursor), 0)
	poke(t, path, field(1, ring.ClaimStart), 32)
	poke(t, path, field(1, ring.ClaimEnd), 96)
	_, err := ring.Repair(background, path, ring.RepairOptions{})
	require.NoError(t, err)
	work(t, join(t, path, ring.GroupOptions{}), 1, 1)
}
