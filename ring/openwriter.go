package ring

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/mmring/mmring/internal/futex"
	"github.com/mmring/mmring/lock"
)

// WriterOptions say how to write. The zero value opens an existing ring whose writer's role is free.
type WriterOptions struct {
	// Create makes the ring if it is missing; a ring that is there stays as it is.
	Create *Config
	// Wait stands by until the role is free, instead of answering ErrBusy: it is handed over when the writer closes or dies.
	Wait bool
	// Reopen goes on with a ring that has ended, instead of answering ErrEnded.
	Reopen bool
	// Mirror says when records of up to 240 bytes, headers included, are copied beside the published position, where a
	// waiting reader gets them with the same cache line.
	Mirror Mirror
	// Spin says how long a call that has to wait for space looks before it sleeps.
	Spin Spin
	// Memory says how the ring's memory is kept in this process; zero: as the kernel likes.
	Memory Memory
	// EvictAfter replaces, for this writer, the time that the ring was made with (Config.EvictAfter). It may be longer, not
	// shorter, and is of no use in a ring made without. 0: the ring's; negative: this writer evicts nobody.
	EvictAfter time.Duration
	// AllowOwner opens a ring that belongs neither to this user nor to root.
	AllowOwner bool
	// AllowFS opens a ring on a file system where mapped memory may not be coherent.
	AllowFS bool
	// Logger is told of what is not the hot path's; nil: nobody.
	Logger *slog.Logger

	of     *os.File  // handed over
	repair *Recovery // not nil: everything is looked at, an ended ring stays ended, and here goes the report
}

// Mirror says when a writer mirrors small records. It changes latency and nothing else.
type Mirror uint8

const (
	// MirrorAuto mirrors while a registered reader that gets its records one at a time asks for it.
	MirrorAuto Mirror = iota
	// MirrorAlways mirrors every record published alone. It serves observers, who cannot ask, and slows streams down.
	MirrorAlways
	// MirrorNever never mirrors.
	MirrorNever
)

