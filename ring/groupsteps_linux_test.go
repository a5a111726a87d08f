package ring_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

// groupDeeds are those of members of a group, and of who makes and removes it.
var groupDeeds = map[string]deed{
	"join a group that is not yet": {lapped(9), func(path string) func() error {
		return func() error {
			_, err := ring.JoinGroup(background, path, "workers", ring.GroupOptions{From: ring.Last(5)})
			return err
		}
	}, false},
	"work":             {grouped(9), working(1, 4, 0), false},
	"work in a window": {grouped(9), working(5, 3, 2), false},
	"go on with what somebody left": {leftAlone, func(path string) func() error {
		m, err := ring.JoinGroup(background, path, "workers", ring.GroupOptions{})
		proctest.Die(err)
		return func() error {
			for range 3 {
				if _, err := m.Next(background); err != nil {
					return err
				}
			}
			return nil
		}
	}, false},
	"remove a group": {leftAlone, func(path string) func() error {
		return func() error { return ring.RemoveReader(background, path, "workers", false) }
	}, false},
}

// toDo is how many records a group has to do when the deed is done.
var toDo = map[string]int{
	"join a group that is not yet": 5, "work": 4, "work in a window": 7, "go on with what somebody left": 5, "remove a group": 0,
}

// grouped is lapped with a group that has not been given the last seven.
func grouped(more uint64) func(t *testing.T, path string) {
	return func(t *testing.T, path string) {
		lapped(more)(t, path)
		require.NoError(t, ring.AddGroup(background, path, "workers", ring.Last(7)))
	}
}

// leftAlone is grouped with a claim that somebody has begun and left.
func leftAlone(t *testing.T, path string) {
	grouped(9)(t, path)
	m := join(t, path, ring.GroupOptions{Window: 3})
	m.Claiming(3)
	for range 3 {
		_, err := m.Next(background)
		require.NoError(t, err)
	}
	require.NoError(t, m.Close())
}

// working takes so many records, says of those from the last one down to one that they are done, of as many as it should,
// and leaves.
func working(window, take, done int) func(path string) func() error {
	return func(path string) func() error {
		m, err := ring.JoinGroup(background, path, "workers", ring.GroupOptions{Window: window})
		proctest.Die(err)
		m.Claiming(take)
		return func() error {
			var had []ring.Work
			for range take {
				w, err := m.Next(background)
				if err != nil {
					return err
				}
				had = append(had, w)
			}
			for i := range done {
				if err := had[len(had)-1-i].Done(); err != nil {
					return err
				}
			}
			return m.Close()
		}
	}
}

// workLeft returns what a group still has to do, by number, with how often it has come, and removes the group.
func workLeft(t *testing.T, path string) map[uint64]int {
	t.Helper()
	all := map[uint64]int{}
	info := inspect(t, path)
	if len(info.Groups) == 0 || info.Groups[0].Name != "workers" {
		return all
	}
	if info.Groups[0].State == "active" {
		m := join(t, path, ring.GroupOptions{})
		ctx, cause := ended()
		for {
			w, err := m.Next(ctx)
			if err != nil {
				require.ErrorIs(t, err, cause)
				break
			}
			require.Zero(t, all[w.Seq], "record %d comes twice", w.Seq)
			require.True(t, bytes.Equal(pattern(w.Seq, len(w.Payload)), w.Payload), "record %d", w.Seq)
			all[w.Seq] = w.Delivery
		}
		require.NoError(t, m.Close())
	}
	require.NoError(t, ring.RemoveReader(background, path, "workers", false))
	require.Empty(t, inspect(t, path).Groups)
	return all
}

// lessWork requires that a group has no more to do than in the state before, and what it has in the end, and returns it. Who
// made the group only now made it with all.
func lessWork(t *testing.T, path string, before map[uint64]int, name string) map[uint64]int {
	t.Helper()
	now := workLeft(t, path)
	if len(before) == 0 && name != "remove a group" {
		require.Contains(t, []int{0, toDo[name]}, len(now))
		return now
	}
	require.GreaterOrEqual(t, len(now), toDo[name])
	for seq := range now {
		require.Contains(t, before, seq)
	}
	return now
}
