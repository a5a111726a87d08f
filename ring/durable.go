package ring

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Rings on a disk, and what a machine's crash leaves of them. docs/durability.md says what is promised.

// Sync returns when everything published is on the disk, and the ring's name with it, for rings that are on one. In memory
// (tmpfs) it does nothing, at once.
//
// What was published before a Sync is there, whole, when the machine comes back, as far as it was not overwritten. So from
// its first Sync on a writer also waits for the disk whenever it moves oldest, once a stride: else the disk could get the
// bytes that overwrite a record before it is told that the record is gone.
//
// Errors: what the disk answers (EIO: nothing is known of what was published since the last Sync), ErrLost, and those of
// every call.
func (w *Writer) Sync() error {
	return w.do("sync", func() error {
		if err := w.still(); err != nil {
			w.poison(err)
			return err
		}
		if !w.synced && !w.nameless {
			if err := syncName(w.path); err != nil {
				return err
			}
		}
		w.synced = true
		told := w.oldest.Load()
		if err := w.flush(w.hdr.data, int(w.capacity())); err != nil {
			return err
		}
		if err := w.flush(0, int(w.hdr.data)); err != nil { // after what it speaks of
			return err
		}
		w.told = told
		return nil
	})
}

// settleOldest waits until the disk knows of oldest, before anything is written over what lies below it.
func (w *Writer) settleOldest() error {
	if err := w.flush(countersStart, headerSize); err != nil {
		return fmt.Errorf("telling the disk of oldest: %w", err)
	}
	w.told = w.old
	return nil
}

// flush waits until n bytes at off of the file are on the disk.
func (h *handle) flush(off int64, n int) error {
	m, start := h.control, int64(0)
	if off >= h.hdr.data {
		m, start = h.region, h.hdr.data
	}
	err := m.FlushRange(int(off-start), n)
	if err == nil {
		flushed(h.path, off, n)
	}
	return err
}

// flushed is told what is on the disk. Only tests listen.
var flushed = func(path string, off int64, n int) {}

// syncName waits until the directory entry is on the disk. Directories that may not be read, and file systems that know no
// such thing, are left to themselves.
func syncName(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Sync(); !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}
