package ring

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/mmring/mmring/lock"
)

// Writer publishes records. One goroutine at a time may use it; Close may come from any.
//
// Positions, all private to the writer: pub <= pos <= lim <= space. What lies between pub and pos is written and not yet
// published; up to lim the fast path may write without another look at anything shared.
type Writer struct {
	*handle
	role *lock.Role
	life *lock.Life // the writer byte

	pub    uint64 // published
	pubSeq uint64 // number of the record that starts at pub
	pos    uint64 // where the next record starts
	seq    uint64 // its number
	lim    uint64 // the smaller of space and the next stride
	space  uint64 // L: up to here nobody reads
	old    uint64 // oldest

	prefix     int // bytes before a payload
	flags      uint8
	wakeAlways bool
	over       bool      // End was called
	bytes      uint64    // payload bytes published since they were last added to the statistics
	want       uint64    // what hasSpace looks for
	reaped     time.Time // when TryPublish last looked for dead readers
	full       error     // ErrFull, wrapped once
	ready      func() bool
	claim      Claim
	recovered  Recovery
}

// Publish copies payload into the ring, publishes it as one record and returns its number. It waits only while a
// registered reader holds the writer back. A payload may be empty and has at most MaxPayload bytes.
//
// Errors: ErrTooLarge, ErrClaimed, ErrEnded, ErrLost, ErrMisuse, os.ErrClosed, and the context's cause, which means: not published.
// The context is looked at when Publish waits and once in 256 calls.
func (w *Writer) Publish(ctx context.Context, payload []byte) (uint64, error) {
	return w.PublishTagged(ctx, 0, payload)
}

// PublishTagged is Publish for a record with a tag, a number that readers may select records by.
func (w *Writer) PublishTagged(ctx context.Context, tag uint16, payload []byte) (seq uint64, err error) {
	if err := w.begin(); err != nil {
		return 0, fail("publish", w.path, err)
	}
	defer w.finish()
	defer w.settle(debug.SetPanicOnFault(true), "publish", &err)
	if err := w.due(ctx); err != nil {
		return 0, err
	}
	return w.put(ctx, tag, payload)
}

// TryPublish is Publish that answers ErrFull instead of waiting.
func (w *Writer) TryPublish(payload []byte) (uint64, error) { return w.TryPublishTagged(0, payload) }

// TryPublishTagged is PublishTagged that answers ErrFull instead of waiting.
func (w *Writer) TryPublishTagged(tag uint16, payload []byte) (seq uint64, err error) {
	if err := w.begin(); err != nil {
		return 0, fail("publish", w.path, err)
	}
	defer w.finish()
	defer w.settle(debug.SetPanicOnFault(true), "publish", &err)
	return w.put(nil, tag, payload)
}

// PublishBatch publishes payloads in order, with one store for all of them: readers see none or all. A batch of more than
// half the capacity is published in several parts, and so is one that has to wait. It returns how many were published;
// with an error, the first n.
func (w *Writer) PublishBatch(ctx context.Context, payloads [][]byte) (n int, err error) {
	if err := w.begin(); err != nil {
		return 0, fail("publish", w.path, err)
	}
	defer w.finish()
	defer w.settle(debug.SetPanicOnFault(true), "publish", &err)
	if err := w.due(ctx); err != nil {
		return 0, err
	}
	first := w.seq
	for _, p := range payloads {
		rec, err := w.reserve(ctx, len(p))
		if err != nil {
			w.publish()
			return int(w.seq - first), err
		}
		copy(rec[w.prefix:], p)
		w.seal(rec, 0)
		if w.pos-w.pub > w.capacity()/2 {
			w.publish()
		}
	}
	w.publish()
	return len(payloads), nil
}

// put writes one record and publishes it. A nil context means: do not wait.
func (w *Writer) put(ctx context.Context, tag uint16, payload []byte) (uint64, error) {
	rec, err := w.reserve(ctx, len(payload))
	if err != nil {
		return 0, err
	}
	copy(rec[w.prefix:], payload)
	w.seal(rec, tag)
	w.publish()
	return w.seq - 1, nil
}

