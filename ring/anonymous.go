package ring

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/mmring/mmring/lock"
)

// CreateAnonymous makes a ring that has no path: a file in memory, which goes with the last process that has it open or
// mapped. Its descriptor is handed to other processes, by exec.Cmd.ExtraFiles or through a Unix socket (SCM_RIGHTS), and each
// opens the ring by it: OpenWriterFile, OpenReaderFile, ObserveFile, InspectFile, VerifyFile. The file is sealed: nobody, also
// not one who may write to it, can make it shorter, so that no process can make another's memory a fault.
//
// name is for people, in errors ("memfd:NAME") and /proc: at most 200 bytes; none: "ring". A process that has not the same user
// needs permission by Config.Mode, as for a path.
//
// Errors: ErrConfig, ENOSPC, ENOMEM, EMFILE, and errors.ErrUnsupported on systems without such files.
func CreateAnonymous(name string, c Config) (*os.File, error) {
	if name == "" {
		name = "ring"
	}
	f, err := createAnonymous(name, c)
	return f, fail("create", "memfd:"+name, err)
}

func createAnonymous(name string, c Config) (*os.File, error) {
	if !supported {
		return nil, errors.ErrUnsupported
	}
	const mostName = 200
	if err := checkText("name", name, mostName); err != nil {
		return nil, err
	}
	c, h, err := plan(c)
	if err != nil {
		return nil, err
	}
	return memoryFile(name, c, h.fileSize(), h.firstPages())
}

// origin is where a ring's file is had from: a path, or a descriptor that was handed over.
type origin struct {
	path string
	of   *os.File // nil: the path leads to it
}

// open opens it, by a description of our own.
func (p origin) open(write bool) (*os.File, error) {
	if p.of != nil {
		return reopenFile(p.of, write)
	}
	return openFile(p.path, write)
}

func (p origin) tryRole(m lock.Mode) (*lock.Role, error) {
	if p.of != nil {
		return lock.TryRoleFile(p.of, m)
	}
	return lock.TryRole(p.path, m)
}

func (p origin) waitRole(ctx context.Context, m lock.Mode) (*lock.Role, error) {
	if p.of != nil {
		return lock.WaitRoleFile(ctx, p.of, m)
	}
	return lock.WaitRole(ctx, p.path, m)
}

func (p origin) inspect() (Info, error) {
	h, err := openHandle(context.Background(), p.path, openOptions{allowFS: true, of: p.of})
	if err != nil {
		return Info{}, err
	}
	defer h.release()
	return h.inspect()
}

// received returns the origin of a file that was handed over. It keeps a descriptor of its own until close.
func received(f *os.File, write bool) (p origin, close func(), err error) {
	if f == nil {
		return origin{path: "file"}, nil, os.ErrInvalid
	}
	if !supported {
		return origin{path: f.Name()}, nil, errors.ErrUnsupported
	}
	own, err := reopenFile(f, write)
	if err != nil {
		return origin{path: f.Name()}, nil, err
	}
	return origin{own.Name(), own}, func() { own.Close() }, nil
}

// needsPath refuses what only a path can give.
func needsPath(options ...bool) error {
	for _, is := range options {
		if is {
			return fmt.Errorf("%w: Create, WaitForRing and Follow need a path", ErrConfig)
		}
	}
	return nil
}

// OpenWriterFile is OpenWriter for a ring whose file is open already, with a path or without. The writer has a file
// description of its own, for which it needs /proc: f may be shared with other processes, and closed afterwards. A file that
// is deleted or renamed is no loss for who was handed it. Create is ErrConfig.
//
// Further errors: errors.ErrUnsupported where /proc is missing, os.ErrClosed, and fs.ErrPermission if f is not open for reading
// and writing, or the file's mode does not let this user open it.
func OpenWriterFile(ctx context.Context, f *os.File, o WriterOptions) (*Writer, error) {
	p, close, err := received(f, true)
	if err != nil {
		return nil, fail("open writer", p.path, err)
	}
	defer close()
	if err := needsPath(o.Create != nil); err != nil {
		return nil, fail("open writer", p.path, err)
	}
	o.of = p.of
	w, err := openWriter(ctx, p.path, o)
	return w, fail("open writer", p.path, err)
}

// OpenReaderFile is OpenReader as OpenWriterFile is OpenWriter. WaitForRing and Follow are ErrConfig.
func OpenReaderFile(ctx context.Context, f *os.File, o ReaderOptions) (*Reader, error) {
	p, close, err := received(f, true)
	if err != nil {
		return nil, fail("open reader", p.path, err)
	}
	defer close()
	if err := needsPath(o.WaitForRing, o.Follow); err != nil {
		return nil, fail("open reader", p.path, err)
	}
	o.of = p.of
	return OpenReader(ctx, p.path, o)
}

// ObserveFile is Observe as OpenWriterFile is OpenWriter; f may be open for reading only. WaitForRing and Follow are ErrConfig.
func ObserveFile(ctx context.Context, f *os.File, o ObserverOptions) (*Observer, error) {
	p, close, err := received(f, false)
	if err != nil {
		return nil, fail("observe", p.path, err)
	}
	defer close()
	if err := needsPath(o.WaitForRing, o.Follow); err != nil {
		return nil, fail("observe", p.path, err)
	}
	o.of = f // which says whether we may write, and so be woken
	return Observe(ctx, p.path, o)
}

// InspectFile is Inspect for a file that is open for reading.
func InspectFile(f *os.File) (Info, error) {
	p, close, err := received(f, false)
	if err != nil {
		return Info{}, fail("inspect", p.path, err)
	}
	defer close()
	info, err := p.inspect()
	return info, fail("inspect", p.path, err)
}

// VerifyFile is Verify for a file that is open for reading.
func VerifyFile(f *os.File) (Report, error) {
	p, close, err := received(f, false)
	if err != nil {
		return Report{}, fail("verify", p.path, err)
	}
	defer close()
	h, err := openHandle(context.Background(), p.path, openOptions{allowFS: true, of: p.of})
	if err != nil {
		return Report{}, fail("verify", p.path, err)
	}
	defer h.release()
	r, err := h.verify()
	return r, fail("verify", p.path, err)
}

// JoinGroupFile is JoinGroup as OpenWriterFile is OpenWriter. WaitForRing is ErrConfig.
func JoinGroupFile(ctx context.Context, f *os.File, name string, o GroupOptions) (*Member, error) {
	p, close, err := received(f, true)
	if err != nil {
		return nil, fail("join group", p.path, err)
	}
	defer close()
	if err := needsPath(o.WaitForRing); err != nil {
		return nil, fail("join group", p.path, err)
	}
	o.of = p.of
	return JoinGroup(ctx, p.path, name, o)
}
