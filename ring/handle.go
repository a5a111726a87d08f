package ring

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/mmring/mmring/internal/fault"
	"github.com/mmring/mmring/internal/futex"
	"github.com/mmring/mmring/shm"
)

// handle is what Writer, Reader and Observer have in common: one open ring.
type handle struct {
	gate
	parts
	path string
	// nameless: the file was handed over; whether path leads to it does not matter
	nameless bool
	log      *slog.Logger

	spins   Spin                          // how long a wait looks before it sleeps
	cancel  atomic.Uint32                 // not 0: a sleep of this handle has to end
	among   atomic.Pointer[atomic.Uint32] // the cancel word of the Waiter that this handle is in, or was
	guest   guest                         // its place among those who sleep
	context contextWatch                  // ends sleeps
	ends    atomic.Pointer[func()]        // ends what a running call waits for without a wake word; nil: nothing
	lost    error                         // why the handle is poisoned; guarded by the gate
	armed   bool                          // what debug.SetPanicOnFault answered to the call inside
	calls   uint32                        // since the last look at the context
	glanced time.Time                     // when glance, or a reader that waits, looked last

	teardown func() error // what the owner adds to release
}

// parts are what a handle has of one file.
type parts struct {
	*memory
	hdr     header
	file    *os.File // one description for this handle alone; its lock bytes live and die with it
	control *shm.Map
	region  *shm.Map

	attention *shm.Map       // the data wake word alone, for an observer that may write to the file
	bell      *atomic.Uint32 // the data wake word, where it may be changed; nil: nowhere

	lodging *lodging // where those meet who sleep

	glimpsed glimpse // as it was when still looked at the path last
	glimpses int     // times that was enough since
}

// giveBack unmaps and closes them.
func (p *parts) giveBack() (first error) {
	keep := func(err error) {
		if first == nil {
			first = err
		}
	}
	if p.control != nil {
		keep(p.control.Close())
	}
	if p.region != nil {
		keep(p.region.Close())
	}
	if p.attention != nil {
		keep(p.attention.Close())
	}
	if p.lodging != nil {
		p.lodging.giveBack()
	}
	if p.file != nil {
		keep(p.file.Close())
	}
	return first
}

// Every call that touches the ring has this shape, in its own body where it is hot and in do elsewhere:
//
//	if err := h.begin(); err != nil {
//		return fail(op, h.path, err)
//	}
//	running := true
//	defer func() {
//		if running {
//			err = h.rescued(op, recover())
//		}
//	}()
//	err = ...
//	running = false
//	return h.exit(op, err)

// begin admits a call and has faults of this goroutine become panics. Its error is bare: the caller wraps it with its
// operation.
func (h *handle) begin() error {
	if !h.enter() {
		return h.refusal()
	}
	if h.lost != nil {
		return h.refuseLost()
	}
	h.armed = debug.SetPanicOnFault(true)
	return nil
}

// admit is begin for a goroutine whose faults are panics already.
func (h *handle) admit() error {
	if !h.enter() {
		return h.refusal()
	}
	if h.lost != nil {
		return h.refuseLost()
	}
	return nil
}

// refuseLost ends a call of a poisoned handle.
func (h *handle) refuseLost() error {
	err := h.lost
	h.finish()
	return err
}

// exit ends a call that begin admitted and wraps its error.
func (h *handle) exit(op string, err error) error {
	debug.SetPanicOnFault(h.armed)
	if h.leave() {
		h.finishShut()
	}
	if err != nil {
		return fail(op, h.path, err)
	}
	return nil
}

// rescued ends a call that did not come to its exit: r is what it panicked with, or nil when its goroutine ends. A fault
// in the mapping is its error; every other panic goes on.
func (h *handle) rescued(op string, r any) error {
	debug.SetPanicOnFault(h.armed)
	gone := r != nil && h.faulted(r)
	err := h.lost
	h.finish()
	if r != nil && !gone {
		panic(r)
	}
	return fail(op, h.path, err)
}

// do runs f as a call of the handle.
func (h *handle) do(op string, f func() error) (err error) {
	if err := h.begin(); err != nil {
		return fail(op, h.path, err)
	}
	running := true
	defer func() {
		if running {
			err = h.rescued(op, recover())
		}
	}()
	err = f()
	running = false
	return h.exit(op, err)
}

// finish ends a call that begin admitted.
func (h *handle) finish() {
	if h.leave() {
		h.finishShut()
	}
}

// finishShut is finish in a handle that Close was called for.
func (h *handle) finishShut() {
	if h.leaveShut() {
		_ = h.release() // nobody is left to tell: Close has returned
	}
}

// settle is deferred by what touches the mapping outside of a call, while a handle is opened or only looked at: it turns a
// fault in the mapping into ErrLost in *err, wraps *err with op, and passes every other panic on. armed is what
// debug.SetPanicOnFault answered.
func (h *handle) settle(armed bool, op string, err *error) {
	debug.SetPanicOnFault(armed)
	if r := recover(); r != nil {
		if !h.faulted(r) {
			panic(r)
		}
		*err = h.lost
	}
	*err = fail(op, h.path, *err)
}

// faulted poisons the handle if r, a recovered panic, is a fault in its mapping.
func (h *handle) faulted(r any) bool {
	addr, ok := fault.Addr(r)
	if !ok || !h.maps(addr) {
		return false
	}
	h.poison(errGone)
	return true
}

