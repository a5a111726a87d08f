package ring

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/mmring/mmring/internal/futex"
)

// ReaderOptions say how to read. The zero value is a reader that is forgotten when it closes or dies, from the oldest
// record on.
type ReaderOptions struct {
	// Name is shown to people and, for a durable reader, what its cursor is found by: 1 to 40 bytes of letters, digits and
	// ._:@+-
	Name string
	// Durable keeps the cursor when the reader closes or dies, and the writer waits for it all the while, or as long as the ring
	// lets it (Config.EvictAfter). It needs a name.
	Durable bool
	// From is where to start; zero: Next.
	From Start
	// ManualAck leaves consuming to AckTo.
	ManualAck bool
	// Tags are those of the records that are delivered; none: all records are. Others are passed over, and consumed with
	// what comes before them.
	Tags []uint16
	// Leases is how many records may be lent out at a time (Lease): 1 to 4096; 0 means 64.
	Leases int
	// WaitForRing waits until the file is there instead of answering fs.ErrNotExist.
	WaitForRing bool
	// Follow goes on with the ring that takes the path of this one, when this one was replaced, deleted or renamed, or has
	// ended: then there is no io.EOF, and no ErrLost but for a truncated file. Before that, everything that was published
	// here by the time the reader looks is read. There the records start at the oldest, or where the durable cursor of this
	// name stands, and their numbers at any; ReaderStats.Followed tells. Here a durable cursor stays where it was.
	Follow bool
	// Spin says how long a call that has to wait looks before it sleeps.
	Spin Spin
	// WarnAt is the share of the capacity, from 0 to 1, at which a reader that falls behind is warned: so much is published and
	// not consumed. The Logger is told, once until it has caught up by an eighth, and ReaderStats counts. 0: never. It costs a
	// look at published with every record, and at the context. Lease does not look.
	WarnAt float64
	// Memory says how the ring's memory is kept in this process; zero: as the kernel likes.
	Memory Memory
	// AllowOwner opens a ring that belongs neither to this user nor to root.
	AllowOwner bool
	// AllowFS opens a ring on a file system where mapped memory may not be coherent.
	AllowFS bool
	// Logger is told of what is not the hot path's; nil: nobody.
	Logger *slog.Logger

	of    *os.File // handed over
	fresh bool     // a durable cursor of that name must not be there yet
	known bool     // it must be there
}

// Reader is a registered reader: the writer waits for it, and it loses nothing. One goroutine at a time may use it; Close
// may come from any.
type Reader struct{ consumer }

// OpenReader registers a reader with the ring at path, which must be readable and writable.
//
// Errors: ErrNoSlot, ErrConfig, ErrBusy (the durable cursor is in use), ErrName, ErrNoTimes, ErrEvicted (meanwhile), ErrNotRing, ErrVersion, ErrCorrupt,
// ErrOwner, ErrFS, fs.ErrNotExist, fs.ErrPermission (Observe needs only to read), and the context's cause.
func OpenReader(ctx context.Context, path string, o ReaderOptions) (*Reader, error) {
	if o.Durable || o.Name != "" {
		if err := checkName(o.Name); err != nil {
			return nil, fail("open reader", path, err)
		}
	}
	for _, err := range []error{o.checkLeases(), checkWarnAt(o.WarnAt)} {
		if err != nil {
			return nil, fail("open reader", path, err)
		}
	}
	r, err := openReader(ctx, path, o)
	if err != nil {
		return nil, fail("open reader", path, err)
	}
	if o.Follow {
		o.From, o.WaitForRing = Next, false
		r.reopen = func(ctx context.Context) error {
			n, err := openReader(ctx, path, o)
			if err == nil {
				r.moveTo(&n.consumer)
			}
			return err
		}
	}
	return r, nil
}

func openReader(ctx context.Context, path string, o ReaderOptions) (*Reader, error) {
	h, err := openHandle(ctx, path, openOptions{of: o.of, write: true, wait: o.WaitForRing, allowOwner: o.AllowOwner, allowFS: o.AllowFS, log: o.Logger, spins: o.Spin, memory: o.Memory})
	if err != nil {
		return nil, err
	}
	r := &Reader{consumer{manual: o.ManualAck, leases: o.Leases, selected: selection{tags: newTagSet(o.Tags)}}}
	r.adopt(h)
	r.warnsAt(o.WarnAt)
	if err := r.attach(ctx, o); err != nil {
		_ = r.Close()
		return nil, err
	}
	return r, nil
}