// OpenWriter takes the writer's role of the ring at path and goes on behind the last published record, whatever became of
// the writer before. In a ring of shared writers it becomes one of them, and waits only while another one recovers the ring
// or has the mutex.
//
// Errors: ErrBusy (names the process that writes), ErrEnded, ErrConfig, ErrNotRing, ErrVersion, ErrCorrupt, ErrOwner, ErrFS, those of
// Create, fs.ErrNotExist, fs.ErrPermission, and the context's cause.
func OpenWriter(ctx context.Context, path string, o WriterOptions) (*Writer, error) {
	if o.Create != nil {
		c := *o.Create
		c.AllowFS = c.AllowFS || o.AllowFS
		if err := Create(path, c); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	w, err := openWriter(ctx, path, o)
	return w, fail("open writer", path, err)
}

func openWriter(ctx context.Context, path string, o WriterOptions) (*Writer, error) {
	if !supported {
		return nil, errors.ErrUnsupported
	}
	futex.Register() // takes the kernel some 10 ms, once in a process: a standby should have them behind it
	for {
		role, alone, err := takeRole(ctx, path, o)
		if err != nil {
			return nil, err
		}
		h, err := openHandle(ctx, path, openOptions{write: true, publish: true, allowOwner: o.AllowOwner, allowFS: o.AllowFS, of: o.of, log: o.Logger, spins: o.Spin, memory: o.Memory})
		if err != nil {
			role.Close()
			return nil, err
		}
		if same, err := h.sameAs(role); err != nil || !same {
			role.Close()
			h.release()
			if err != nil {
				return nil, err
			}
			continue // another ring has taken the path between the two
		}
		w := &Writer{handle: h, near: h.near(o.Mirror), role: role}
		again := false
		if alone {
			err = w.attach(ctx, o)
		} else {
			again, err = w.join(ctx, o)
		}
		if err == nil && !again {
			return w, nil
		}
		if h.teardown == nil { // which else gives back both
			if w.life != nil {
				_ = w.life.Close()
			}
			role.Close()
		}
		h.release()
		if err != nil {
			return nil, err
		}
	}
}

// takeRole takes the role of the file that path names now, and reports whether nobody else has it.
func takeRole(ctx context.Context, path string, o WriterOptions) (role *lock.Role, alone bool, err error) {
	at := origin{path, o.of}
	f, err := at.open(false) // a refusal that says what the file is comes before one that says who has it
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	hdr, err := readHeader(f, openOptions{write: true, allowOwner: o.AllowOwner, allowFS: o.AllowFS})
	if err != nil {
		return nil, false, err
	}
	shared := hdr.has(modeShared) && o.repair == nil
	if o.Create != nil && o.Create.Shared && !hdr.has(modeShared) {
		return nil, false, fmt.Errorf("%w: several writers asked for, and the ring that is there is for one at a time", ErrConfig)
	}
	if o.Wait && !shared {
		role, err = standBy(ctx, at, &handle{path: path, nameless: at.of != nil, parts: parts{file: f, hdr: hdr}})
		return role, true, err
	}
	role, err = at.tryRole(lock.Exclusive)
	switch {
	case !errors.Is(err, lock.ErrBusy):
		return role, true, err
	case shared: // whoever has it alone recovers, and shares it then
		role, err = at.waitRole(ctx, lock.Shared)
		return role, false, err
	}
	return nil, false, fmt.Errorf("%w: %s", ErrBusy, whoWrites(at))
}

// standBy waits for the role of h's file, and looks now and then whether the path still leads there.
func standBy(ctx context.Context, at origin, h *handle) (*lock.Role, error) {
	for {
		turn, cancel := context.WithTimeoutCause(ctx, longestSleep, errTurn)
		role, err := at.waitRole(turn, lock.Exclusive)
		cancel()
		if !errors.Is(err, errTurn) {
			return role, err
		}
		if err := h.still(); err != nil && err != errReplaced { // another ring's role is as good: the path is what was asked for
			return nil, err
		}
	}
}

// errTurn ends a turn of standBy.
var errTurn = errors.New("time to look")

// whoWrites names the writer for people.
func whoWrites(at origin) string {
	info, err := at.inspect()
	if err != nil || info.Writer.PID == 0 {
		return "another process has the writer's role"
	}
	return fmt.Sprintf("%s (process %d on %s) has the writer's role", info.Writer.Program, info.Writer.PID, info.Writer.Host)
}

func (h *handle) sameAs(role *lock.Role) (bool, error) {
	locked, err := role.Info()
	if err != nil {
		return false, err
	}
	mine, err := h.file.Stat()
	return err == nil && os.SameFile(locked, mine), err
}

// attach makes the writer of a ring whose role is held: it is recovered if need be, and the place to go on is found.
func (w *Writer) attach(ctx context.Context, o WriterOptions) (err error) {
	defer w.settle(debug.SetPanicOnFault(true), "open writer", &err)
	now, err := w.admitted(o)
	if err != nil {
		return err
	}
	if w.life, err = lock.TryHold(w.file, writerByte); err != nil {
		return err
	}
	w.introduce()
	w.fenced = !futex.Register()
	if !w.fenced {
		w.fenceless.Store(1) // Z5: before startle wakes those who sleep long because it was 0
	}
	w.recovered, err = w.recover(ctx, now, o.repair != nil)
	if o.repair != nil {
		*o.repair = w.recovered
	}
	if err != nil {
		w.pid.Store(0)
		return err
	}
	w.tell(&w.recovered)
	if w.fenced {
		w.fenceless.Store(0) // Z6: of those who publish, only we are left
	}
	w.begins(mark{w.recovered.Published, w.recovered.Next}, o.repair != nil)
	if w.hdr.has(modeShared) && o.repair == nil {
		return w.share(ctx)
	}
	return nil
}

// admitted finds out whether the ring can be written to, and on what machine it is.
func (w *Writer) admitted(o WriterOptions) (identity, error) {
	if err := w.patience(o.EvictAfter); err != nil {
		return identity{}, err
	}
	if err := fillHoles(w.file, w.hdr.fileSize()); err != nil {
		return identity{}, err
	}
	if w.ended.Load() != 0 && !o.Reopen && o.repair == nil {
		return identity{}, fmt.Errorf("%w: its writer said that no more would come", ErrEnded)
	}
	return identify(w.file)
}

// begins fills in the private side of a writer that goes on at next. A ring that has ended goes on, too, unless ended is set.
func (w *Writer) begins(next mark, ended bool) {
	w.pub, w.pubSeq = next.position, next.sequence
	w.old = w.oldest.Load()
	w.learn()
	m, _ := w.scan()
	w.space = min(w.old, m) + w.capacity()
	w.configure()
	w.stats[statHeldSince].Store(0)
	w.abandon()
	w.teardown = w.leaveClean
	if !ended {
		w.ended.Store(0) // E0
	}
}

// configure takes over what the header says.
func (w *Writer) configure() {
	w.prefix = w.hdr.prefix()
	w.wakeAlways = w.hdr.has(modeWakeAlways)
	if w.hdr.has(modeTimestamps) {
		w.flags |= flagTime
	}
	if w.hdr.has(modeChecksums) {
		w.flags |= flagSum
	}
	w.plain = w.flags == 0 && !w.fenced && !w.wakeAlways
	w.word = headWord(0, kindData, w.flags, 0)
	w.full = fail("publish", w.path, ErrFull)
	w.ready = func() bool { return w.death.news.Load() || w.hasSpace() }
}

// introduce writes down who we are; nobody decides by it.
func (w *Writer) introduce() {
	host, _ := os.Hostname() // for people only: empty where it cannot be had
	clear(w.host)
	copy(w.host, host)
	clear(w.program)
	copy(w.program, filepath.Base(os.Args[0]))
	w.started.Store(uint64(time.Now().UnixNano()))
	w.pid.Store(uint64(os.Getpid()))
}
