package ring_test

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

func TestAGroupStaysWhereItIsWithoutMembers(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	require.NoError(t, ring.AddGroup(background, path, "workers", ring.Next))
	publish(t, w, 3)
	m := join(t, path, ring.GroupOptions{From: ring.Newest})
	work(t, m, 1, 1)
	require.NoError(t, work(t, m, 2, 1).Done())
	require.NoError(t, m.Close())
	fill(t, w)
	_, err := w.TryPublish(make([]byte, 1000))
	require.ErrorIs(t, err, ring.ErrFull)
	require.True(t, group(t, path).HoldsBack)
	require.NoError(t, w.Close())
	work(t, join(t, path, ring.GroupOptions{}), 3, 1)
}

func TestAGroupStartsWhereItsFirstMemberSays(t *testing.T) {
	for name, c := range map[string]struct {
		from ring.Start
		want uint64
	}{
		"next": {ring.Next, 1}, "oldest": {ring.Oldest, 1}, "newest": {ring.Newest, 10}, "a number": {ring.Seq(4), 4},
		"the last": {ring.Last(2), 8}, "a number to come": {ring.Seq(12), 10}, "a time": {ring.At(time.Now().Add(-time.Hour)), 1},
	} {
		t.Run(name, func(t *testing.T) {
			path := newRing(t, ring.Config{Timestamps: true})
			w := openWriter(t, path)
			publish(t, w, 9)
			m := join(t, path, ring.GroupOptions{From: c.from})
			publish(t, w, 3)
			got := work(t, m, c.want, 1)
			require.False(t, got.Time().IsZero())
		})
	}
	path := newRing(t, ring.Config{})
	_, err := ring.JoinGroup(background, path, "workers", ring.GroupOptions{From: ring.At(time.Now())})
	require.ErrorIs(t, err, ring.ErrNoTimes)
	require.Empty(t, inspect(t, path).Groups)
}

func TestJoinGroupRefuses(t *testing.T) {
	path := newRing(t, ring.Config{Slots: 5})
	require.NoError(t, ring.AddReader(background, path, "reader", ring.Next))
	require.NoError(t, ring.AddGroup(background, path, "group", ring.Next))
	guest := proctest.Start(t, "ephemeral", path, "guest")
	guest.Expect("ready")
	for name, c := range map[string]struct {
		group string
		o     ring.GroupOptions
		err   error
		text  string
	}{
		"a durable reader's name":     {"reader", ring.GroupOptions{}, ring.ErrName, `"reader" is a durable reader's`},
		"an attached reader's name":   {"guest", ring.GroupOptions{}, ring.ErrBusy, fmt.Sprintf(`reader "guest" is attached, process %d`, guest.Pid())},
		"no name":                     {"", ring.GroupOptions{}, ring.ErrName, "0 bytes"},
		"a name that terminals mind":  {"a b", ring.GroupOptions{}, ring.ErrName, "letters, digits"},
		"a window below 0":            {"group", ring.GroupOptions{Window: -1}, ring.ErrConfig, "window of -1 records: must be 0 to 4096"},
		"a window that is too large":  {"group", ring.GroupOptions{Window: 4097}, ring.ErrConfig, "window of 4097 records: must be 0 to 4096"},
		"a time, where there is none": {"other", ring.GroupOptions{From: ring.At(time.Now())}, ring.ErrNoTimes, "no start at"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ring.JoinGroup(background, path, c.group, c.o)
			require.ErrorIs(t, err, c.err)
			require.ErrorContains(t, err, c.text)
			named(t, err, "join group", path)
		})
	}
	for _, durable := range []bool{true, false} {
		_, err := ring.OpenReader(background, path, ring.ReaderOptions{Name: "group", Durable: durable})
		require.ErrorIs(t, err, ring.ErrName)
		require.ErrorContains(t, err, `"group" is a group's`)
	}
	require.ErrorIs(t, ring.MoveReader(background, path, "group", ring.Newest), ring.ErrName)
	require.ErrorIs(t, ring.AddReader(background, path, "group", ring.Newest), os.ErrExist)
	err := ring.AddGroup(background, path, "group", ring.Newest)
	require.ErrorIs(t, err, os.ErrExist)
	named(t, err, "add group", path)
	require.ErrorIs(t, ring.AddGroup(background, path, "reader", ring.Newest), ring.ErrName)
	require.ErrorIs(t, ring.AddGroup(background, path, "", ring.Newest), ring.ErrName)
	_, err = ring.JoinGroup(background, path+"x", "group", ring.GroupOptions{})
	require.ErrorIs(t, err, os.ErrNotExist)

	openReader(t, path, ring.ReaderOptions{})
	openReader(t, path, ring.ReaderOptions{})
	_, err = ring.JoinGroup(background, path, "group", ring.GroupOptions{})
	require.ErrorIs(t, err, ring.ErrNoSlot)
	_, err = ring.JoinGroup(background, path, "another", ring.GroupOptions{})
	require.ErrorIs(t, err, ring.ErrNoSlot)
	require.Len(t, inspect(t, path).Groups, 1)
	guest.Kill()
	require.Error(t, guest.Wait())
	m, err := ring.JoinGroup(background, path, "group", ring.GroupOptions{})
	require.NoError(t, err, "the slot of the dead")
	require.NoError(t, m.Close())
	require.NoError(t, ring.AddGroup(background, path, "guest", ring.Next), "and its name")
}

