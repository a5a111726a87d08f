package lock_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/lock"
)

var errEnough = errors.New("waited long enough")

// waiting starts a wait and returns how to end it by its context and what it returned.
func waiting(t testing.TB, path string, m lock.Mode) (end context.CancelCauseFunc, got chan *lock.Role, failed chan error) {
	ctx, end := context.WithCancelCause(t.Context())
	got, failed = make(chan *lock.Role, 1), make(chan error, 1)
	go func() {
		r, err := lock.WaitRole(ctx, path, m)
		if err != nil {
			failed <- err
			return
		}
		got <- r
	}()
	return end, got, failed
}

func TestAFreeRoleIsNotWaitedFor(t *testing.T) {
	path := newFile(t)
	r, err := lock.WaitRole(context.Background(), path, lock.Exclusive)
	require.NoError(t, err)
	busy(t, path)
	require.NoError(t, r.Close())
	require.NoError(t, lock.WaitFree(context.Background(), open(t, path, os.O_RDONLY), far))
}

func TestAContextThatHasEndedIsNotIgnored(t *testing.T) {
	path := newFile(t)
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errEnough)
	_, err := lock.WaitRole(ctx, path, lock.Exclusive)
	require.ErrorIs(t, err, errEnough)
	require.EqualError(t, err, "wait for exclusive role of "+path+": waited long enough")
	err = lock.WaitFree(ctx, open(t, path, os.O_RDONLY), far)
	require.ErrorIs(t, err, errEnough)

	late, cancelLate := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancelLate()
	_, err = lock.WaitRole(late, path, lock.Exclusive)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestARoleIsWaitedForByADescriptor(t *testing.T) {
	path := newFile(t)
	f := open(t, path, os.O_RDWR)
	holder, err := lock.TryRole(path, lock.Exclusive)
	require.NoError(t, err)
	require.NoError(t, os.Remove(path), "no path leads to it")
	for range 3 { // each gives up, and the next takes over its thread
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, errEnough)
		_, err = lock.WaitRoleFile(ctx, f, lock.Exclusive)
		cancel()
		require.ErrorIs(t, err, errEnough)
		require.EqualError(t, err, "wait for exclusive role of "+path+": waited long enough")
	}
	got, failed := make(chan *lock.Role, 1), make(chan error, 1)
	go func() {
		r, err := lock.WaitRoleFile(t.Context(), f, lock.Exclusive)
		failed <- err
		got <- r
	}()
	require.Empty(t, got)
	require.NoError(t, holder.Close())
	require.NoError(t, <-failed)
	r := <-got
	_, err = lock.TryRoleFile(f, lock.Shared)
	require.ErrorIs(t, err, lock.ErrBusy)
	require.NoError(t, r.Share())
	again, err := lock.WaitRoleFile(t.Context(), f, lock.Shared)
	require.NoError(t, errors.Join(err, f.Close()))
	require.NoError(t, errors.Join(again.Close(), r.Close()))
	_, err = lock.WaitRoleFile(t.Context(), f, lock.Shared)
	require.ErrorIs(t, err, os.ErrClosed)
}

func TestAnAbandonedWaitLeavesNothing(t *testing.T) {
	p := proctest.Start(t, "tidy", newFile(t))
	first := p.Expect("left")
	for range 9 {
		require.Equal(t, first, p.Expect("left"))
	}
	require.NoError(t, p.Wait())
}

func TestWhoGivesUpAgainAndAgainKeepsOneThread(t *testing.T) {
	path := newFile(t)
	holder, err := lock.TryRole(path, lock.Exclusive)
	require.NoError(t, err)
	life, err := lock.TryHold(open(t, path, os.O_RDWR), far)
	require.NoError(t, err)
	asking := open(t, path, os.O_RDONLY)
	for range 100 {
		end, _, failed := waiting(t, path, lock.Exclusive)
		asleep(t, stat(t, path), 1)
		end(errEnough)
		require.ErrorIs(t, <-failed, errEnough)
	}
	for range 100 {
		ctx, end := context.WithCancelCause(t.Context())
		failed := make(chan error, 1)
		go func() { failed <- lock.WaitFree(ctx, asking, far) }()
		asleep(t, stat(t, path), 2)
		end(errEnough)
		require.ErrorIs(t, <-failed, errEnough)
	}

	// The thread that was left behind brings the role to the next one who waits.
	_, got, _ := waiting(t, path, lock.Exclusive)
	asleep(t, stat(t, path), 2)
	require.NoError(t, holder.Close())
	r := <-got
	busy(t, path)
	require.NoError(t, r.Close())
	require.NoError(t, life.Close())
	require.NoError(t, lock.WaitFree(t.Context(), asking, far))
}

