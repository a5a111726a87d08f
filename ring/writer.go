package ring

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/mmring/mmring/internal/release"
	"github.com/mmring/mmring/lock"
)

// Writer publishes records. One goroutine at a time may use it; Close may come from any.
//
// Positions, all private to the writer: pub <= pos <= lim <= space. What lies between pub and pos is written and not yet
// published; up to lim the fast path may write without another look at anything shared.
type Writer struct {
	*handle
	near
	role  *lock.Role
	life  *lock.Life // the writer byte
	mutex *mutex     // of a shared writer; nil: this one is alone

	pub    uint64 // published
	pubSeq uint64 // number of the record that starts at pub
	start  uint64 // of the record sealed last
	pos    uint64 // where the next record starts
	seq    uint64 // its number
	lim    uint64 // the smaller of space and the next stride
	space  uint64 // L: up to here nobody reads
	old    uint64 // oldest

	starts [indexEntries]uint64 // positions where records start, as in the index; 0: none known

	prefix     int // bytes before a payload
	flags      uint8
	word       uint64 // first word of a record's header, without size and tag
	fenced     bool   // publications have a full fence: the kernel has no membarrier that would make up for it
	wakeAlways bool
	plain      bool        // records have no time and no checksum, publications neither a fence nor a wake-up of their own
	over       bool        // End was called
	bytes      uint64      // payload bytes published since they were last added to the statistics
	want       uint64      // what hasSpace looks for
	reaped     time.Time   // when TryPublish last looked for dead readers
	full       error       // ErrFull, wrapped once
	busy       error       // the answer of a shared writer that does not wait for another, wrapped once
	ready      func() bool // what a wait for space looks at
	death      deathWatch
	back       heldBack
	claim      Claim
	claims     Claims
	recovered  Recovery
	synced     bool   // Sync was called: what overwrites records waits for the disk
	told       uint64 // oldest, as far as the disk has been told
}

// near is what the hot path touches of the ring, without the steps through handle and memory.
type near struct {
	data      []byte
	mask      uint64
	published *atomic.Uint64
	dataWake  *atomic.Uint32
	asked     *atomic.Uint64 // position up to which records are mirrored: the lease, or a word of our own that says always or never
}

func (m *memory) near(mirrors Mirror) near {
	n := near{m.data, m.mask, m.published, m.dataWake, m.lease}
	if mirrors != MirrorAuto {
		n.asked = new(atomic.Uint64)
	}
	if mirrors == MirrorAlways {
		n.asked.Store(maxPosition)
	}
	return n
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
	if w.mutex != nil {
		return w.publishShared(ctx, tag, payload)
	}
	if err := w.begin(); err != nil {
		return 0, fail("publish", w.path, err)
	}
	running := true
	defer func() {
		if running {
			err = w.rescued("publish", recover())
		}
	}()
	if err = w.due(ctx); err == nil && !w.quick(tag, payload) {
		err = w.put(ctx, tag, payload)
	}
	if err == nil {
		seq = w.seq - 1
	}
	running = false
	return seq, w.exit("publish", err)
}

// TryPublish is Publish that answers ErrFull instead of waiting, and in a ring of shared writers ErrBusy instead of
// waiting for another one that is just publishing.
func (w *Writer) TryPublish(payload []byte) (uint64, error) { return w.TryPublishTagged(0, payload) }

// TryPublishTagged is PublishTagged that answers as TryPublish does instead of waiting.
func (w *Writer) TryPublishTagged(tag uint16, payload []byte) (seq uint64, err error) {
	if w.mutex != nil {
		return w.publishShared(nil, tag, payload)
	}
	if err := w.begin(); err != nil {
		return 0, fail("publish", w.path, err)
	}
	running := true
	defer func() {
		if running {
			err = w.rescued("publish", recover())
		}
	}()
	if !w.quick(tag, payload) {
		err = w.put(nil, tag, payload)
	}
	if err == nil {
		seq = w.seq - 1
	}
	running = false
	return seq, w.exit("publish", err)
}

// quick is put for a record that has nothing special about it, for which there is room. It returns false if there is
// something special, and has done nothing then.
func (w *Writer) quick(tag uint16, payload []byte) bool {
	size := recordSize + uint64(len(payload))
	whole := align16(size)
	if !w.plain || whole > w.lim-w.pos {
		return false
	}
	start := w.pos
	at, end := start&w.mask, start+whole
	rec := w.data[at : at+size]
	head := (*[recordSize]byte)(rec)
	le.PutUint64(head[0:8], w.word|size|uint64(tag)<<48)
	le.PutUint64(head[8:16], w.seq)
	copy(rec[recordSize:], payload)
	w.seq++
	if w.mutex != nil {
		w.foretell(end, w.seq)
	}
	w.pos, w.pub, w.pubSeq = end, end, w.seq
	w.bytes += uint64(len(payload))
	if whole <= mirrorSize && w.asked.Load() > start {
		release.Mirror(w.published, &rec[0], end, int(whole)) // M1, W4
	} else {
		release.Store(w.published, end) // W4: the fence between it and W5 is the sleeper's
	}
	if w.dataWake.Load()&asleep != 0 { // W5
		w.wakeReaders()
	}
	return true
}

// put writes one record and publishes it.
func (w *Writer) put(ctx context.Context, tag uint16, payload []byte) error {
	err := w.write(ctx, tag, payload)
	if err == nil {
		w.publish(true)
	}
	return err
}

