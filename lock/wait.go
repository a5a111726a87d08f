package lock

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"sync"
)

// WaitRole is TryRole that waits as long as somebody else holds the role. It sleeps in the kernel and is woken by it; it
// does not wait for a file to appear.
//
// When ctx ends first, it returns context.Cause(ctx), wrapped. The kernel goes on waiting on a thread of this process: if
// it gets the role one day, it gives it back at once. Nothing remains then, and a later WaitRole for the same path, file
// and mode takes over that thread.
func WaitRole(ctx context.Context, path string, m Mode) (*Role, error) {
	r, err := waitRole(ctx, path, m)
	return r, roleErr("wait for", m, path, err)
}

func waitRole(ctx context.Context, path string, m Mode) (*Role, error) {
	for ctx.Err() == nil {
		r, err := try(path, m)
		if !errors.Is(err, ErrBusy) {
			return r, err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return nil, bare(err)
		}
		got, err := sleep(ctx, goal{path, int64(m)}, info, func() outcome {
			r, again, err := attempt(path, m, true)
			return outcome{r, again, err}
		})
		if err != nil {
			return nil, err
		}
		if !got.again {
			return got.role, got.err
		}
	}
	return nil, context.Cause(ctx)
}

// WaitRoleFile is TryRoleFile that waits as WaitRole does. f may be closed when it has returned.
func WaitRoleFile(ctx context.Context, f *os.File, m Mode) (*Role, error) {
	r, err := waitRoleFile(ctx, f, m)
	return r, roleErr("wait for", m, name(f), err)
}

func waitRoleFile(ctx context.Context, f *os.File, m Mode) (*Role, error) {
	if ctx.Err() == nil {
		r, err := TryRoleFile(f, m)
		if !errors.Is(err, ErrBusy) {
			return r, bare(err)
		}
		info, err := f.Stat()
		if err != nil {
			return nil, bare(err)
		}
		got, err := sleep(ctx, goal{nameless, int64(m)}, info, func() outcome {
			r, err := roleFileLater(f, m)
			return outcome{r, false, err}
		})
		if err != nil {
			return nil, err
		}
		return got.role, got.err
	}
	return nil, context.Cause(ctx)
}

// roleFileLater sleeps until it has the role of f's file. It may outlive f.
func roleFileLater(f *os.File, m Mode) (r *Role, err error) {
	own, err := duplicate(f)
	if err != nil {
		return nil, err
	}
	defer own.Close()
	err = viaDescriptor(own, func(path string) error {
		r, err = tryFile(own, path, m, true)
		return err
	})
	return r, err
}

// nameless is the path of what is waited for by its descriptor.
const nameless = "\x00"

// goal says what a sleeper waits for, together with the file's identity: a role (path and mode) or a byte (no path, offset).
type goal struct {
	path  string
	which int64
}

// outcome is what a sleeper brings from the kernel.
type outcome struct {
	role  *Role
	again bool
	err   error
}

// sleeper is a goroutine in a system call that nothing but the kernel ends.
type sleeper struct {
	goal goal
	info fs.FileInfo
	done chan outcome // has room for the one outcome
	idle bool         // its caller has gone away; guarded by idlers
}

// idlers lists the sleepers whose callers have gone away. The next caller with the same goal takes one over, so that
// giving up and trying again does not collect threads.
var idlers struct {
	sync.Mutex
	list []*sleeper
}

// sleep returns what block returns, or context.Cause(ctx) if ctx ends first. block runs in a goroutine of its own.
func sleep(ctx context.Context, g goal, info fs.FileInfo, block func() outcome) (outcome, error) {
	s := adopt(g, info)
	if s == nil {
		s = &sleeper{goal: g, info: info, done: make(chan outcome, 1)}
		go s.run(block)
	}
	select {
	case o := <-s.done:
		return o, nil
	case <-ctx.Done():
		if o, ok := s.abandon(); ok {
			return o, nil
		}
		return outcome{}, context.Cause(ctx)
	}
}

// adopt returns a sleeper with that goal and file whose caller has gone away, or nil.
func adopt(g goal, info fs.FileInfo) *sleeper {
	idlers.Lock()
	defer idlers.Unlock()
	for i, s := range idlers.list {
		if s.goal == g && os.SameFile(s.info, info) {
			s.idle = false
			idlers.list = slices.Delete(idlers.list, i, i+1)
			return s
		}
	}
	return nil
}

// run gives its outcome to the caller, or, when that has gone away, gives back what it got.
func (s *sleeper) run(block func() outcome) {
	runtime.Gosched() // let others off this processor first: it is lost to them until the runtime notices that we block
	o := block()
	idlers.Lock()
	defer idlers.Unlock()
	if !s.idle {
		s.done <- o
		return
	}
	if i := slices.Index(idlers.list, s); i >= 0 {
		idlers.list = slices.Delete(idlers.list, i, i+1)
	}
	if o.role != nil {
		_ = o.role.Close() // nobody is left to be told
	}
}

// abandon leaves the sleeper to itself, unless it is just done: then that is what the caller waited for.
func (s *sleeper) abandon() (outcome, bool) {
	idlers.Lock()
	defer idlers.Unlock()
	select {
	case o := <-s.done:
		return o, true
	default:
		s.idle = true
		idlers.list = append(idlers.list, s)
		return outcome{}, false
	}
}
