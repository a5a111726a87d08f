package ring_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
	"github.com/mmring/mmring/shm"
)

// recoverRole opens a ring, as "writer" or to "repair" it, and gives it back.
func recoverRole(args []string) {
	what, path := args[0], args[1]
	proctest.Say("ready")
	proctest.Mark()
	if what == "repair" {
		_, err := ring.Repair(background, path, ring.RepairOptions{})
		proctest.Die(err)
		proctest.Mark()
		return
	}
	w, err := ring.OpenWriter(background, path, ring.WriterOptions{})
	proctest.Die(err)
	proctest.Mark()
	proctest.Die(w.Close())
}

// stepSize is the payload of records large enough that a ring has few.
const stepSize = 1000

// left are rings as their last writers, machines or copies left them.
var left = map[string]struct {
	what string // the role's
	make func(t *testing.T) (path string)
}{
	"killed": {"writer", func(t *testing.T) string {
		path := stepRing(t)
		w := openWriter(t, path)
		patterns(t, w, 1, 100, stepSize)
		crash(t, path, w)
		poke(t, path, ring.IndexStart+16*40, inspect(t, path).Published+1040) // an entry of a record that was not published
		poke(t, path, ring.IndexStart+16*40+8, 102)
		return path
	}},
	"killed, the last stride scribbled over": {"writer", func(t *testing.T) string {
		path := stepRing(t)
		w := openWriter(t, path)
		patterns(t, w, 1, 100, stepSize)
		crash(t, path, w)
		poke(t, path, place(t, path, inspect(t, path), 99), 0)
		return path
	}},
	"rebooted, damaged at the end": {"writer", func(t *testing.T) string {
		path := stepRing(t)
		w := openWriter(t, path)
		patterns(t, w, 1, 80, stepSize)
		require.NoError(t, ring.AddReader(background, path, "behind", ring.Last(30)))
		require.NoError(t, ring.AddReader(background, path, "above", ring.Newest))
		require.NoError(t, ring.AddReader(background, path, "between", ring.Last(25)))
		patterns(t, w, 81, 100, stepSize)
		dead := proctest.Start(t, "reader", path, "")
		dead.Expect("ready")
		dead.Kill()
		_ = dead.Wait() // says that it was killed
		crash(t, path, w)
		flip(t, path, place(t, path, inspect(t, path), 70)+40)
		between := int64(ring.SlotsStart + 2*ring.SlotSize + ring.SlotCursor)
		poke(t, path, between, peek(t, path, between)+48)
		poke(t, path, ring.OffHighWater, 1)
		reboot(t, path)
		return path
	}},
	"a copy, damaged at both ends": {"writer", func(t *testing.T) string {
		path := stepRing(t)
		w := openWriter(t, path)
		patterns(t, w, 1, 100, stepSize)
		require.NoError(t, ring.AddReader(background, path, "behind", ring.Oldest))
		info := inspect(t, path)
		crash(t, path, w)
		flip(t, path, place(t, path, info, info.FirstSeq)+8)
		flip(t, path, place(t, path, info, 95)+40)
		poke(t, path, ring.OffInode, 1)
		return path
	}},
	"nothing whole": {"writer", func(t *testing.T) string {
		path := stepRing(t)
		w := openWriter(t, path)
		patterns(t, w, 1, 100, stepSize)
		crash(t, path, w)
		overwrite(t, path, inspect(t, path).DataOffset, make([]byte, small))
		reboot(t, path)
		return path
	}},
	"ended, to be repaired": {"repair", func(t *testing.T) string {
		path := stepRing(t)
		w := openWriter(t, path)
		patterns(t, w, 1, 100, stepSize)
		require.NoError(t, ring.AddReader(background, path, "gone", ring.Oldest))
		require.NoError(t, w.End())
		require.NoError(t, w.Close())
		poke32(t, path, ring.OffEnded, 7)
		poke32(t, path, ring.OffHighWater, 77)
		poke(t, path, ring.OffNextSeq, 0)
		poke(t, path, ring.IndexStart+16*7, 5)
		poke(t, path, ring.SlotsStart, peek(t, path, ring.SlotsStart)&^0xff|ring.StateCorrupt)
		flip(t, path, place(t, path, inspect(t, path), 95)+40)
		return path
	}},
}

func stepRing(t *testing.T) string { return newRing(t, ring.Config{Checksums: true, Slots: 4}) }

// settled returns what decides in a ring's file: everything but people, wake words, how often it was recovered, and data.
func settled(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, field := range [][2]int{
		{ring.OffDataWake, 4}, {ring.OffSpaceWake, 4}, {ring.OffEpoch, 8}, {ring.OffPID, 128},
		{ring.OffStats + 8*ring.StatRecoveries, 8},
	} {
		clear(b[field[0] : field[0]+field[1]])
	}
	return b[ring.HeaderSize : 64<<10]
}

// recovered lets this process recover the ring, and returns what decides afterwards.
func recovered(t testing.TB, what, path string) []byte {
	t.Helper()
	var err error
	if what == "repair" {
		_, err = ring.Repair(background, path, ring.RepairOptions{})
	} else {
		var w *ring.Writer
		if w, err = ring.OpenWriter(background, path, ring.WriterOptions{}); err == nil {
			err = w.Close()
		}
	}
	require.NoError(t, err)
	return settled(t, path)
}