// adopt makes h the consumer's handle.
func (c *consumer) adopt(h *handle) {
	c.handle = h
	c.look = c.looks
	c.every = min(h.stride(), windowSize)
	c.lookout = newLookout()
	c.own = make([]byte, windowSize)
	c.fenced = !futex.Register()
	c.wary = true
}

// attach registers the reader and goes to where it starts. Nothing from its cursor on is overwritten meanwhile, unless it
// is evicted.
func (r *Reader) attach(ctx context.Context, o ReaderOptions) (err error) {
	defer r.settle(debug.SetPanicOnFault(true), "open reader", &err)
	if err := r.enter(ctx, o); err != nil {
		return err
	}
	return r.goToStart(o.From)
}

// enter registers the reader. Its cursor stays where it is, until the reader is at its start.
func (r *Reader) enter(ctx context.Context, o ReaderOptions) error {
	if err := r.knows(o.From); err != nil {
		return err
	}
	i, life, known, err := registration{r.handle, o.Name, o.Durable, o.fresh, o.known}.register(ctx)
	if err != nil {
		return err
	}
	s := &r.slots[i]
	r.slot, r.life = s, life
	r.mine = slotState(s.word.Load()).as(stateActive) // who was dropped already finds that it differs
	r.teardown = r.leave
	r.wary = r.hdr.has(modeEvict)
	r.standAt(s.cursor.Load())
	if known && o.From != Next {
		if err := r.enterAtOldest(); err != nil {
			return err
		}
		r.standAt(s.cursor.Load())
	}
	r.pub = r.published.Load()
	return nil
}

// standAt notes where the cursor is, for a reader that is not at its start yet.
func (r *Reader) standAt(position uint64) { r.done.position, r.stored = position, position }

func (r *Reader) goToStart(from Start) error {
	low, high := r.stored, r.pub
	if high < low || high-low > r.capacity() || low%recordSize != 0 {
		if err := r.dismissed(); err != nil {
			return err
		}
		return corrupt("cursor %d, published %d, capacity %d", low, high, r.capacity())
	}
	start, err := r.locate(from, low, high)
	order(&r.fence)                         // V1
	if gone := r.dismissed(); gone != nil { // V2: what was looked at may be overwritten
		return gone
	}
	if err != nil {
		return err
	}
	r.place(from, start.mark, high)
	r.owe(from)
	r.stored = start.position
	r.slot.cursor.Store(start.position) // R2
	rouse(r.spaceWake)
	return nil
}

// leave is the reader's teardown: an ephemeral slot is freed, a durable one keeps its cursor.
func (r *Reader) leave() error {
	if r.lost == nil {
		r.guarded(func() {
			if st := slotState(r.slot.word.Load()); st.durable() && st.state() == stateEvicted {
				r.leaveEvicted()
				return
			}
			r.storeCursor()
			if st := slotState(r.slot.word.Load()); !st.durable() && st.generation() == r.mine.generation() {
				r.slot.word.Store(uint64(st &^ slotUse)) // S5: we hold the byte: nobody else can have freed it
				rouse(r.spaceWake)
			}
		})
	}
	return r.life.Close()
}

// Ack consumes the record delivered last, now, and stores the cursor: after a crash it does not come again.
func (r *Reader) Ack() error {
	return r.do("ack", func() error {
		if err := r.endLending(); err != nil {
			return err
		}
		r.done = mark{r.pos, r.expect}
		r.storeCursor()
		return r.dismissed()
	})
}

// AckTo consumes all records up to number seq, which must have been delivered, and stores the cursor. A number that was
// consumed before changes nothing.
func (r *Reader) AckTo(seq uint64) error {
	return r.do("ack", func() error {
		if err := r.endLending(); err != nil {
			return err
		}
		if r.expect == 0 || seq >= r.expect {
			return fmt.Errorf("%w: record %d has not been delivered, the last was %d", ErrMisuse, seq, max(r.expect, 1)-1)
		}
		from, err := r.done, error(nil)
		if from.sequence == 0 {
			from, err = r.first(from.position, r.pos)
		}
		if err == nil {
			from, err = r.walk(from, r.pos, func(_ uint64, h head) bool { return h.seq > seq })
		}
		order(&r.fence)                         // V1
		if gone := r.dismissed(); gone != nil { // V2: what was walked over may be overwritten
			return gone
		}
		if err != nil {
			return err
		}
		r.done = from
		r.storeCursor()
		return r.dismissed()
	})
}

