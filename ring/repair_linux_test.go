package ring_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/lock"
	"github.com/mmring/mmring/ring"
)

func TestRepairLooksAtEveryRecordOfASoundRing(t *testing.T) {
	for name, c := range map[string]ring.Config{"exclusive": {Checksums: true}, "shared": {Checksums: true, Shared: true}, "empty": {}} {
		t.Run(name, func(t *testing.T) {
			path := newRing(t, c)
			if name != "empty" {
				w := openWriter(t, path)
				patterns(t, w, 1, 1000, 104)
				require.NoError(t, w.Close())
			}
			want := sound(t, path)
			info := inspect(t, path)
			for range 2 {
				found, err := ring.Repair(background, path, ring.RepairOptions{})
				require.NoError(t, err)
				require.Equal(t, ring.Recovery{
					Full: true, Records: want.Records, Sums: want.Sums, Bytes: found.Bytes,
					Oldest: info.Oldest, Published: info.Published, Next: info.NextSeq,
				}, found)
				require.Equal(t, info.Published-info.Oldest, found.Bytes)
				require.True(t, inspect(t, path).Clean)
				require.False(t, inspect(t, path).Writer.Alive)
			}
		})
	}
}

func TestRepairRefusesWhileAWriterLives(t *testing.T) {
	for name, c := range map[string]ring.Config{"exclusive": {}, "shared": {Shared: true}} {
		t.Run(name, func(t *testing.T) {
			path := newRing(t, c)
			w := openWriter(t, path)
			publish(t, w, 3)
			_, err := ring.Repair(background, path, ring.RepairOptions{})
			require.ErrorIs(t, err, ring.ErrBusy)
			named(t, err, "repair", path)
			publish(t, w, 3)
			require.NoError(t, w.Close())
			found, err := ring.Repair(background, path, ring.RepairOptions{})
			require.NoError(t, err)
			require.EqualValues(t, 7, found.Next)
			sound(t, path)
		})
	}
}

func TestRepairDisturbsNoReaderOfWhatIsWhole(t *testing.T) {
	path := newRing(t, ring.Config{Checksums: true})
	w := openWriter(t, path)
	r, v := openReader(t, path, ring.ReaderOptions{}), observe(t, path, ring.ObserverOptions{})
	publish(t, w, 3)
	next(t, r, 1)
	next(t, v, 1)
	require.NoError(t, w.Close())
	found, err := ring.Repair(background, path, ring.RepairOptions{})
	require.NoError(t, err)
	require.Empty(t, found.Mended)
	publish(t, openWriter(t, path), 1)
	for seq := uint64(2); seq <= 4; seq++ {
		next(t, r, seq)
		next(t, v, seq)
	}
}

func TestRepairLeavesAnEndedRingEnded(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	publish(t, w, 3)
	require.NoError(t, w.End())
	require.NoError(t, w.Close())
	found, err := ring.Repair(background, path, ring.RepairOptions{})
	require.NoError(t, err)
	require.EqualValues(t, 4, found.Next)
	require.True(t, inspect(t, path).Ended)
	_, err = ring.OpenWriter(background, path, ring.WriterOptions{})
	require.ErrorIs(t, err, ring.ErrEnded)
}

func TestRepairFreesWhatTheDeadLeft(t *testing.T) {
	path := newRing(t, ring.Config{Slots: 4})
	dead := proctest.Start(t, "reader", path, "")
	dead.Expect("ready")
	living := openReader(t, path, ring.ReaderOptions{Name: "living"})
	require.NoError(t, ring.AddReader(background, path, "kept", ring.Next))
	dead.Kill()
	_ = dead.Wait() // says that it was killed
	found, err := ring.Repair(background, path, ring.RepairOptions{})
	require.NoError(t, err)
	require.Equal(t, []ring.Fault{{
		Offset: ring.SlotsStart, What: "slot", Text: fmt.Sprintf("slot 0 is process %d's, which is dead: freed", dead.Pid()),
	}}, found.Mended)
	require.Len(t, inspect(t, path).Readers, 2)
	publish(t, openWriter(t, path), 1)
	next(t, living, 1)
}

func TestTheLoggerIsToldOfARecovery(t *testing.T) {
	path := newRing(t, ring.Config{Checksums: true})
	require.NoError(t, ring.AddReader(background, path, "gone", ring.Next))
	w := openWriter(t, path)
	patterns(t, w, 1, 50, 104)
	require.NoError(t, w.Close())
	flip(t, path, place(t, path, inspect(t, path), 30)+30)
	poke(t, path, ring.SlotsStart, peek(t, path, ring.SlotsStart)&^0xff|ring.StateCorrupt)
	poke(t, path, ring.SlotsStart+ring.SlotSize, 0x80)
	reboot(t, path)
	var said strings.Builder
	w, err := ring.OpenWriter(background, path, ring.WriterOptions{Logger: slog.New(slog.NewTextHandler(&said, nil))})
	require.NoError(t, err)
	defer w.Close()
	for _, want := range []string{
		`level=WARN msg="ring recovered" ring=` + path + " dirty=false rebooted=true copied=false full=true records=30 skipped=0 cut=2688 lost=21 next=30",
		`level=INFO msg=mended ring=` + path + " offset=16512 what=slot",
		`level=WARN msg="not mended" ring=` + path + " offset=16384 what=slot",
	} {
		require.Contains(t, said.String(), want)
	}
}

// A recovery that gives damaged records up holds all slots for a moment. Who wants to register then waits.
func TestAReaderWaitsForARecoveryInsteadOfBeingRefused(t *testing.T) {
	for _, name := range []string{"", "named"} {
		path := newRing(t, ring.Config{Slots: 2})
		f := raw(t, path)
		var held []*lock.Life
		for _, off := range []int64{ring.RegistryByte, ring.LifeStart, ring.LifeStart + 1} {
			life, err := lock.TryHold(f, off)
			require.NoError(t, err)
			held = append(held, life)
		}
		answer := make(chan error)
		go func() {
			r, err := ring.OpenReader(background, path, ring.ReaderOptions{Name: name})
			if err == nil {
				err = r.Close()
			}
			answer <- err
		}()
		waitsForLock(t, unix.SYS_FCNTL)
		for i := len(held) - 1; i >= 0; i-- {
			require.NoError(t, held[i].Close())
		}
		require.NoError(t, <-answer)
	}
}