// same requires that two files have the same bytes behind the header, and names the words that differ.
func same(t testing.TB, want, got []byte, when string) {
	t.Helper()
	if bytes.Equal(want, got) {
		return
	}
	for off := 0; off < len(want); off += 8 {
		if a, b := le.Uint64(want[off:]), le.Uint64(got[off:]); a != b {
			t.Errorf("%s: offset %d: %#x, expected %#x", when, ring.HeaderSize+off, b, a)
		}
	}
	t.FailNow()
}

// A recovery is killed after every store that it makes; whoever recovers next comes to the same bytes. In between observers
// read nothing that was not there.
func TestARecoveryKilledAtAnyStoreIsDoneByTheNext(t *testing.T) {
	for name, c := range left {
		t.Run(name, func(t *testing.T) {
			path := c.make(t)
			image, err := os.ReadFile(path)
			require.NoError(t, err)
			want := recovered(t, c.what, path)
			after := inspect(t, path)
			restored(t, path, image)

			file, err := shm.Open(path, shm.ReadOnly, shm.Options{Length: 64 << 10})
			require.NoError(t, err)
			defer file.Close()
			states := [][]byte{slices.Clone(file.Bytes())}
			n := proctest.Steps(t, func() bool {
				if now := file.Bytes(); !bytes.Equal(now, states[len(states)-1]) {
					states = append(states, slices.Clone(now))
				}
				return true
			}, "recover", c.what, path)
			t.Logf("%d instructions, %d states of the file", n, len(states))
			same(t, want, settled(t, path), "the child that was not killed")
			require.Greater(t, len(states), 10)
			for i, state := range states {
				restored(t, path, state)
				readsWhatWas(t, path, i)
				same(t, want, recovered(t, c.what, path), fmt.Sprintf("killed after store %d", i))
				require.Equal(t, after.Stats.CutRecords, inspect(t, path).Stats.CutRecords)
			}
		})
	}
}

// readsWhatWas lets an observer read until there is nothing more, or something damaged.
func readsWhatWas(t testing.TB, path string, i int) {
	t.Helper()
	v, err := ring.Observe(background, path, ring.ObserverOptions{})
	if err != nil {
		require.ErrorIs(t, err, ring.ErrCorrupt, "state %d", i)
		return
	}
	defer v.Close()
	done, cause := ended()
	for {
		rec, err := v.Next(done)
		if err != nil {
			require.True(t, errors.Is(err, cause) || errors.Is(err, io.EOF) || errors.Is(err, ring.ErrCorrupt), "state %d: %v", i, err)
			return
		}
		require.True(t, bytes.Equal(pattern(rec.Seq, stepSize), rec.Payload), "state %d: record %d", i, rec.Seq)
	}
}

// A recovery that takes a while is killed at any moment, again and again.
func TestARecoveryKilledAtAnyMomentIsDoneByTheNext(t *testing.T) {
	path := newRing(t, ring.Config{Capacity: 16 << 20, Checksums: true, Slots: 4})
	w := openWriter(t, path)
	patterns(t, w, 1, 150_000, 104)
	require.NoError(t, ring.AddReader(background, path, "above", ring.Newest))
	crash(t, path, w)
	flip(t, path, place(t, path, inspect(t, path), 140_000)+40)
	reboot(t, path)
	image, err := os.ReadFile(path)
	require.NoError(t, err)
	want := recovered(t, "writer", path)
	for i := range 40 {
		if i%8 == 0 {
			restored(t, path, image)
		}
		epoch := peek(t, path, ring.OffEpoch)
		p := proctest.Start(t, "recover", "writer", path)
		p.Expect("ready")
		proctest.Until(t, "it has begun, or is done", func() bool {
			return peek(t, path, ring.OffPID) == uint64(p.Pid()) || peek(t, path, ring.OffEpoch) != epoch
		})
		for range i * 3 { // some are killed a little later
			peek(t, path, ring.OffPublished)
		}
		p.Kill()
		_ = p.Wait() // says that it was killed, if it was
	}
	same(t, want, recovered(t, "writer", path), "at last")
	readable(t, path, inspect(t, path).FirstSeq, 139_999, 104)
}

// The same with processes that really are killed there, and whose locks the kernel gives back.
func TestARecoveryThatIsReallyKilledIsDoneByTheNext(t *testing.T) {
	c := left["rebooted, damaged at the end"]
	path := c.make(t)
	image, err := os.ReadFile(path)
	require.NoError(t, err)
	want := recovered(t, c.what, path)
	restored(t, path, image)
	file, err := shm.Open(path, shm.ReadOnly, shm.Options{Length: 64 << 10})
	require.NoError(t, err)
	defer file.Close()
	for _, stores := range []int{13, 3, 1, 7} { // one after another, without a whole recovery in between
		last := slices.Clone(file.Bytes())
		proctest.Steps(t, func() bool {
			if now := file.Bytes(); !bytes.Equal(now, last) {
				last = slices.Clone(now)
				stores--
			}
			return stores > 0
		}, "recover", c.what, path)
		require.Zero(t, stores, "it was killed, and not done")
		require.Zero(t, peek(t, path, ring.OffClean)&1)
	}
	same(t, want, recovered(t, c.what, path), "at last")
}
