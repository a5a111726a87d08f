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
	// NoSync keeps the system from writing changed pages to the file before it has to, as shared memory likes it.
	NoSync
	// AutoSync takes back NoSync.
	AutoSync

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

// String returns the advice in words.
func (a Advice) String() string {
	if a < 0 || int(a) >= len(adviceNames) {
		return fmt.Sprintf("advice %d", int(a))
	}
	return adviceNames[a]
}

var adviceNames = [...]string{
	Normal: "normal", Random: "random", Sequential: "sequential", WillNeed: "will need", DontFork: "don't fork", DoFork: "do fork",
	DontDump: "don't dump", DoDump: "do dump", Mergeable: "mergeable", Unmergeable: "unmergeable", HugePage: "huge page",
	NoHugePage: "no huge page", Collapse: "collapse", Cold: "cold", PageOut: "page out", PopulateRead: "populate read",
	PopulateWrite: "populate write", WipeOnFork: "wipe on fork", KeepOnFork: "keep on fork", NoSync: "no sync",
	AutoSync: "auto sync", DiscardDontNeed: "discard, don't need", DiscardDontNeedLocked: "discard, don't need, locked",
	DiscardFree: "discard, free", DiscardRemove: "discard, remove",
}

// Advise gives the kernel an advice for the whole range. Errors: those of AdviseRange.
func (m *Map) Advise(a Advice) error {
	if !m.enter() {
		return m.fail("advise", fmt.Errorf("%s: %w", a, ErrClosed))
	}
	defer m.mu.RUnlock()
	return m.advise("advise", a, 0, len(m.data))
}

// AdviseRange gives the kernel an advice for up to n bytes at off; what lies behind the range's end is left out, and for
// no bytes nothing happens. The kernel thinks in pages: advice that can lose bytes (Discard...) is for the pages wholly
// inside, all other for each page that is touched.
//
// Errors: ErrClosed; ErrRange for an off that is not in the map or a negative n; ErrReadOnly of PopulateWrite;
// errors.ErrUnsupported for what this system, kernel or kind of memory does not know, such as DiscardDontNeed of locked
// pages; *FaultError of the Populate advices; or what the kernel answers.
func (m *Map) AdviseRange(a Advice, off, n int) error {
	if !m.enter() {
		return m.failAt("advise", int64(off), n, fmt.Errorf("%s: %w", a, ErrClosed))
	}
	defer m.mu.RUnlock()
	if off < 0 || n < 0 || off >= len(m.data) {
		return m.outside("advise", int64(off), n)
	}
	return m.advise("advise", a, off, min(n, len(m.data)-off))
}

// touching returns the pages that an advice for n bytes at off is for.
func (m *Map) touching(a Advice, off, n int) []byte {
	lo, hi := m.pad()+off, m.pad()+off+n
	if !a.destroys() {
		return m.base[pages.Down(lo, pages.Size):pages.Up(hi, pages.Size)]
	}
	// The bytes around the range, in its first and its last page, are nobody's, unless it is the file that loses them.
	if off > 0 || a == DiscardRemove {
		lo = pages.Up(lo, m.unit)
	} else {
		lo = 0
	}
	if off+n < len(m.data) || a == DiscardRemove {
		hi = pages.Down(hi, m.unit)
	} else {
		hi = pages.Up(hi, m.unit)
	}
	return m.base[min(lo, hi):hi]
}

func (m *Map) advise(op string, a Advice, off, n int) error {
	number, ok := advices[a]
	if !ok {
		return m.unadvised(op, a, off, n, errors.ErrUnsupported)
	}
	if a == PopulateWrite && m.access == ReadOnly {
		return m.unadvised(op, a, off, n, ErrReadOnly)
	}
	b := m.touching(a, off, n)
	if n == 0 || len(b) == 0 {
		return nil
	}
	switch err := pages.Advise(b, number); {
	case err == nil:
		return nil
	case err == syscall.EINVAL: // the range is always right: kernel or memory do not know the advice
		return m.unadvised(op, a, off, n, fmt.Errorf("%w: %w", errors.ErrUnsupported, err))
	case err == syscall.EFAULT && (a == PopulateRead || a == PopulateWrite):
		return m.unpopulated(op, b, number)
	default:
		return m.unadvised(op, a, off, n, err)
	}
}

func (m *Map) unadvised(op string, a Advice, off, n int, err error) error {
	return m.failAt(op, int64(off), n, fmt.Errorf("%s: %w", a, err))
}

// unpopulated finds the first page that could not be brought in.
func (m *Map) unpopulated(op string, b []byte, number int) error {
	for len(b) > pages.Size {
		half := pages.Up(len(b)/2, pages.Size)
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
	if err = m.advise("populate", PopulateRead, 0, len(m.data)); !errors.Is(err, errors.ErrUnsupported) {
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
