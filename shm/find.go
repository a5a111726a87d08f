package shm

import (
	"bytes"
	"runtime/debug"
)

// Find returns the index in the map of the first sub that is wholly in [start, end), or -1. The cursor plays no part:
// Find(sub, 0, m.Len()) looks everywhere. Negative numbers count from the end; both are cut to the map, and end before
// start finds nothing. An empty sub is found at start.
//
// Errors, with -1: ErrClosed, *FaultError. That nothing is found is no error.
func (m *Map) Find(sub []byte, start, end int) (i int, err error) {
	if !m.enter() {
		return -1, m.fail("find", ErrClosed)
	}
	i = -1
	defer m.leave("find", debug.SetPanicOnFault(true), &err)
	if start, end = m.clip(start), m.clip(end); start <= end {
		i = from(start, bytes.Index(m.data[start:end], sub))
	}
	return i, nil
}

// RFind is Find for the last sub. An empty sub is found at end.
func (m *Map) RFind(sub []byte, start, end int) (i int, err error) {
	if !m.enter() {
		return -1, m.fail("find", ErrClosed)
	}
	i = -1
	defer m.leave("find", debug.SetPanicOnFault(true), &err)
	if start, end = m.clip(start), m.clip(end); start <= end {
		i = from(start, bytes.LastIndex(m.data[start:end], sub))
	}
	return i, nil
}

// clip makes i an index of the map.
func (m *Map) clip(i int) int {
	if i < 0 {
		i += len(m.data)
	}
	return min(max(i, 0), len(m.data))
}

func from(start, i int) int {
	if i < 0 {
		return i
	}
	return start + i
}
