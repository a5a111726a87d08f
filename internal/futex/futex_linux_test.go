package futex_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/internal/futex"
	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/internal/view"
)

// wake wakes until n have been woken together, and leaves nobody else behind.
func wake(t *testing.T, word *atomic.Uint32, n int) {
	t.Helper()
	woken := 0
	proctest.Until(t, "the sleepers are woken", func() bool {
		now, err := futex.Wake(word)
		require.NoError(t, err)
		woken += now
		return woken >= n
	})
	require.Equal(t, n, woken)
}

func TestSleepersOfOtherProcessesAreWoken(t *testing.T) {
	path, word := newWord(t)
	var all []*proctest.Proc
	for _, protection := range []string{"read-only", "read-write", "read-only"} {
		p := proctest.Start(t, "sleeper", path, protection)
		p.Expect("ready")
		all = append(all, p)
	}
	wake(t, word, len(all))
	for _, p := range all {
		p.Expect("woken")
		require.NoError(t, p.Wait())
	}
	n, err := futex.Wake(word)
	require.NoError(t, err)
	require.Zero(t, n, "nobody sleeps any more")
}

func TestASleeperIsWokenThroughAnotherMappingOfItsOwnProcess(t *testing.T) {
	path, _ := newWord(t)
	p := proctest.Start(t, "two-mappings", path)
	require.Equal(t, "<nil>", p.Expect("woken"))
}

func TestAWordThatHasChangedIsNotSleptOn(t *testing.T) {
	var word, cancel atomic.Uint32
	word.Store(8)
	require.NoError(t, futex.Wait(&word, 7, long))
	require.NoError(t, futex.WaitCancel(&word, 7, &cancel, long))
}

func TestASleepEndsWhenItsTimeIsOver(t *testing.T) {
	var word, cancel atomic.Uint32
	require.ErrorIs(t, futex.Wait(&word, 0, short), futex.ErrTimeout)
	require.ErrorIs(t, futex.WaitCancel(&word, 0, &cancel, short), futex.ErrTimeout)
	require.ErrorIs(t, futex.Wait(&word, 0, 1), futex.ErrTimeout, "a nanosecond is a time as well")
}

func TestOneWakeWakesAllSleepersOfThisProcess(t *testing.T) {
	var word, cancel atomic.Uint32
	const sleepers = 10
	done := make(chan error, sleepers)
	for i := range sleepers {
		go func() {
			if i%2 == 0 {
				done <- futex.Wait(&word, 0, long)
			} else {
				done <- futex.WaitCancel(&word, 0, &cancel, long)
			}
		}()
	}
	wake(t, &word, sleepers)
	for range sleepers {
		require.NoError(t, <-done)
	}
}

func TestCancelEndsTheSleepsOfThatCancelWordAlone(t *testing.T) {
	var word, cancel, other atomic.Uint32
	cancelled, staying := make(chan error, 1), make(chan error, 1)
	go func() { cancelled <- futex.WaitCancel(&word, 0, &cancel, long) }()
	go func() { staying <- futex.WaitCancel(&word, 0, &other, long) }()
	cancel.Store(1) // before or after the sleep began
	futex.Cancel(&cancel)
	require.NoError(t, <-cancelled)
	require.NoError(t, futex.WaitCancel(&word, 0, &cancel, long), "the word stays cancelled")
	wake(t, &word, 1)
	require.NoError(t, <-staying)
}

func TestASleeperDoesNotStopTheGarbageCollector(t *testing.T) {
	var word atomic.Uint32
	thread, done := make(chan int, 1), make(chan error, 1)
	go func() {
		thread <- unix.Gettid()
		done <- futex.Wait(&word, 0, long)
	}()
	call := fmt.Sprintf("/proc/self/task/%d/syscall", <-thread)
	proctest.Until(t, "the sleeper sleeps", func() bool {
		now, err := os.ReadFile(call)
		return err == nil && strings.HasPrefix(string(now), fmt.Sprintf("%d ", unix.SYS_FUTEX))
	})
	runtime.GC() // has to stop every thread that runs Go code
	wake(t, &word, 1)
	require.NoError(t, <-done)
}

func TestASignalEndsASleepWithoutAnError(t *testing.T) {
	p := proctest.Start(t, "interrupted")
	require.Equal(t, "<nil>", p.Expect("returned"))
	require.Equal(t, "<nil>", p.Expect("returned"))
	require.NoError(t, p.Wait())
}