// ObserverOptions say how to observe.
type ObserverOptions struct {
	// From is where to start; zero: the oldest record.
	From Start
	// SkipToNewest continues behind the newest record after an overrun; otherwise at the oldest.
	SkipToNewest bool
	// Tags are those of the records that are delivered; none: all records are.
	Tags []uint16
	// WaitForRing waits until the file is there instead of answering fs.ErrNotExist.
	WaitForRing bool
	// Follow goes on with the ring that takes the path of this one, as in ReaderOptions, at its oldest record.
	Follow bool
	// Spin says how long a call that has to wait looks before it sleeps.
	Spin Spin
	// WarnAt is that of ReaderOptions: an observer that falls behind so much is about to be overrun. The writer overwrites up to
	// two 64ths of the ring ahead of what it needs.
	WarnAt float64
	// Memory says how the ring's memory is kept in this process; zero: as the kernel likes.
	Memory Memory
	// AllowFS opens a ring on a file system where mapped memory may not be coherent.
	AllowFS bool
	// Logger is told of what is not the hot path's; nil: nobody.
	Logger *slog.Logger

	of *os.File // handed over
}

// Observer reads without being seen: it needs only permission to read, never holds the writer back, can be overrun, and is
// told exactly how many records it lost. Where it may write to the file (of its own user or root), the writer wakes it from a sleep as
// it wakes readers; elsewhere it looks by itself in intervals of up to 32 ms, unless the ring wakes always
// (Config.WakeAlways). One goroutine at a time may use it; Close may come from any.
type Observer struct{ consumer }

// Observe opens the ring at path for reading only. Errors are those of OpenReader.
func Observe(ctx context.Context, path string, o ObserverOptions) (*Observer, error) {
	if err := checkWarnAt(o.WarnAt); err != nil {
		return nil, fail("observe", path, err)
	}
	v, err := openObserver(ctx, path, o)
	if err != nil {
		return nil, fail("observe", path, err)
	}
	if o.Follow {
		o.From, o.WaitForRing = Oldest, false
		v.reopen = func(ctx context.Context) error {
			n, err := openObserver(ctx, path, o)
			if err == nil {
				v.moveTo(&n.consumer)
			}
			return err
		}
	}
	return v, nil
}

func openObserver(ctx context.Context, path string, o ObserverOptions) (*Observer, error) {
	h, err := openHandle(ctx, path, openOptions{of: o.of, attention: true, wait: o.WaitForRing, allowFS: o.AllowFS, log: o.Logger, spins: o.Spin, memory: o.Memory})
	if err != nil {
		return nil, err
	}
	v := &Observer{consumer{newest: o.SkipToNewest, selected: selection{tags: newTagSet(o.Tags)}}}
	v.adopt(h)
	v.warnsAt(o.WarnAt)
	if err := v.attach(o.From); err != nil {
		_ = v.Close()
		return nil, err
	}
	return v, nil
}

// attach goes to where the observer starts.
func (v *Observer) attach(from Start) (err error) {
	defer v.settle(debug.SetPanicOnFault(true), "observe", &err)
	if err := v.knows(from); err != nil {
		return err
	}
	return v.goTo(from)
}

// ReaderStats counts what one reader or observer has done since it was opened.
type ReaderStats struct {
	Records uint64 // delivered
	Bytes   uint64 // of their payloads
	Waits   uint64 // times it slept

	Warnings uint64 // times it fell behind (WarnAt)
	Followed uint64 // times it went on with another ring (Follow)
}

// Stats returns the reader's counts.
func (c *consumer) Stats() (s ReaderStats, err error) {
	err = c.do("stats", func() error {
		s = ReaderStats{Records: c.records, Bytes: c.bytes, Waits: c.waits, Warnings: c.warnings, Followed: c.followed}
		return nil
	})
	return s, err
}

// stamp is the time that people are shown.
func stamp(unixNano uint64) time.Time {
	if unixNano == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(unixNano))
}