// reserve returns the bytes at pos for a record with n bytes of payload.
func (w *Writer) reserve(ctx context.Context, n int) ([]byte, error) {
	size := uint64(w.prefix) + uint64(n)
	if whole := align16(size); whole > w.lim-w.pos {
		if err := w.room(ctx, size); err != nil {
			return nil, err
		}
	}
	off := w.pos & w.mask
	return w.data[off : off+size : off+size], nil
}

// seal completes the record in rec, which starts at pos, and moves pos behind it. Nobody sees it yet.
func (w *Writer) seal(rec []byte, tag uint16) {
	le.PutUint64(rec[0:8], headWord(uint32(len(rec)), kindData, w.flags, tag))
	le.PutUint64(rec[8:16], w.seq)
	if w.flags != 0 {
		w.decorate(rec)
	}
	w.bytes += uint64(len(rec) - w.prefix)
	w.pos += align16(uint64(len(rec)))
	w.seq++
}

// decorate fills in what the ring's mode adds to a record: its time, its checksum.
func (w *Writer) decorate(rec []byte) {
	if w.flags&flagTime != 0 {
		le.PutUint64(rec[recordSize:], uint64(time.Now().UnixNano()))
	}
	if w.flags&flagSum != 0 {
		le.PutUint64(rec[w.prefix-sumSize:], uint64(sum(rec[:w.prefix], rec[w.prefix:])))
	}
}

// publish makes everything up to pos readable, by one store, and wakes who sleeps.
func (w *Writer) publish() {
	if w.pos == w.pub {
		return
	}
	w.pub, w.pubSeq = w.pos, w.seq
	w.published.Store(w.pos)                           // W4
	if w.dataWake.Load()&asleep != 0 || w.wakeAlways { // W5
		w.wakeReaders()
	}
}

func (w *Writer) wakeReaders() {
	if w.wakeAlways {
		alarm(w.dataWake)
		return
	}
	if rouse(w.dataWake) {
		w.add(statWakes, 1)
	}
}

// End says that no record will come: readers that have read everything get io.EOF, this writer's next Publish and later
// writers ErrEnded.
func (w *Writer) End() (err error) {
	if err := w.begin(); err != nil {
		return fail("end", w.path, err)
	}
	defer w.finish()
	defer w.settle(debug.SetPanicOnFault(true), "end", &err)
	w.over = true
	w.abandon()      // the next record comes to room, which refuses it
	w.ended.Store(1) // E1: after the last W4
	alarm(w.dataWake)
	return nil
}

// Sync returns when everything published is on the disk, for rings that are on one.
func (w *Writer) Sync() (err error) {
	if err := w.begin(); err != nil {
		return fail("sync", w.path, err)
	}
	defer w.finish()
	defer w.settle(debug.SetPanicOnFault(true), "sync", &err)
	if err := w.region.Flush(); err != nil {
		return err
	}
	return w.control.Flush()
}

// Stats returns the ring's statistics, this writer's own up to the last call.
func (w *Writer) Stats() (s Stats, err error) {
	if err := w.begin(); err != nil {
		return Stats{}, fail("stats", w.path, err)
	}
	defer w.finish()
	defer w.settle(debug.SetPanicOnFault(true), "stats", &err)
	w.flushStats()
	return w.loadStats(w.pubSeq), nil
}

func (w *Writer) flushStats() {
	if w.bytes > 0 {
		w.add(statBytes, w.bytes)
		w.bytes = 0
	}
}

// leaveClean is the writer's teardown: what it knows goes into the file, which is then clean, and the role is given back.
func (w *Writer) leaveClean() error {
	if w.lost == nil {
		w.guarded(func() {
			w.flushStats()
			w.nextSeq.Store(w.pubSeq) // N1
			w.pid.Store(0)
			w.clean.Store(1) // N2: after everything else
		})
	}
	err := w.life.Close()
	if e := w.role.Close(); err == nil {
		err = e
	}
	return err
}

// tooLarge says by how much.
func (w *Writer) tooLarge(size uint64) error {
	return fmt.Errorf("%w: payload of %d bytes, at most %d in a ring of %d", ErrTooLarge, size-uint64(w.prefix), w.MaxPayload(), w.capacity())
}

// dropped tells of a slot that was taken out of the count.
func (w *Writer) dropped(i int, why string, args ...any) {
	w.event(slog.LevelWarn, why, append([]any{"slot", i, "name", text(w.slots[i].name)}, args...)...)
}
