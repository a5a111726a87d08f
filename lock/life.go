package lock

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"sync"
)

// Life is one byte of a file that this process holds, to show others that it is alive.
type Life struct {
	file *os.File
	off  int64

	mu     sync.Mutex
	closed bool
}

// place is a byte as seen through one *os.File.
type place struct {
	file *os.File
	off  int64
}

// lives keeps every held byte's file reachable: the garbage collector would close it, and our life with it. It also tells
// a second hold through the same file, which the kernel would grant: two lives would then end with the first.
var lives sync.Map // place to *Life

// TryHold locks the byte at off (0 to 1<<63 - 1; it need not exist) without waiting for its holder. (It does let those pass
// who waited for the byte to be free and leave at once: microseconds, at most 250 ms.) f must be open for writing, and not
// share its description with another process. The byte stays locked until Close, until f is closed, or until the process
// ends. A Life that is forgotten stays, and so does f.
//
// Errors: ErrBusy when it is held through another description, or by another Life of f; os.ErrClosed; fs.ErrInvalid for
// an offset below 0; syscall.EBADF when f is not open for writing; syscall.ENOLCK when the file system cannot lock;
// errors.ErrUnsupported on other systems than Linux.
func TryHold(f *os.File, off int64) (*Life, error) {
	l := &Life{file: f, off: off}
	if err := l.hold(); err != nil {
		return nil, byteErr("hold", f, off, err)
	}
	return l, nil
}

func (l *Life) hold() error {
	if l.off < 0 {
		return errNegative
	}
	at := place{l.file, l.off}
	if _, mine := lives.LoadOrStore(at, l); mine {
		return ErrBusy
	}
	err := lockByte(l.file, l.off)
	if err != nil {
		lives.Delete(at)
	}
	return err
}

// Close unlocks the byte; the file stays open. The second call does nothing and returns nil. When the file was closed
// before, Close returns os.ErrClosed: the life ended then, earlier than its owner meant.
func (l *Life) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	err := unlockByte(l.file, l.off)
	lives.Delete(place{l.file, l.off}) // not before: the next holder through this file must not be unlocked by us
	return byteErr("let go of", l.file, l.off, err)
}

// Held reports whether the byte at off is held through another description than that of f, which may be open for reading
// only. It disturbs nobody. The answer may be old when it arrives, in one direction for those who watch one holder: dead
// stays dead.
func Held(f *os.File, off int64) (bool, error) {
	if off < 0 {
		return false, byteErr("look at", f, off, errNegative)
	}
	held, err := byteHeld(f, off)
	return held, byteErr("look at", f, off, err)
}

// WaitFree returns nil as soon as nobody else holds the byte at off: at once if this process holds it through f. It sleeps
// in the kernel, which needs /proc and the right to read the file. Several may wait for one byte. Whoever is to be the next
// holder calls TryHold afterwards and may find that it was not the first.
//
// When ctx ends first, it returns context.Cause(ctx), wrapped, and leaves a thread behind as WaitRole does.
func WaitFree(ctx context.Context, f *os.File, off int64) error {
	err := errNegative
	if off >= 0 {
		err = waitFree(ctx, f, off)
	}
	return byteErr("wait for", f, off, err)
}

func waitFree(ctx context.Context, f *os.File, off int64) error {
	for ctx.Err() == nil {
		held, err := byteHeld(f, off)
		if err != nil || !held {
			return err
		}
		info, err := f.Stat()
		if err != nil {
			return bare(err)
		}
		got, err := sleep(ctx, goal{which: off}, info, func() outcome {
			again, err := passByte(f, off)
			return outcome{again: again, err: err}
		})
		if err != nil {
			return err
		}
		if !got.again {
			return got.err
		}
	}
	return context.Cause(ctx)
}

var errNegative = fmt.Errorf("%w: negative offset", fs.ErrInvalid)

func byteErr(op string, f *os.File, off int64, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: fmt.Sprintf("%s byte %d of", op, off), Path: name(f), Err: err}
}
