package ring

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// GroupOptions say how to be a member of a group. The zero value takes one record at a time: asking for the next one says
// that the one before is done.
type GroupOptions struct {
	// From is where the group starts if it is not there yet; zero: Oldest. What is not published yet (Seq, At) counts as Newest.
	// A group that is there goes on where it stands.
	From Start
	// Window is how many records this member may have at a time that are not done. Above 1, only Work.Done says so, in any
	// order and from any goroutine; below 2, asking for the next record or batch does, too. At most 4096.
	//
	// A member has up to 8 claims at a time, each in a slot of its own. When each of them, or of as many as there are slots for,
	// has a record that is not done, the last one becomes longer, unless another member has claimed what follows it, or it has
	// had 4096 records: then ErrWindow comes with less out.
	Window int
	// WaitForRing waits until the file is there instead of answering fs.ErrNotExist.
	WaitForRing bool
	// Spin says how long a call that has to wait looks before it sleeps.
	Spin Spin
	// AllowOwner opens a ring that belongs neither to this user nor to root.
	AllowOwner bool
	// AllowFS opens a ring on a file system where mapped memory may not be coherent.
	AllowFS bool
	// Logger is told of what is not the hot path's; nil: nobody.
	Logger *slog.Logger

	of *os.File // handed over; nil: the path leads to it
}

// maxWindow bounds what a member remembers.
const maxWindow = 4096

// Member is one of the processes that share a group's work. One goroutine at a time may use it; Close may come from any, and
// with a Window above 1 Work.Done too.
type Member struct {
	*handle
	group  int            // its slot
	cursor *atomic.Uint64 // what lies before it has been given out
	whole  slotState      // the group's word while all is well
	window int

	mu   sync.Mutex // with a window above 1: of what is in the holds, since other goroutines say what is done
	gone bool       // there is no memory any more
	out  int        // records given that are not done

	holds []*hold // slots that this member has: its own, the first for ever, and those of others that it finishes
	at    *hold   // whose records come next; nil: none's

	pub      uint64    // published, as last seen
	most     int       // records that the next claim may have: what takes about workTime
	begun    time.Time // when the last claim was made; zero: that has been judged
	size     int       // and how many records it had
	wanted   int       // and how many it might have had
	searched time.Time // when the claims of the dead were last looked for
	asked    int       // and at which slot to go on with it; 0: behind our own

	lookout lookout
	seen    uint64 // records delivered when it was last asked

	fenced bool // stores have a full fence: the kernel has no membarrier that would make up for it
	stats  MemberStats
	batch  []Work
	broken bool  // a loop was left: what it had and is not done comes again
	err    error // why Records or Batches ended
	death  deathWatch
	ready  func() bool // what a wait looks at
	look   func() bool
	fence  atomic.Uint32
}

// Work is a record that a group has given to a member.
type Work struct {
	// Record is as a Reader gets it. Payload is valid until the member's next call, and with a Window above 1 until Done.
	Record
	// Delivery is 1 if no other member had the record before. Else one that died or left had it, or was about to; whether it did
	// what was to be done nobody knows, unless it said that it was done, but not of one before it. That has happened Delivery - 1
	// times at most.
	Delivery int

	hold   *hold
	serial uint32 // of the hold's claims
	index  int    // of the claim's records
}

// MemberStats counts what one member has done since it joined.
type MemberStats struct {
	Records uint64 // delivered
	Bytes   uint64 // of their payloads
	Again   uint64 // of the records, those with a Delivery above 1
	Claims  uint64 // made
	Rescued uint64 // claims taken over, from members who died or left
	Damaged uint64 // records passed over: their checksums were wrong
	Waits   uint64 // times it slept
}

// JoinGroup makes this process a member of the group of that name, and makes the group if it is not there. Each record of the
// ring goes to one member; when that dies or leaves before the record is done, to another. The group's cursor is durable: the
// writer waits for what is not done also while the group has no members. RemoveReader removes a group.
//
// A member takes as many records at a time as it did in the last millisecond, up to 16 KiB together: those that work slowly
// do not take what others could do.
//
// Errors: ErrName (it is that of a reader), ErrBusy (an ephemeral reader of that name is attached, or members of a group that
// was removed are), ErrNoSlot (a member takes a slot, a group another one), ErrConfig, and those of OpenReader.
func JoinGroup(ctx context.Context, path, name string, o GroupOptions) (*Member, error) {
	m, err := joinGroup(ctx, path, name, o)
	return m, fail("join group", path, err)
}

