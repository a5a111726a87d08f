//go:build linux

package futex

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Set is words to sleep on together. The zero value is empty. The words must stay where they are, and reachable, until Wait
// has returned.
type Set struct {
	ws    []waiter // the cancel word, then the others
	first *atomic.Uint32
}

// Clear makes the set empty. It keeps its memory for the next words.
func (s *Set) Clear() { s.ws, s.first = s.ws[:0], nil }

// Add puts word into the set, to be slept on while it holds value.
func (s *Set) Add(word *atomic.Uint32, value uint32) {
	if s.first == nil {
		s.first = word
		s.ws = append(s.ws, waiter{})
	}
	s.ws = append(s.ws, shared(word, value))
}

// Whole reports whether the kernel can sleep on all words of the set at once: on mostWords with the cancel word, and on one
// where it has no futex_waitv.
func (s *Set) Whole() bool { return len(s.ws) <= 2 || len(s.ws) <= mostWords && !noWaitv.Load() }

// Wait is WaitCancel for all words of the set, of which there must be one: any of them ends the sleep. woken is the one that
// did, counted as they were added, or -1 if that is not known. A set that is not whole sleeps on those that were added first, or on
// the very first, and at most for cancelSlice: the caller looks at all of them then.
func (s *Set) Wait(cancel *atomic.Uint32, limit time.Duration) (woken int, err error) {
	if !s.Whole() {
		limit = min(limit, cancelSlice)
	}
	if !noWaitv.Load() {
		s.ws[0] = private(cancel)
		n, err := waitv(s.ws[:min(len(s.ws), mostWords)], limit)
		if err != unix.ENOSYS && err != unix.EPERM {
			return n - 1, err
		}
		noWaitv.Store(true)
		limit = min(limit, cancelSlice)
	}
	return -1, waitSliced(s.first, uint32(s.ws[1].value), cancel, limit)
}
