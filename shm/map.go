package shm

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"sync"

	"github.com/mmring/mmring/internal/view"
)

// Errors that are this package's own. Each comes in a *fs.PathError that names operation and path.
var (
	// ErrRange says that offset or length cannot be.
	ErrRange = errors.New("range out of bounds")
	// ErrEmpty says that there is nothing to map.
	ErrEmpty = errors.New("empty file")
	// ErrBeyondEOF says that the range ends behind the file's end.
	ErrBeyondEOF = errors.New("range ends beyond the end of the file")
)

// Map is a range of a file in memory.
type Map struct {
	mu     sync.RWMutex
	name   string
	access Access
	offset int64
	base   []byte // whole pages, nil once closed
	data   []byte // the range within base
}

// Open maps the file at path.
func Open(path string, a Access, o Options) (*Map, error) {
	mode := os.O_RDONLY
	if a == ReadWrite {
		mode = os.O_RDWR
	}
	f, err := os.OpenFile(path, mode, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return MapFile(f, a, o)
}

// MapFile maps a range of an open regular file, which may be closed afterwards. ReadWrite needs a file open for reading
// and writing, the others one open for reading.
//
// Errors: ErrRange, ErrEmpty, ErrBeyondEOF, fs.ErrPermission, os.ErrClosed, errors.ErrUnsupported, or what the kernel
// answers.
func MapFile(f *os.File, a Access, o Options) (*Map, error) {
	m, err := mapFile(f, a, o)
	if err != nil {
		return nil, &fs.PathError{Op: "map", Path: f.Name(), Err: err}
	}
	return m, nil
}

func mapFile(f *os.File, a Access, o Options) (*Map, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: not a regular file", fs.ErrInvalid)
	}
	length, err := o.within(info.Size())
	if err != nil {
		return nil, err
	}
	pad := int(o.Offset % int64(os.Getpagesize()))
	base, err := mapPages(f, a, o.Offset-int64(pad), pad+length)
	if err != nil {
		return nil, fmt.Errorf("%d bytes at offset %d, %s: %w", length, o.Offset, a, err)
	}
	return &Map{name: f.Name(), access: a, offset: o.Offset, base: base, data: base[pad : pad+length : pad+length]}, nil
}

// within checks the range against a file of size bytes and returns its length.
func (o Options) within(size int64) (int, error) {
	switch {
	case o.Offset < 0 || o.Length < 0 || int64(o.Length) > math.MaxInt64-o.Offset:
		return 0, fmt.Errorf("%w: offset %d, length %d", ErrRange, o.Offset, o.Length)
	case size == 0:
		return 0, ErrEmpty
	case o.Offset+int64(o.Length) > size || o.Offset >= size:
		return 0, fmt.Errorf("%w: offset %d, length %d, the file has %d bytes", ErrBeyondEOF, o.Offset, o.Length, size)
	case o.Length > 0:
		return o.Length, nil
	case size-o.Offset > math.MaxInt:
		return 0, fmt.Errorf("%w: %d bytes do not fit into this machine's memory addresses", ErrRange, size-o.Offset)
	}
	return int(size - o.Offset), nil
}

// Bytes returns the mapped range, valid until Close; nil afterwards. Its capacity ends where the range ends. It is aligned
// to 8 if the offset is.
func (m *Map) Bytes() []byte {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.data
}

// Len returns the length of the range in bytes, 0 once closed.
func (m *Map) Len() int { return len(m.Bytes()) }

// Offset returns where in the file the range starts.
func (m *Map) Offset() int64 { return m.offset }

// Contains reports whether an address, of a fault, lies in the map's pages.
func (m *Map) Contains(addr uintptr) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	start := view.Address(m.base)
	return m.base != nil && addr >= start && addr-start < uintptr((len(m.base)+os.Getpagesize()-1)&^(os.Getpagesize()-1))
}

// Flush returns when what was stored in the range is on the disk. Other processes need no flush to see it. For maps that
// do not write into the file it does nothing.
func (m *Map) Flush() error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	switch {
	case m.base == nil:
		return &fs.PathError{Op: "flush", Path: m.name, Err: os.ErrClosed}
	case m.access != ReadWrite:
		return nil
	}
	if err := flushPages(m.base); err != nil {
		return &fs.PathError{Op: "flush", Path: m.name, Err: err}
	}
	return nil
}

// Close unmaps the range; it does not flush. A second Close does nothing.
func (m *Map) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.base == nil {
		return nil
	}
	err := unmapPages(m.base)
	m.base, m.data = nil, nil
	if err != nil {
		return &fs.PathError{Op: "unmap", Path: m.name, Err: err}
	}
	return nil
}
