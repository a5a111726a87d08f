package ring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

// Groups come later, and rings outlive their writers: this one already waits for what a group still needs.
func TestTheWriterWaitsForGroupsAndTheirMembers(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	word := func(kind uint64) uint64 { return 1<<32 | ring.FlagDurable | kind<<8 | ring.StateActive }
	group, member := int64(ring.SlotsStart+5*ring.SlotSize), int64(ring.SlotsStart+2*ring.SlotSize)
	poke(t, path, group, word(ring.KindGroup))
	_, err := raw(t, path).WriteAt([]byte("workers"), group+ring.SlotName)
	require.NoError(t, err)
	poke(t, path, member, word(ring.KindMember))
	poke32(t, path, ring.OffHighWater, 6)
	last := fill(t, w)
	require.EqualValues(t, small/1024, last)

	poke(t, path, member+ring.ClaimStart, 2048)
	poke(t, path, member+ring.ClaimEnd, 4096)
	poke(t, path, group+ring.SlotCursor, 4096)
	require.EqualValues(t, last+2, fill(t, w), "up to the member's claim")
	poke(t, path, member+ring.ClaimEnd, 0)
	require.EqualValues(t, last+4, fill(t, w), "up to the group's cursor")
	poke(t, path, group+ring.SlotCursor, peek(t, path, ring.OffPublished))
	require.EqualValues(t, 2*last+4, fill(t, w))
	require.Zero(t, inspect(t, path).Stats.Corrupt)
	sound(t, path)

	_, err = ring.OpenReader(background, path, ring.ReaderOptions{Name: "workers", Durable: true})
	require.ErrorIs(t, err, ring.ErrName)
	require.ErrorContains(t, err, `"workers" is a group's`)
	poke(t, path, member+ring.ClaimStart, 1<<40)
	poke(t, path, member+ring.ClaimEnd, 1<<41)
	_, err = w.TryPublish(nil)
	require.ErrorIs(t, err, ring.ErrFull, "the group is still there")
	require.EqualValues(t, 1, inspect(t, path).Stats.Corrupt, "a claim above published was dropped")
}