// PublishBatch publishes payloads in order, with one store for all of them: readers see none or all. A batch of more than
// half the capacity is published in several parts, and so is one that has to wait. It returns how many were published;
// with an error, the first n.
func (w *Writer) PublishBatch(ctx context.Context, payloads [][]byte) (n int, err error) {
	if err := w.begin(); err != nil {
		return 0, fail("publish", w.path, err)
	}
	running := true
	defer func() {
		if running {
			err = w.rescued("publish", recover())
		}
	}()
	if err = w.due(ctx); err == nil {
		put := w.putAll
		if w.mutex != nil {
			put = w.putAllShared
		}
		n, err = put(ctx, payloads)
	}
	running = false
	return n, w.exit("publish", err)
}

// putAll writes payloads and publishes them, and returns how many.
func (w *Writer) putAll(ctx context.Context, payloads [][]byte) (int, error) {
	first := w.seq
	for n := 0; n < len(payloads); {
		if err := w.write(ctx, 0, payloads[n]); err != nil {
			w.publish(false)
			return int(w.seq - first), err
		}
		n++
		n += w.pack(payloads[n:])
		if w.pos-w.pub > w.capacity()/2 {
			w.publish(false)
		}
	}
	w.publish(false)
	return len(payloads), nil
}

// pack is write for as many payloads as fit below lim, and returns how many.
func (w *Writer) pack(payloads [][]byte) (n int) {
	if w.flags != 0 {
		return 0
	}
	data, mask, pos, bytes := w.data, w.mask, w.pos, 0
	for _, p := range payloads {
		size := recordSize + uint64(len(p))
		if align16(size) > w.lim-pos {
			break
		}
		at := pos & mask
		head := (*[recordSize]byte)(data[at:])
		le.PutUint64(head[0:8], w.word|size)
		le.PutUint64(head[8:16], w.seq+uint64(n))
		pos += align16(size)
		n++
		bytes += len(p)
		copy(data[at+recordSize:at+size], p)
	}
	w.pos, w.seq, w.bytes = pos, w.seq+uint64(n), w.bytes+uint64(bytes)
	return n
}

// write writes one record at pos. Nobody sees it yet.
func (w *Writer) write(ctx context.Context, tag uint16, payload []byte) error {
	size := uint64(w.prefix) + uint64(len(payload))
	if align16(size) > w.lim-w.pos {
		if err := w.room(ctx, size); err != nil {
			return err
		}
	}
	at := w.pos & w.mask
	w.seal(at, size, tag)
	w.bytes += uint64(len(payload))
	if w.flags == 0 {
		copy(w.data[at+recordSize:at+size], payload)
		return nil
	}
	rec := w.data[at : at+size]
	copy(rec[w.prefix:], payload)
	w.decorate(rec)
	return nil
}

// seal writes the header of a record of size bytes, which starts at pos, offset at of the region, and moves pos behind
// it. It is small enough to be inlined.
func (w *Writer) seal(at, size uint64, tag uint16) {
	head := (*[recordSize]byte)(w.data[at:])
	le.PutUint64(head[0:8], w.word|size|uint64(tag)<<48)
	le.PutUint64(head[8:16], w.seq)
	w.start = w.pos
	w.pos += align16(size)
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

// publish makes everything up to pos readable, by one store, and wakes who sleeps. A record that is published alone is
// also copied beside published, while a reader asks for it. (Padding before it is not.)
//
//	M1 the stamp, before the first byte of the copy: who has seen a byte of it sees, in M2, that it is not the old one
//	W4 published, after the last byte
func (w *Writer) publish(alone bool) {
	end, start := w.pos, w.start
	if end == w.pub {
		return
	}
	mirror := alone && end-start <= mirrorSize && w.asked.Load() > w.pub
	w.pub, w.pubSeq = end, w.seq
	if mirror {
		release.Mirror(w.published, &w.data[start&w.mask], end, int(end-start)) // M1, W4
	} else {
		release.Store(w.published, end) // W4: the fence between it and W5 is the sleeper's
	}
	if w.fenced {
		w.published.Store(end) // W4, unless the kernel has no such fence
	}
	if w.dataWake.Load()&asleep != 0 || w.wakeAlways { // W5
		w.wakeReaders()
	}
}

func (w *Writer) wakeReaders() {
	switch {
	case w.wakeAlways:
		alarm(w.dataWake)
	case rouse(w.dataWake):
		w.add(statWakes, 1)
	default:
		return
	}
	_ = w.glance() // the record is published; the next call answers it
}

// End says that no record will come: readers that have read everything get io.EOF, this writer's next Publish and later
// writers ErrEnded.
func (w *Writer) End() error {
	return w.do("end", func() error {
		if w.mutex != nil {
			return w.endShared()
		}
		w.over = true
		w.abandon() // the next record comes to room, which refuses it
		w.finishStream()
		return nil
	})
}

func (w *Writer) finishStream() {
	w.ended.Store(1) // E1: after the last W4
	alarm(w.dataWake)
}

// Stats returns the ring's statistics, this writer's own up to the last call.
func (w *Writer) Stats() (s Stats, err error) {
	err = w.do("stats", func() error {
		w.flushStats()
		s = w.loadStats(w.nextNumber())
		return nil
	})
	return s, err
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
			w.getsOn()
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
