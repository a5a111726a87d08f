package lock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"syscall"

	"github.com/gofrs/flock"
)

// maxTurns bounds how often TryRole follows a path that names another file each time it looks.
const maxTurns = 100

// roles keeps every held role reachable: the garbage collector would close its descriptor, and the role with it.
var roles sync.Map // of *Role

// Role is the right to act on a file. It is held until Close, or until the process ends.
type Role struct {
	path string

	mu   sync.Mutex
	held *flock.Flock // nil once closed
}

// TryRole takes the role of the file at path without waiting. The file must exist, be regular (not a symbolic link, though
// directories on the way may be) and be open to this process for reading and writing: a role is for those who write.
//
// Errors: ErrBusy when somebody holds a role that m does not tolerate, in this process or another; fs.ErrNotExist,
// fs.ErrPermission and the kernel's other refusals of an open for writing; fs.ErrInvalid when the file is not regular;
// errors.ErrUnsupported on systems without flock.
func TryRole(path string, m Mode) (*Role, error) {
	r, err := try(path, m)
	return r, roleErr("take", m, path, err)
}

// TryRoleFile is TryRole for an open file, which may have no name yet (O_TMPFILE) or none any more. The role has a file
// description of its own: f may be closed and the role stays. The kernel checks anew that the file may be opened for
// reading and writing.
//
// It needs /proc, and answers errors.ErrUnsupported with a sentence where that is missing. After os.File.Close of f:
// os.ErrClosed. Otherwise errors are those of TryRole.
func TryRoleFile(f *os.File, m Mode) (*Role, error) {
	var r *Role
	err := supported(m)
	if err == nil {
		err = viaDescriptor(f, func(path string) (err error) {
			r, err = tryFile(f, path, m, false)
			return err
		})
	}
	return r, roleErr("take", m, name(f), err)
}

// Info describes the locked file, so that the caller can compare it (os.SameFile) with its own descriptor of the path:
// both may have changed between two opens. After Close: os.ErrClosed.
func (r *Role) Info() (fs.FileInfo, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held == nil {
		return nil, r.fail("describe", os.ErrClosed)
	}
	info, err := r.held.Stat()
	return info, r.fail("describe", err)
}

// Share makes an exclusive role shared, without waiting; of a shared one it changes nothing. On Linux nobody can take the
// role exclusively in between. No standard promises that, and other systems may give the role up for a moment: portable
// programs look again at what they did while they were alone.
//
// After an error the role is closed: ErrBusy when somebody came in between, os.ErrClosed after Close.
func (r *Role) Share() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held == nil {
		return roleErr("change to", Shared, r.path, os.ErrClosed)
	}
	ok, err := r.held.TryRLock()
	for errors.Is(err, syscall.EINTR) {
		ok, err = r.held.TryRLock()
	}
	if err == nil && !ok {
		err = ErrBusy
	}
	if err != nil {
		_ = r.release() // the error that brought us here says more
	}
	return roleErr("change to", Shared, r.path, err)
}

// Close gives the role back. The second call does nothing and returns nil.
func (r *Role) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held == nil {
		return nil
	}
	return r.fail("give back", r.release())
}

// release unlocks and closes the descriptor. The caller holds mu, or nobody else knows r yet.
func (r *Role) release() error {
	err := r.held.Unlock()
	for errors.Is(err, syscall.EINTR) {
		err = r.held.Unlock()
	}
	r.held = nil // also closes a descriptor that would not unlock, by way of the garbage collector
	roles.Delete(r)
	return err
}

// try follows the path until it names the file that was locked.
func try(path string, m Mode) (*Role, error) {
	for range maxTurns {
		r, again, err := attempt(path, m, false)
		if !again {
			return r, err
		}
	}
	return nil, fmt.Errorf("replaced %d times while it was being locked", maxTurns)
}

// attempt opens and locks the file at path, once. It reports again when a signal came, or when by the time the lock was
// held the path named another file: the lock of a file that nobody else will open is worth nothing.
func attempt(path string, m Mode, block bool) (r *Role, again bool, err error) {
	if err := supported(m); err != nil {
		return nil, false, err
	}
	before, err := os.Lstat(path)
	if err != nil {
		return nil, false, bare(err)
	}
	if err := regular(before); err != nil {
		return nil, false, err
	}
	r = &Role{path: path, held: flock.New(path, flock.SetFlag(roleFlags|noFollow))}
	if err := grab(r.held, m, block); err != nil {
		return nil, errors.Is(err, syscall.EINTR), bare(err)
	}
	same, err := r.names(path)
	if err != nil || !same {
		_ = r.release() // nothing was done under it
		return nil, err == nil, err
	}
	roles.Store(r, nil)
	return r, false, nil
}

// names reports whether path still is the file that r holds.
func (r *Role) names(path string) (bool, error) {
	locked, err := r.held.Stat()
	if err != nil {
		return false, bare(err)
	}
	if err := regular(locked); err != nil {
		return false, err
	}
	named, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, bare(err)
	}
	return os.SameFile(locked, named), nil
}

// tryFile locks a new description of f, whose descriptor path stands for.
func tryFile(f *os.File, path string, m Mode, block bool) (*Role, error) {
	own, err := f.Stat()
	if err != nil {
		return nil, bare(err)
	}
	if err := regular(own); err != nil {
		return nil, err
	}
	r := &Role{path: f.Name(), held: flock.New(path, flock.SetFlag(roleFlags))}
	err = grab(r.held, m, block)
	for errors.Is(err, syscall.EINTR) {
		err = grab(r.held, m, block)
	}
	if err != nil {
		return nil, reopenErr(bare(err))
	}
	locked, err := r.held.Stat()
	if err == nil && !os.SameFile(own, locked) {
		err = fmt.Errorf("%w: %s opens another file", errors.ErrUnsupported, path)
	}
	if err != nil {
		_ = r.release() // nothing was done under it
		return nil, bare(err)
	}
	roles.Store(r, nil)
	return r, nil
}

// grab locks l. When it fails, l has closed its descriptor.
func grab(l *flock.Flock, m Mode, block bool) error {
	try, wait := l.TryLock, l.Lock
	if m == Shared {
		try, wait = l.TryRLock, l.RLock
	}
	if block {
		return wait()
	}
	ok, err := try()
	if err == nil && !ok {
		err = ErrBusy
	}
	return err
}

func supported(m Mode) error {
	if !haveFlock {
		return errors.ErrUnsupported
	}
	return m.valid()
}

func (r *Role) fail(op string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op + " role of", Path: r.path, Err: bare(err)}
}

func roleErr(op string, m Mode, path string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: fmt.Sprintf("%s %s role of", op, m), Path: path, Err: err}
}