func TestTheLoggerIsToldOfAClaimTakenOver(t *testing.T) {
	path := newRing(t, ring.Config{})
	publish(t, openWriter(t, path), 1)
	a := join(t, path, ring.GroupOptions{})
	work(t, a, 1, 1)
	require.NoError(t, a.Close())
	var log strings.Builder
	b := join(t, path, ring.GroupOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	work(t, b, 1, 2)
	require.Contains(t, log.String(), fmt.Sprintf(`msg="claim taken over" ring=%s slot=1 pid=%d bytes=32`, path, os.Getpid()))
}

// What one has left is found by one that is never without work, among many who are alive.
func TestAMemberThatIsNeverIdleFindsWhatOthersLeft(t *testing.T) {
	path := newRing(t, ring.Config{Capacity: 1 << 20})
	w := openWriter(t, path)
	publish(t, w, 40)
	for i := range 40 {
		m := join(t, path, ring.GroupOptions{})
		m.Claiming(1)
		work(t, m, uint64(i+1), 1)
		if i == 37 {
			require.NoError(t, m.Close())
		}
	}
	m := join(t, path, ring.GroupOptions{})
	proctest.Until(t, "it comes", func() bool {
		publish(t, w, 1)
		got, err := m.Next(background)
		require.NoError(t, err)
		return got.Seq == 38 && got.Delivery == 2
	})
}

func TestAGroupIsNotEvicted(t *testing.T) {
	path := newRing(t, ring.Config{EvictAfter: time.Millisecond})
	w := openWriter(t, path)
	m := join(t, path, ring.GroupOptions{})
	slow := openReader(t, path, ring.ReaderOptions{})
	last := fill(t, w)
	proctest.Until(t, "the reader is evicted", func() bool {
		_, err := w.TryPublish(make([]byte, 1000))
		require.ErrorIs(t, err, ring.ErrFull, "the group is in the way, too")
		return inspect(t, path).Stats.Evictions > 0
	})
	_, err := slow.Next(background)
	require.ErrorIs(t, err, ring.ErrEvicted)
	for seq := uint64(1); seq <= last; seq++ {
		got, err := m.Next(background)
		require.NoError(t, err)
		require.Equal(t, seq, got.Seq)
	}
	require.EqualValues(t, 1, inspect(t, path).Stats.Evictions)
}

func TestAGroupOfARingWithoutAPath(t *testing.T) {
	f, err := ring.CreateAnonymous("jobs", ring.Config{Capacity: small})
	require.NoError(t, err)
	defer f.Close()
	w, err := ring.OpenWriterFile(background, f, ring.WriterOptions{})
	require.NoError(t, err)
	defer w.Close()
	for i := range 2 {
		m, err := ring.JoinGroupFile(background, f, "workers", ring.GroupOptions{})
		require.NoError(t, err)
		_, err = w.Publish(background, fmt.Append(nil, i+1))
		require.NoError(t, err)
		require.NoError(t, work(t, m, uint64(i+1), 1).Done())
		require.NoError(t, m.Close())
	}
}