func joinGroup(ctx context.Context, path, name string, o GroupOptions) (*Member, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if o.Window < 0 || o.Window > maxWindow {
		return nil, fmt.Errorf("%w: window of %d records: must be 0 to %d", ErrConfig, o.Window, maxWindow)
	}
	h, err := openHandle(ctx, path, openOptions{write: true, wait: o.WaitForRing, allowOwner: o.AllowOwner, allowFS: o.AllowFS, log: o.Logger, spins: o.Spin, of: o.of})
	if err != nil {
		return nil, err
	}
	m := newMember(h, max(o.Window, 1))
	if err := m.join(ctx, name, o.From); err != nil {
		_ = m.Close()
		return nil, err
	}
	return m, nil
}

// Next waits for a record that nobody has done or is doing, and returns it. With a Window below 2 it says that the record
// delivered before is done. At the ring's end it waits for the other members: io.EOF comes when all that others were given is
// done, and until then the claims of those who die or leave come here. With a Window above 1, what this member has itself may
// still be out then; and while both it and another have something that is not done, it does not wait, but answers ErrWindow:
// say Done, and ask again.
//
// A record whose checksum is wrong is reported once, with its number (Seq) and ErrCorrupt, and counts as done: the next call
// goes on behind it. That is so in loops, too: Err tells, and another loop goes on.
//
// Errors: io.EOF, ErrWindow (no other record can come before one of this member's is done), the context's cause, ErrCorrupt,
// ErrEvicted (the group was removed), ErrLost, ErrMisuse, os.ErrClosed. The context is looked at when Next waits and once
// in 256 calls.
func (m *Member) Next(ctx context.Context) (w Work, err error) {
	if err := m.begin(); err != nil {
		return Work{}, fail("read", m.path, err)
	}
	running := true
	defer func() {
		if running {
			err = m.rescued("read", recover())
		}
	}()
	err = m.step(ctx, &w, maxClaimed)
	running = false
	return w, m.exit("read", err)
}

// step says that what was delivered is done, unless that is left to Done, and delivers the next record. Up to most are
// wanted.
func (m *Member) step(ctx context.Context, w *Work, most int) error {
	if m.window == 1 {
		if m.at != nil && m.broken {
			m.at.rewind()
		} else if m.at != nil {
			m.at.allDone()
		}
		m.broken = false
	} else if left := m.left(); left > 0 {
		most = min(most, left)
	} else {
		return fmt.Errorf("%w: %d records are not done", ErrWindow, m.window)
	}
	if err := m.due(ctx); err != nil {
		return err
	}
	for {
		if m.at != nil {
			if ok, err := m.at.give(w, true); ok || err != nil {
				return err
			}
			m.at.spent()
			m.at = nil
		}
		if err := m.obtain(ctx, most); err != nil {
			return err
		}
	}
}

// left is how many records more may be out.
func (m *Member) left() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.window - m.out
}

// Done says that the record is done: it does not come again, unless this member dies or leaves before it has said so of what it
// took before that one together with it: what is done out of order is remembered here alone. With a Window below 2 it is a call
// of the member, which the next one makes unnecessary. A record that is done, by Done or by the next call, or that was not
// delivered: ErrMisuse. After Close: os.ErrClosed, and the record goes to another member.
func (w Work) Done() error {
	if w.hold == nil {
		return fmt.Errorf("%w: no group has given this record out", ErrMisuse)
	}
	m := w.hold.m
	if m.window == 1 {
		return m.do("done", w.done)
	}
	return fail("done", m.path, m.doneElsewhere(w))
}

// doneElsewhere is Done from any goroutine, while the member's own may be in a call.
func (m *Member) doneElsewhere(w Work) (err error) {
	armed := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(armed)
		if r := recover(); r != nil {
			err = m.swept(r) // the next call of the member finds out too
		}
	}()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gone {
		return os.ErrClosed
	}
	return w.done()
}

// Stats returns the member's counts.
func (m *Member) Stats() (s MemberStats, err error) {
	err = m.do("stats", func() error {
		s = m.stats
		return nil
	})
	return s, err
}

// resign is the member's teardown. What is not done stays in its slots, for the others.
func (m *Member) resign() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gone = true
	var first error
	for _, h := range m.holds {
		if m.lost == nil {
			m.guarded(h.giveBack)
		}
		if err := h.life.Close(); first == nil {
			first = err
		}
	}
	if m.lost == nil {
		m.guarded(func() { rouse(m.dataWake) }) // the others look for it
	}
	return first
}
