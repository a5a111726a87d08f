package shm

import (
	"errors"
	"io"
	"iter"
	"math"
	"os"
)

// Windows yields the range of the options as maps of size bytes each, the last one shorter: all of a file of any size,
// with no more than size bytes of address space. A map is closed when the loop goes on. Length may be more than the file
// has, and 0 means to its end, which is looked at once. An empty range has no windows.
//
// An error is yielded once, with a nil map, and ends the loop: ErrRange for a size that is not positive, and those of
// MapFile.
func Windows(f *os.File, size int, a Access, o Options) iter.Seq2[*Map, error] {
	return func(yield func(*Map, error) bool) {
		end, err := windowsEnd(f, size, a, o)
		own := none
		if err == nil {
			own, err = ownDescriptor(f)
		}
		if err != nil {
			yield(nil, notMapped(nameOf(f), a, o, err))
			return
		}
		defer closeDescriptor(own)
		for at := o.Offset; at < end; at += int64(size) {
			one := o
			one.Offset, one.Length = at, int(min(int64(size), end-at))
			m, err := window(own, f.Name(), a, one)
			if err != nil {
				yield(nil, notMapped(f.Name(), a, one, err))
				return
			}
			if !visit(m, yield) || at > math.MaxInt64-int64(size) {
				return
			}
		}
	}
}

// window maps a range and lets the map borrow the loop's descriptor.
func window(own int, name string, a Access, o Options) (*Map, error) {
	tracked := !o.NoTrack
	o.NoTrack = true
	m, err := mapDescriptor(own, name, a, o)
	if err == nil && tracked {
		m.own, m.source.FD, m.borrows = own, own, true
	}
	return m, err
}

// visit closes the map also when the loop's body panics.
func visit(m *Map, yield func(*Map, error) bool) bool {
	defer m.Close()
	return yield(m, nil)
}

// windowsEnd returns where the last window ends.
func windowsEnd(f *os.File, size int, a Access, o Options) (end int64, err error) {
	if f == nil {
		return 0, os.ErrInvalid
	}
	if size <= 0 || o.Offset < 0 || o.Length < 0 || int64(o.Length) > math.MaxInt64-o.Offset {
		return 0, ErrRange
	}
	if err := o.onlyFile(); err != nil {
		return 0, err
	}
	err = withDescriptor(f, func(fd int) error {
		end, _, err = mappable(fd, o)
		return err
	})
	if last := o.Offset + int64(o.Length); o.Length > 0 && o.Grow && a == ReadWrite {
		end = last
	} else if o.Length > 0 {
		end = min(end, last)
	}
	return end, err
}

func nameOf(f *os.File) string {
	if f == nil {
		return "file"
	}
	return f.Name()
}

// windows is a reader that maps the part of the file that is asked for.
type windows struct {
	file *os.File
	m    *Map
}

// windowSize is large enough to make mapping cheap, and small beside any memory.
const windowSize = 16 << 20

func (w *windows) ReadAt(p []byte, off int64) (int, error) {
	if w.m != nil && off < w.m.Offset()+int64(w.m.Len()) {
		n, err := w.m.ReadAt(p, off-w.m.Offset())
		if n > 0 {
			return n, nil
		}
		return n, err
	}
	w.close()
	size, err := windowsEnd(w.file, windowSize, ReadOnly, Options{})
	if err != nil {
		return 0, notMapped(nameOf(w.file), ReadOnly, Options{Offset: off, Length: windowSize}, err)
	}
	if off >= size {
		return 0, io.EOF
	}
	w.m, err = MapFile(w.file, ReadOnly, Options{Offset: off, Length: int(min(windowSize, size-off))})
	if err != nil {
		if errors.Is(err, ErrBeyondEOF) || errors.Is(err, ErrEmpty) { // cut short just now
			err = io.EOF
		}
		return 0, err
	}
	return w.ReadAt(p, off)
}

func (w *windows) close() {
	if w.m != nil {
		_ = w.m.Close()
		w.m = nil
	}
}
