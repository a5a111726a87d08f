package shm

import (
	"runtime/debug"

	"github.com/mmring/mmring/internal/fault"
	"github.com/mmring/mmring/internal/view"
)

// Guard runs fn, which may touch slices from Bytes, and turns a fault in the map into a *FaultError. Panics that are no
// faults in this map go on. Guard does not keep the map from being closed (Use does), protects the goroutine that calls it
// and none that fn starts, and cannot know a slice of an older mapping: see the package's caveats.
//
// Errors: ErrClosed if the map is closed, and then fn does not run.
func (m *Map) Guard(fn func()) (err error) {
	if !m.enter() {
		return m.fail("guard", ErrClosed)
	}
	before := m.base
	m.mu.RUnlock()
	defer m.guarded("guard", before, debug.SetPanicOnFault(true), &err)
	fn()
	return nil
}

// Use calls fn with the mapped range and returns what it returns, or *FaultError for a fault in the range; the limits of
// Guard hold. The slice is valid until fn returns, even if the map is closed meanwhile, by fn itself too; its capacity
// ends where the range ends. Meanwhile Resize answers ErrPinned, unless it grows within Options.Reserve.
func (m *Map) Use(fn func([]byte) error) (err error) {
	if !m.enter() {
		return m.fail("use", ErrClosed)
	}
	data, base := m.data, m.base
	m.pins.Add(1)
	m.mu.RUnlock()
	defer m.unpin()
	defer m.guarded("use", base, debug.SetPanicOnFault(true), &err)
	return fn(data)
}

// guarded is leave for calls that ran without the lock; before has the pages as the call found them.
func (m *Map) guarded(op string, before []byte, old bool, err *error) {
	r := recover()
	debug.SetPanicOnFault(old)
	if r == nil {
		return
	}
	if e := m.faultedSince(op, r, before); e != nil {
		*err = e
		return
	}
	panic(r)
}

// faultedSince is faulted for a map that may have been closed or moved since its pages were those.
func (m *Map) faultedSince(op string, r any, before []byte) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if e := m.faulted(op, r, m.base); e != nil {
		return e
	}
	addr, ok := fault.Addr(r)
	if !ok || !holds(before, addr) {
		return nil
	}
	return &FaultError{Op: op, Path: m.name, Offset: m.source.Offset + int64(addr-view.Address(before)),
		Length: len(before), Access: m.access, Err: ErrClosed}
}

// unpin ends a Use; the last one of a closed map gives the memory back.
func (m *Map) unpin() {
	if m.pins.Add(-1) > 0 || !m.left() {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.base != nil && m.pins.Load() == 0 {
		_ = m.release() // unmapping what is mapped does not fail
	}
}

// left reports whether a closed map has its memory still.
func (m *Map) left() bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.data == nil && m.base != nil
}