func TestMemoryThatIsGoneIsAnErrorAndNoSignal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, make([]byte, os.Getpagesize()), 0o600))
	mem, err := share(path, unix.PROT_READ|unix.PROT_WRITE)
	require.NoError(t, err)
	defer func() { require.NoError(t, unix.Munmap(mem)) }()
	require.NoError(t, os.Truncate(path, 0))
	word, cancel := view.Uint32(mem, 64), new(atomic.Uint32)
	require.ErrorIs(t, futex.Wait(word, 0, long), unix.EFAULT)
	require.ErrorIs(t, futex.WaitCancel(word, 0, cancel, long), unix.EFAULT)
	_, err = futex.Wake(word)
	require.ErrorIs(t, err, unix.EFAULT)
}

// undisturbed is a child in which no signal of Go's scheduler ends a sleep of FUTEX_WAIT before its time.
var undisturbed = proctest.Config{Env: []string{"GODEBUG=asyncpreemptoff=1"}}

func TestWithoutFutexWaitvACancelIsNoticedAllTheSame(t *testing.T) {
	for _, errno := range []string{"ENOSYS", "EPERM"} { // an old kernel, a container's filter
		t.Run(errno, func(t *testing.T) {
			p := undisturbed.Start(t, "refused", errno)
			for _, line := range []string{
				"cancelled <nil>", "cancelled before <nil>", "timed out true", "timed out in slices true", "woken <nil>", "changed <nil>",
			} {
				require.Equal(t, line, p.Line())
			}
			require.NoError(t, p.Wait())
		})
	}
}

func TestTheFenceOfAllProcessesIsThereOrSaysSo(t *testing.T) {
	require.True(t, futex.Register(), "this kernel has no membarrier")
	require.True(t, futex.Barrier())
	p := proctest.Start(t, "no-barrier")
	require.Equal(t, "registered false, fenced false", p.Line())
	require.NoError(t, p.Wait())
}

// newSet makes n words, each with its number as value, and a set of them.
func newSet(n int) (words []atomic.Uint32, s *futex.Set) {
	words, s = make([]atomic.Uint32, n), new(futex.Set)
	for i := range words {
		words[i].Store(uint32(i))
		s.Add(&words[i], uint32(i))
	}
	return words, s
}

type setAnswer struct {
	woken int
	err   error
}

func TestAnyWordOfASetEndsItsSleep(t *testing.T) {
	var cancel atomic.Uint32
	for _, n := range []int{1, 2, 64, 127} {
		words, s := newSet(n)
		require.True(t, s.Whole())
		for i := range words {
			answer := make(chan setAnswer)
			go func() {
				woken, err := s.Wait(&cancel, long)
				answer <- setAnswer{woken, err}
			}()
			wake(t, &words[i], 1)
			require.Equal(t, setAnswer{i, nil}, <-answer)
		}
		words[n-1].Add(1)
		_, err := s.Wait(&cancel, long)
		require.NoError(t, err, "a word that has changed is not slept on")
		words[n-1].Store(uint32(n - 1))
		_, err = s.Wait(&cancel, short)
		require.ErrorIs(t, err, futex.ErrTimeout)
	}
}

func TestASetThatIsTooLargeSleepsInSlices(t *testing.T) {
	var cancel atomic.Uint32
	words, s := newSet(128)
	require.False(t, s.Whole())
	_, err := s.Wait(&cancel, long)
	require.ErrorIs(t, err, futex.ErrTimeout)
	words[127].Add(1)
	_, err = s.Wait(&cancel, long)
	require.ErrorIs(t, err, futex.ErrTimeout, "it does not sleep on the last one")
	answer := make(chan setAnswer)
	go func() {
		for {
			if woken, err := s.Wait(&cancel, long); err == nil {
				answer <- setAnswer{woken, err}
				return
			}
		}
	}()
	wake(t, &words[126], 1)
	require.Equal(t, setAnswer{126, nil}, <-answer)
	s.Clear()
	s.Add(&words[0], 0)
	require.True(t, s.Whole())
}

func TestCancelEndsTheSleepOfASet(t *testing.T) {
	var cancel atomic.Uint32
	_, s := newSet(127)
	answer := make(chan setAnswer)
	go func() {
		woken, err := s.Wait(&cancel, long)
		answer <- setAnswer{woken, err}
	}()
	cancel.Store(1) // before or after the sleep began
	futex.Cancel(&cancel)
	require.Equal(t, setAnswer{-1, nil}, <-answer)
}

func TestWithoutFutexWaitvASetSleepsOnItsFirstWord(t *testing.T) {
	for _, errno := range []string{"ENOSYS", "EPERM"} {
		p := undisturbed.Start(t, "refused set", errno)
		for _, line := range []string{"whole true", "a slice true, whole false", "cancelled <nil>", "one word: whole true"} {
			require.Equal(t, line, p.Line())
		}
		require.NoError(t, p.Wait())
	}
}