// swept is faulted for a goroutine that is not inside of the handle. It passes every other panic on.
func (h *handle) swept(p any) error {
	if addr, ok := fault.Addr(p); !ok || !h.maps(addr) {
		panic(p)
	}
	return errGone
}

// guarded runs f, which touches the mapping, outside of a call; a fault poisons the handle.
func (h *handle) guarded(f func()) {
	armed := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(armed)
		if r := recover(); r != nil && !h.faulted(r) {
			panic(r)
		}
	}()
	f()
}

// maps reports whether addr lies in this ring's memory.
func (h *handle) maps(addr uintptr) bool {
	for _, m := range [...]*shm.Map{h.control, h.region, h.attention} {
		if m != nil && m.Contains(addr) {
			return true
		}
	}
	return false
}

// poison makes every later call fail with err. The caller is inside the gate.
func (h *handle) poison(err error) {
	if h.lost == nil {
		h.lost = err
		h.event(slog.LevelError, "ring lost", "error", err)
	}
}

// Close ends the handle. It may be called from any goroutine, and again (nil): waits end with os.ErrClosed, a running
// call is waited for, a claim that is out keeps the memory until it is committed or aborted.
func (h *handle) Close() error {
	if !h.close(h.cancelWaits) {
		return nil
	}
	return fail("close", h.path, h.release())
}

// cancelWaits ends the sleep of a running call.
func (h *handle) cancelWaits() {
	if end := h.ends.Load(); end != nil {
		(*end)()
	}
	cancel(&h.cancel)
	h.guest.ring()
	if among := h.among.Load(); among != nil {
		cancel(among)
	}
}

// whileOpen returns a context that ends with ctx, or, with os.ErrClosed, when the handle is closed: for what a call waits for
// elsewhere. The call gives it back when it is over.
func (h *handle) whileOpen(ctx context.Context) (open context.Context, over func()) {
	open, cancel := context.WithCancelCause(ctx)
	end := func() { cancel(os.ErrClosed) }
	h.ends.Store(&end)
	if h.closed() { // perhaps before it could see what ends
		end()
	}
	return open, func() {
		h.ends.Store(nil)
		cancel(nil)
	}
}

// cancel ends the sleeps of this process that have word for their cancel word.
func cancel(word *atomic.Uint32) {
	word.Store(1)
	futex.Cancel(word)
}

// release gives everything back. The gate lets exactly one caller come here.
func (h *handle) release() error {
	h.context.stop()
	var first error
	if h.teardown != nil {
		first = h.teardown()
	}
	if err := h.parts.giveBack(); first == nil {
		first = err
	}
	return first
}

// Path returns the path the ring was opened by.
func (h *handle) Path() string { return h.path }

// MaxPayload returns the size of the largest payload in bytes.
func (h *handle) MaxPayload() int { return int(h.hdr.maxRecord()) - h.hdr.prefix() }

// event tells the logger, if there is one, of something that is not the hot path's.
func (h *handle) event(level slog.Level, what string, args ...any) {
	if h.log != nil {
		h.log.Log(context.Background(), level, what, append([]any{"ring", h.path}, args...)...)
	}
}

// glimpse is what one cheap system call tells of a file. Whoever truncates, deletes, replaces or renames it changes it.
type glimpse struct {
	size    int64
	links   uint64
	changed [2]int64 // seconds and nanoseconds
}

// fullLook is how often a glimpse that tells nothing new is enough. A directory on the path that is renamed changes nothing
// about the file, and the clock of a file system stands still for some milliseconds at a time.
const fullLook = 7

// still makes sure that the path leads to the file that is mapped, whole: a ring that was deleted, replaced or truncated
// will never bring anything again.
func (h *handle) still() error {
	now, ok := takeGlimpse(h.file)
	if ok && now == h.glimpsed && h.glimpses < fullLook {
		h.glimpses++
		return nil
	}
	err := h.stillAtPath()
	if err == nil {
		h.glimpsed, h.glimpses = now, 0
	}
	return err
}

// stillAtPath is still without the short way.
func (h *handle) stillAtPath() error {
	here, err := h.file.Stat()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	if here.Size() < h.hdr.fileSize() {
		return fmt.Errorf("%w: truncated to %d bytes, its header says %d", ErrLost, here.Size(), h.hdr.fileSize())
	}
	if h.nameless {
		return nil
	}
	there, err := os.Stat(h.path)
	if errors.Is(err, fs.ErrNotExist) {
		if linked(here) {
			return fmt.Errorf("%w: renamed: %w", errUnlinked, fs.ErrNotExist)
		}
		return fmt.Errorf("%w: deleted: %w", errUnlinked, fs.ErrNotExist)
	}
	if err != nil {
		if pe, ok := err.(*fs.PathError); ok {
			err = pe.Err
		}
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	if !os.SameFile(here, there) {
		return errReplaced
	}
	return nil
}

// glance is still for those who are never idle; it looks now and then. What it finds poisons the handle.
func (h *handle) glance() error {
	now := time.Now()
	if now.Sub(h.glanced) < longestSleep {
		return nil
	}
	h.glanced = now
	err := h.still()
	if err != nil {
		h.poison(err)
	}
	return err
}

// due looks at the context once in 256 calls of a handle that never waits.
func (h *handle) due(ctx context.Context) error {
	if h.calls++; h.calls&255 != 0 {
		return nil
	}
	return ended(ctx)
}

// ended returns why ctx is done; nil if it is not.
func ended(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return context.Cause(ctx)
}
