package shm

import (
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"

	"github.com/mmring/mmring/shm/internal/pages"
)

// Map is a range of a file, or of memory without a file, in this process. Its zero value and nil are closed maps.
type Map struct {
	name   string
	offset int64 // of data[0] in the file

	mu     sync.RWMutex // Close, Resize and Protect keep all others out
	access Access
	data   []byte // the range; nil once closed
	base   []byte // whole pages that hold data
	area   []byte // base and, behind it, what is reserved
	fixed  bool   // the area is reserved: the map never moves
	source pages.Source
	sparse bool
	file   *os.File     // our own descriptor; nil: none kept, or no file
	pins   atomic.Int32 // Uses that run; they keep base, area and file beyond Close

	cursor struct {
		sync.Mutex // taken before mu
		at         int
	}
}

// Open maps the file at path, which it opens as the access needs: for reading, or for reading and writing. The other
// errors are those of MapFile.
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

// MapFile maps a range of an open file, which may be closed, renamed or removed afterwards. ReadWrite needs a file open
// for reading and writing, the others one open for reading. Files are regular files, memory files, block devices, and
// those character devices that can be mapped (with a Length).
//
// Errors: ErrRange, ErrEmpty, ErrBeyondEOF, ErrReadOnly, fs.ErrPermission, fs.ErrInvalid, os.ErrClosed,
// errors.ErrUnsupported, *FaultError (Populate), or what the kernel answers: ENOSPC when Grow finds no room, ENODEV for a
// directory, pipe or socket, ENOMEM, EMFILE.
func MapFile(f *os.File, a Access, o Options) (*Map, error) {
	if f == nil {
		return nil, &fs.PathError{Op: "map", Path: "file", Err: os.ErrInvalid}
	}
	err := o.onlyFile()
	if err == nil {
		var m *Map
		if m, err = mapFile(f, f.Name(), a, o); err == nil {
			return m, nil
		}
	}
	return nil, notMapped(f.Name(), a, o, err)
}

func notMapped(name string, a Access, o Options, err error) error {
	return &fs.PathError{Op: "map", Path: name, Err: fmt.Errorf("%s, offset %d, length %d: %w", a, o.Offset, o.Length, err)}
}

func mapFile(f *os.File, name string, a Access, o Options) (*Map, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	if err := o.check(a); err != nil {
		return nil, err
	}
	size, err := mappableSize(f, o)
	if err != nil {
		return nil, err
	}
	n, err := o.within(size)
	if err != nil {
		return nil, err
	}
	if !o.Grow || o.Length == 0 {
		return mapRange(f, name, a, o, n)
	}
	if err := extend(f, o.Offset, o.Offset+int64(n), size, o.Sparse); err != nil {
		return nil, explain(f, a, err)
	}
	m, err := mapRange(f, name, a, o, n)
	if err != nil && o.Offset+int64(n) > size {
		_ = f.Truncate(size) // as it was
	}
	return m, err
}

// mapRange maps n bytes that are in the file. Without a file the memory is anonymous.
func mapRange(f *os.File, name string, a Access, o Options, n int) (*Map, error) {
	m := &Map{name: name, offset: o.Offset, access: a, sparse: o.Sparse}
	pad := int(o.Offset % int64(pages.Size))
	m.source = pages.Source{FD: -1, Offset: o.Offset - int64(pad), Write: a != ReadOnly, Exec: o.Exec,
		Private: a == CopyOnWrite || f == nil, NoReserve: o.NoReserve, Flags: o.Flags}
	var err error
	if f == nil {
		err = m.place(pad+n, o.Reserve)
	} else {
		err = m.placeFile(f, pad+n, o.Reserve, !o.NoTrack)
	}
	if err != nil {
		return nil, err
	}
	m.data = m.base[pad : pad+n : pad+n]
	if o.Populate {
		if err := m.populate(); err != nil {
			_ = m.release()
			return nil, err
		}
	}
	return m, nil
}

func (m *Map) placeFile(f *os.File, n, reserve int, track bool) error {
	if track {
		own, err := duplicate(f)
		if err != nil {
			return err
		}
		m.file, f = own, own
	}
	err := withDescriptor(f, func(fd uintptr) error {
		m.source.FD = int(fd)
		prepare(fd)
		return m.place(n, reserve)
	})
	if err != nil {
		err = explain(f, m.access, err)
		_ = m.release()
	}
	return err
}

// place maps n bytes of the source, at the start of a reservation if one is asked for.
func (m *Map) place(n, reserve int) (err error) {
	if reserve == 0 {
		m.base, err = pages.Map(m.source, n)
		m.area = m.base
		return err
	}
	if m.area, err = pages.Reserve(pages.Up(m.pad() + max(reserve, n-m.pad()))); err != nil {
		return err
	}
	if err = pages.MapOver(m.area[:n], m.source); err != nil {
		_ = pages.Unmap(m.area)
		m.area = nil
		return err
	}
	m.base, m.fixed = m.area[:n], true
	return nil
}

// pad is how many bytes lie between the start of the first page and the range.
func (m *Map) pad() int { return int(m.offset - m.source.Offset) }

// Close unmaps the range and gives its descriptor back; it does not flush. From then on all methods answer ErrClosed, and
// slices from Bytes must not be used. While a Use is running, its memory stays until it returns. A second Close does
// nothing and returns nil.
func (m *Map) Close() error {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.data == nil {
		return nil
	}
	m.data = nil
	if m.pins.Load() > 0 {
		return nil
	}
	if err := m.release(); err != nil {
		return m.fail("close", err)
	}
	return nil
}

// release gives memory and descriptor back.
func (m *Map) release() error {
	err := pages.Unmap(m.area)
	m.data, m.base, m.area = nil, nil, nil
	if m.file != nil {
		if e := m.file.Close(); err == nil {
			err = e
		}
		m.file = nil
	}
	return err
}

// enter begins a call that reads or writes the mapped bytes, or needs them to stay. It reports false if the map is
// closed; else leave, or mu.RUnlock if no byte was touched, ends the call.
func (m *Map) enter() bool {
	if m == nil {
		return false
	}
	m.mu.RLock()
	if m.data == nil {
		m.mu.RUnlock()
		return false
	}
	return true
}
