package shm

import (
	"errors"
	"fmt"
	"runtime/debug"
	"syscall"

	"github.com/mmring/mmring/shm/internal/pages"
)

// Advice tells the kernel how memory will be used. What a system does not know answers errors.ErrUnsupported; the table
// in docs/shm.md says who knows what.
type Advice int

const (
	// Normal takes back Random and Sequential.
	Normal Advice = iota
	// Random says that reading ahead is no use.
	Random
	// Sequential says that reading goes on from low to high addresses.
	Sequential
	// WillNeed starts reading the pages in, and does not wait for them.
	WillNeed
	// DontFork keeps the range out of child processes made by fork.
	DontFork
	// DoFork takes back DontFork.
	DoFork
	// DontDump keeps the range out of core dumps.
	DontDump
	// DoDump takes back DontDump.
	DoDump
	// Mergeable lets the kernel keep equal private pages once.
	Mergeable
	// Unmergeable takes back Mergeable.
	Unmergeable
	// HugePage asks for huge pages. It succeeds also where the file system gives none, and then does nothing.
	HugePage
	// NoHugePage takes back HugePage.
	NoHugePage
	// Collapse makes huge pages of the range now, or says why not.
	Collapse
	// Cold says that the pages are the first to go when memory is short.
	Cold
	// PageOut writes the pages back and frees their memory. Their bytes stay.
	PageOut
	// PopulateRead brings all pages in, as if they had been read: a *FaultError where reading one would be a fault.
	PopulateRead
	// PopulateWrite brings all pages in, as if they had been written: a *FaultError where storing would be a fault.
	PopulateWrite
	// WipeOnFork makes private memory zero in child processes made by fork.
	WipeOnFork
	// KeepOnFork takes back WipeOnFork.
	KeepOnFork

	// DiscardDontNeed frees the pages. Private changes are lost; shared bytes stay.
	DiscardDontNeed
	// DiscardDontNeedLocked is DiscardDontNeed for locked pages.
	DiscardDontNeedLocked
	// DiscardFree lets the kernel free private pages when it likes: until the next store they hold their bytes or zeros.
	DiscardFree
	// DiscardRemove frees pages and the disk blocks under them: everybody reads zeros there.
	DiscardRemove
)

// destroys reports whether bytes may be lost.
func (a Advice) destroys() bool { return a >= DiscardDontNeed && a <= DiscardRemove }

// Advise gives the kernel an advice for the whole range. Errors: those of AdviseRange.
func (m *Map) Advise(a Advice) error {
	if !m.enter() {
		return m.fail("advise", ErrClosed)
	}
	defer m.mu.RUnlock()
	return m.advise("advise", a, m.touching(a, 0, len(m.data)))
}

// AdviseRange gives the kernel an advice for up to n bytes at off; what lies behind the range's end is left out. The
// kernel thinks in pages: advice that can lose bytes (Discard...) is for the pages wholly inside, all other for each page
// that is touched.
//
// Errors: ErrClosed; ErrRange for an off that is not in the map or a negative n; errors.ErrUnsupported for what this
// system, kernel or kind of memory does not know; *FaultError of the Populate advices; or what the kernel answers.
func (m *Map) AdviseRange(a Advice, off, n int) error {
	if !m.enter() {
		return m.failAt("advise", int64(off), n, ErrClosed)
	}
	defer m.mu.RUnlock()
	if off < 0 || n < 0 || off >= len(m.data) {
		return m.outside("advise", int64(off), n)
	}
	return m.advise("advise", a, m.touching(a, off, min(n, len(m.data)-off)))
}

// touching returns the pages that an advice for n bytes at off is for.
func (m *Map) touching(a Advice, off, n int) []byte {
	lo := len(m.base) - len(m.data) + off
	hi := lo + n
	if !a.destroys() {
		return m.base[pages.Down(lo):hi]
	}
	if hi < len(m.base) || !m.anonymous() { // what is behind private memory in its last page is nobody's
		hi = pages.Down(hi)
	}
	if lo = pages.Up(lo); lo >= hi {
		return nil
	}
	return m.base[lo:hi]
}

func (m *Map) advise(op string, a Advice, b []byte) error {
	number, ok := advices[a]
	if !ok {
		return m.fail(op, fmt.Errorf("advice %d: %w", int(a), errors.ErrUnsupported))
	}
	if len(b) == 0 {
		return nil
	}
	switch err := pages.Advise(b, number); {
	case err == nil:
		return nil
	case err == syscall.EINVAL: // the range is always right: kernel or memory do not know the advice
		return m.fail(op, fmt.Errorf("advice %d: %w", int(a), errors.ErrUnsupported))
	case a == PopulateRead || a == PopulateWrite:
		return m.unpopulated(op, a, b, number, err)
	default:
		return m.fail(op, fmt.Errorf("advice %d, %d bytes: %w", int(a), len(b), err))
	}
}

// unpopulated finds the first page that could not be brought in.
func (m *Map) unpopulated(op string, a Advice, b []byte, number int, err error) error {
	if err != syscall.EFAULT {
		return m.fail(op, fmt.Errorf("advice %d, %d bytes: %w", int(a), len(b), err))
	}
	for len(b) > pages.Size {
		half := pages.Up(len(b) / 2)
		if pages.Advise(b[:half], number) != nil {
			b = b[:half]
		} else {
			b = b[half:]
		}
	}
	return m.faultAt(op, m.base, cap(m.base)-cap(b))
}

// populate brings all pages in while the map is being made.
func (m *Map) populate() (err error) {
	if err = m.advise("populate", PopulateRead, m.base); !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	m.mu.RLock()
	defer m.leave("populate", debug.SetPanicOnFault(true), &err)
	touch(m.base)
	return nil
}

// touch reads a byte of each page.
//
//go:noinline
func touch(b []byte) (sum byte) {
	for i := 0; i < len(b); i += pages.Size {
		sum += b[i]
	}
	return sum
}