func TestAbandonedWaitsForDifferentThingsAreNotMixedUp(t *testing.T) {
	one, two := newFile(t), newFile(t)
	first, err := lock.TryRole(one, lock.Exclusive)
	require.NoError(t, err)
	second, err := lock.TryRole(two, lock.Exclusive)
	require.NoError(t, err)
	end, _, failed := waiting(t, one, lock.Exclusive)
	asleep(t, stat(t, one), 1)
	end(errEnough)
	require.ErrorIs(t, <-failed, errEnough)

	// 1. a wait for another file and one for another mode  2. both get what they wanted
	_, gotTwo, _ := waiting(t, two, lock.Exclusive) // 1
	asleep(t, stat(t, two), 1)
	require.NoError(t, second.Close()) // 2
	require.NoError(t, (<-gotTwo).Close())
	_, gotShared, _ := waiting(t, one, lock.Shared) // 1
	asleep(t, stat(t, one), 2)
	require.NoError(t, first.Close()) // 2
	r := <-gotShared
	beside, err := lock.WaitRole(t.Context(), one, lock.Shared)
	require.NoError(t, err)
	require.NoError(t, beside.Close())
	require.NoError(t, r.Close())
}

func TestAWaitFollowsThePathWhenTheFileIsReplaced(t *testing.T) {
	path := newFile(t)
	old, err := lock.TryRole(path, lock.Exclusive)
	require.NoError(t, err)
	_, got, _ := waiting(t, path, lock.Exclusive)
	asleep(t, stat(t, path), 1)

	// 1. another file takes the name, and its role is taken  2. the old holder goes: the wait moves to the new file
	// 3. the new holder goes: the wait is over
	require.NoError(t, os.WriteFile(path+".new", nil, 0o600)) // 1
	require.NoError(t, os.Rename(path+".new", path))
	new, err := lock.TryRole(path, lock.Exclusive)
	require.NoError(t, err)
	require.NoError(t, old.Close()) // 2
	asleep(t, stat(t, path), 1)
	require.NoError(t, new.Close()) // 3
	r := <-got
	info, err := r.Info()
	require.NoError(t, err)
	require.True(t, os.SameFile(info, stat(t, path)))
	require.NoError(t, r.Close())
}

func TestAWaitForARemovedFileFailsWhenItsHolderGoes(t *testing.T) {
	path := newFile(t)
	old, err := lock.TryRole(path, lock.Exclusive)
	require.NoError(t, err)
	_, _, failed := waiting(t, path, lock.Exclusive)
	asleep(t, stat(t, path), 1)
	require.NoError(t, os.Remove(path))
	require.NoError(t, old.Close())
	require.ErrorIs(t, <-failed, fs.ErrNotExist)
}

func TestAWaitThatFindsALinkInPlaceOfTheFileFails(t *testing.T) {
	path := newFile(t)
	old, err := lock.TryRole(path, lock.Exclusive)
	require.NoError(t, err)
	_, _, failed := waiting(t, path, lock.Exclusive)
	asleep(t, stat(t, path), 1)
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Symlink("elsewhere", path))
	require.NoError(t, old.Close())
	require.ErrorContains(t, <-failed, "a symbolic link")
}

func TestSignalsDoNotEndAWait(t *testing.T) {
	for _, c := range []struct {
		name, role string
	}{
		{"for a role", "storm-role"},
		{"for the end of a life", "storm-free"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := newFile(t)
			f := open(t, path, os.O_RDWR)
			control, err := lock.TryHold(f, 0)
			require.NoError(t, err)
			life, err := lock.TryHold(f, far)
			require.NoError(t, err)
			role, err := lock.TryRole(path, lock.Exclusive)
			require.NoError(t, err)
			p := proctest.Start(t, c.role, path)
			p.Expect("interrupted") // the signals do end system calls
			p.Send("report")
			p.Expect("storm")
			busy(t, path)
			require.True(t, held(t, path))
			require.NoError(t, role.Close())
			require.NoError(t, life.Close())
			p.Expect("got")
			require.NoError(t, p.Wait())
			require.NoError(t, control.Close())
		})
	}
}

func TestManyWaitersGetTheRoleOneAfterTheOther(t *testing.T) {
	path := newFile(t)
	const waiters = 20
	holder, err := lock.TryRole(path, lock.Exclusive)
	require.NoError(t, err)
	var inside atomic.Int32
	done := make(chan error, waiters)
	for range waiters {
		go func() {
			r, err := lock.WaitRole(context.Background(), path, lock.Exclusive)
			if err == nil {
				if n := inside.Add(1); n != 1 {
					err = fmt.Errorf("%d hold the role", n)
				}
				inside.Add(-1)
				err = errors.Join(err, r.Close())
			}
			done <- err
		}()
	}
	require.NoError(t, holder.Close())
	for range waiters {
		require.NoError(t, <-done)
	}
}
