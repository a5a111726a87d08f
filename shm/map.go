package shm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/mmring/mmring/shm/internal/pages"
)

// Map is a range of a file, or of memory without a file, in this process. Its zero value and nil are closed maps.
type Map struct {
	name   string
	offset int64 // of data[0] in the file
	unit   int   // what the kernel maps at a time, a power of two: a page, or a huge page
	sparse bool
	memory bool // there is no file: the memory is private

	mu      sync.RWMutex // Close, Resize and Protect keep all others out
	access  Access
	data    []byte // the range; nil once closed
	base    []byte // the whole units that hold data
	area    []byte // base and, behind it, what is reserved
	fixed   bool   // the area is reserved: the map never moves
	source  pages.Source
	own     int          // our own descriptor, or none: no file, or not kept
	borrows bool         // the descriptor is a loop's, which closes it after the map
	pins    atomic.Int32 // Uses that run; they keep base, area and descriptor beyond Close

	cursor struct {
		sync.Mutex // taken before mu
		at         int
	}
}

// Open maps the file at path, which it opens as the access needs: for reading, or for reading and writing. It waits for
// nobody at the other end of a FIFO. The other errors are those of MapFile.
func Open(path string, a Access, o Options) (*Map, error) { return openPath(path, a, o, 0) }

// openPath is Open with more flags for open.
func openPath(path string, a Access, o Options, flags int) (*Map, error) {
	mode := os.O_RDONLY
	if a == ReadWrite {
		mode = os.O_RDWR
	}
	f, err := os.OpenFile(path, mode|flags|syscall.O_NONBLOCK, 0)
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
// errors.ErrUnsupported, *FaultError (Populate), or what the kernel answers: ENOSPC when Grow finds no room, EFBIG beyond
// RLIMIT_FSIZE, ENODEV for a directory, pipe or socket, ENOMEM, EMFILE.
func MapFile(f *os.File, a Access, o Options) (m *Map, err error) {
	if f == nil {
		return nil, notMapped("file", a, o, os.ErrInvalid)
	}
	if err = o.onlyFile(); err == nil {
		err = withDescriptor(f, func(fd int) error {
			m, err = mapDescriptor(fd, f.Name(), a, o)
			return err
		})
	}
	if err != nil {
		return nil, notMapped(f.Name(), a, o, err)
	}
	return m, nil
}

// MapFD is MapFile for a descriptor by its number, such as 3 for the first of exec.Cmd.ExtraFiles. The descriptor stays
// open. Its errors are those of MapFile, and syscall.EBADF.
func MapFD(fd int, a Access, o Options) (*Map, error) {
	var m *Map
	name := fmt.Sprintf("descriptor %d", fd)
	err := o.onlyFile()
	if err == nil {
		m, err = mapDescriptor(fd, name, a, o)
	}
	if err != nil {
		return nil, notMapped(name, a, o, err)
	}
	return m, nil
}

func notMapped(name string, a Access, o Options, err error) error {
	return &fs.PathError{Op: "map", Path: name, Err: fmt.Errorf("%s, offset %d, length %d: %w", a, o.Offset, o.Length, err)}
}

func mapDescriptor(fd int, name string, a Access, o Options) (*Map, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	if err := o.check(a); err != nil {
		return nil, err
	}
	size, unit, err := mappable(fd, o)
	if err != nil {
		return nil, err
	}
	n, err := o.within(size)
	if err != nil {
		return nil, err
	}
	m := newMap(name, a, o, unit)
	end := m.fileEnd(n)
	if !o.Grow || o.Length == 0 {
		return m, m.open(fd, n, o)
	}
	if err := lacks(fd, a); err != nil {
		return nil, err
	}
	if err := extend(fd, o.Offset, end, size, o.Sparse); err != nil {
		return nil, err
	}
	err = m.open(fd, n, o)
	if err != nil && end > size {
		_ = truncate(fd, size) // as it was
	}
	return m, err
}

// newMap returns a map that is closed still.
func newMap(name string, a Access, o Options, unit int) *Map {
	return &Map{
		name: name, offset: o.Offset, unit: unit, sparse: o.Sparse, access: a, own: none,
		source: pages.Source{FD: none, Offset: o.Offset - o.Offset%int64(unit), Write: a != ReadOnly, Exec: o.Exec,
			Private: a == CopyOnWrite, NoReserve: o.NoReserve, Flags: o.Flags},
	}
}

// open maps n bytes that are in the file, or zeroed memory if there is none. When it fails, nothing is left.
func (m *Map) open(fd, n int, o Options) (err error) {
	if fd != none && !o.NoTrack {
		if m.own, err = duplicate(fd); err != nil {
			return err
		}
	}
	m.source.FD = fd
	if fd != none {
		prepare(fd)
	}
	if err = m.place(n, o.Reserve); err != nil {
		_ = m.release()
		return explain(fd, m.access, err)
	}
	m.source.FD = m.own
	m.data = m.base[m.pad() : m.pad()+n : m.pad()+n]
	if o.Populate {
		if err = m.populate(); err != nil {
			_ = m.release()
		}
	}
	return err
}

// place maps n bytes of the source, at the start of a reservation if one is asked for.
func (m *Map) place(n, reserve int) (err error) {
	n = m.whole(n)
	switch {
	case reserve == 0:
		m.base, err = pages.Map(m.source, n)
		m.area = m.base
		return err
	case m.unit != pages.Size:
		return fmt.Errorf("%w: huge pages cannot be reserved", errors.ErrUnsupported)
	}
	if m.area, err = pages.Reserve(max(m.whole(reserve), n)); err != nil {
		return err
	}
	if err = pages.MapOver(m.area[:n], m.source); err != nil {
		return err
	}
	m.base, m.fixed = m.area[:n], true
	return nil
}

// pad is how many bytes lie between the start of the first page and the range.
func (m *Map) pad() int { return int(m.offset - m.source.Offset) }

// whole is how many bytes the units have that hold a range of n bytes.
func (m *Map) whole(n int) int { return pages.Up(m.pad()+n, m.unit) }

// fileEnd is how long the file must be for a range of n bytes.
func (m *Map) fileEnd(n int) int64 {
	if m.unit == pages.Size {
		return m.offset + int64(n)
	}
	return m.source.Offset + int64(m.whole(n)) // files of huge pages have nothing but huge pages
}

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
	if m.borrows {
		m.own = none
	}
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
	if m.own != none {
		if e := closeDescriptor(m.own); err == nil {
			err = e
		}
		m.own = none
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
