package ring

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mmring/mmring/internal/view"
)

// Numbers of docs/format.md that tests write into files.
const (
	HeaderSize    = headerSize
	OffVersion    = offVersion
	OffChecksum   = offChecksum
	OffIncompat   = offIncompat
	OffROCompat   = offROCompat
	OffCompat     = offCompat
	OffCapacity   = offCapacity
	OffCounters   = offCounters
	OffIndex      = offIndex
	OffSlots      = offSlots
	OffData       = offData
	OffFileSize   = offFileSize
	OffSlotCount  = offSlotCount
	OffSlotSize   = offSlotSize
	OffIndexCount = offIndexCount
	OffMode       = offMode
	OffHeaderSize = offHeaderSize
	ModeEvict     = modeEvict

	OffPublished   = offPublished
	OffStamp       = offStamp
	OffNextSeq     = offNextSeq
	OffOldest      = offOldest
	OffDataWake    = offDataWake
	OffMirror      = offMirror
	OffLease       = offLease
	OffSpaceWake   = offSpaceWake
	OffMutex       = offMutex
	OffMutexSeq    = offMutexSeq
	OffMutexPos    = offMutexPos
	OffClean       = offClean
	OffEnded       = offEnded
	OffEpoch       = offEpoch
	OffBootID      = offBootID
	OffDevice      = offDevice
	OffInode       = offInode
	OffFenceless   = offFenceless
	OffPID         = offPID
	OffHighWater   = offHighWater
	OffStats       = offStats
	IndexStart     = indexStart
	IndexEntries   = indexEntries
	SlotsStart     = slotsStart
	SlotSize       = slotSize
	SlotCursor     = slotCursor
	SlotSequence   = slotSequence
	StateEvicted   = stateEvicted
	FlagOwed       = flagOwed
	StatHeldSince  = int(statHeldSince)
	LeastLooks     = leastLooks
	SlotName       = slotName
	StateActive    = stateActive
	KindGroup      = kindGroup
	KindMember     = kindMember
	SlotGroup      = slotGroup
	ClaimStart     = slotClaimStart
	ClaimEnd       = slotClaimEnd
	StateFree      = stateFree
	StateCorrupt   = stateCorrupt
	StatRecoveries = int(statRecoveries)
	FlagDurable    = flagDurable
	KindPadding    = kindPadding
	KindData       = kindData
	RecordSize     = recordSize
	WriterByte     = writerByte
	RegistryByte   = registryByte
	LifeStart      = lifeStart

	Slack = deadCheck // how late a death is noticed
)

// DecodeHeader decodes a page and encodes what it found again.
func DecodeHeader(page []byte, fileSize int64) (again []byte, readOnly bool, err error) {
	h, readOnly, err := decodeHeader(page, fileSize)
	if err != nil {
		return nil, readOnly, err
	}
	return h.encode(), readOnly, nil
}

// HeaderSum is the checksum that a page should carry.
func HeaderSum(page []byte) uint32 { return headerSum(page) }

// ParseRecord parses a record header that stands at position in a ring of that capacity, with avail bytes published from
// there on, and encodes what it found again.
func ParseRecord(header []byte, position, avail, capacity uint64) (again []byte, whole uint64, ok bool) {
	m := memory{data: make([]byte, capacity), mask: capacity - 1}
	copy(m.data[position&m.mask:], header)
	h, ok := m.parse(position, avail)
	again = le.AppendUint64(nil, headWord(h.size, h.kind, h.flags, h.tag))
	return le.AppendUint64(again, h.seq), h.whole, ok
}

// WithoutTmpfile makes Create see a file system that knows no nameless files.
func WithoutTmpfile() (restore func()) {
	noTmpfile = true
	return func() { noTmpfile = false }
}

// ReleaseLate is Release by a goroutine that gives the record back, finds that something is to be done about it, and is
// stopped until finish is called; nil if there is nothing to be done.
func (l Lease) ReleaseLate() (finish func() error) {
	if l.r.lent.giveBack(l.n) && l.r.lent.due() {
		return l.r.collect
	}
	return nil
}

// Space is what the writer knows: everything below is published, and the fast path may write up to lim.
func (w *Writer) Space() (pub, lim uint64) { return w.pub, w.lim }

// Heap puts the rings that are opened until restore is called on the heap, one for all handles of a file, where the race
// detector sees every access.
func Heap() (restore func()) {
	var mu sync.Mutex
	rings := map[[16]byte][2][]byte{}
	was := lay
	lay = func(h *header, control, data []byte) *memory {
		mu.Lock()
		defer mu.Unlock()
		r, ok := rings[h.uuid]
		if !ok {
			r = [2][]byte{view.Aligned(len(control)), view.Aligned(len(data))}
			copy(r[0], control)
			copy(r[1], data)
			rings[h.uuid] = r
		}
		return newMemory(h, r[0], r[1])
	}
	wasBell := layBell
	layBell = func(m *memory, _ []byte) *atomic.Uint32 { return m.dataWake }
	return func() { lay, layBell = was, wasBell }
}

// Owned returns the ring's own bytes of the record delivered last, which belong to the reader until its next call. The
// race detector sees who reads them.
func (r *Reader) Owned(n int) []byte {
	end := r.pos & r.mask
	if end == 0 {
		end = r.capacity()
	}
	payload := align16(uint64(n + r.hdr.prefix()))
	start := end - payload + uint64(r.hdr.prefix())
	return r.data[start : start+uint64(n)]
}

// Claiming makes the next claim one of n records.
func (m *Member) Claiming(n int) { m.most, m.begun = n, time.Time{} }

// Look looks whether the file is still there, as waits do.
func (h *handle) Look() error { return h.stillAtPath() }

// File is the handle's descriptor.
func (h *handle) File() *os.File { return h.file }

// WatchAtOnce has a writer that waits for a reader watch the reader's process from the start, until restore is called.
func WatchAtOnce() (restore func()) {
	was := watchAfter
	watchAfter = 0
	return func() { watchAfter = was }
}

// Silence makes v an observer that may not write to the file.
func Silence(v *Observer) {
	if v.attention != nil {
		_ = v.attention.Close()
	}
	v.attention, v.bell = nil, nil
}

// Guests is how many goroutines of this process sleep in a lodge, without a thread.
func Guests() (n int) {
	lodges.Lock()
	defer lodges.Unlock()
	for _, at := range lodges.at {
		for _, l := range []*lodge{&at.data, &at.space} {
			l.mu.Lock()
			for g := l.first; g != nil; {
				n++
				if g = g.next; g == l.first {
					break
				}
			}
			l.mu.Unlock()
		}
	}
	return n
}

// Lodgings is how many rings of this process are open.
func Lodgings() int {
	lodges.Lock()
	defer lodges.Unlock()
	return len(lodges.at)
}

// WithoutTimeouts makes sleeps so long that nothing but a wake-up ends them, until restore is called.
func WithoutTimeouts() (restore func()) {
	was := longestSleep
	longestSleep = 1000 * time.Hour
	return func() { longestSleep = was }
}

// LooksOf is how often a wait with that spin looks before it sleeps, once it has begun to pause between its looks.
func LooksOf(s Spin) (n int) {
	h := handle{spins: s}
	h.spin(func() bool { n++; return false })
	return n
}

// Lookout is a lookout to be asked by tests.
type Lookout struct{ l lookout }

// NewLookout returns one as a new reader has it.
func NewLookout() *Lookout { return &Lookout{newLookout()} }

// Next says what the last look brought and whether it found nothing at first, and returns how long to wait now.
func (l *Lookout) Next(brought int, empty bool) int {
	l.l.empty = empty
	return l.l.next(uint64(brought), false)
}

// Alone is how many looks in a row brought one record.
func (l *Lookout) Alone() int { return l.l.alone }

// OnFlush tells f what has been written to the disk, until restore is called.
func OnFlush(f func(path string, off int64, n int)) (restore func()) {
	was := flushed
	flushed = f
	return func() { flushed = was }
}

// Haste makes every look at who holds a writer back come so much later than the one before, until restore is called.
func Haste(between time.Duration) (restore func()) {
	var looks atomic.Int64
	start := time.Now()
	clock = func() time.Time { return start.Add(time.Duration(looks.Add(1)) * between) }
	return func() { clock = time.Now }
}

// EvictAt evicts the reader of a slot as a writer does that found it at cursor, and reports whether it was evicted.
func (w *Writer) EvictAt(slot int, cursor uint64) bool {
	return w.evict(holder{slot, slotState(w.slots[slot].word.Load())}, cursor)
}

// OpenReaderLate is OpenReader by a process that registers, is stopped until stopped returns, and then goes to its start.
func OpenReaderLate(path string, o ReaderOptions, stopped func()) (*Reader, error) {
	ctx := context.Background()
	h, err := openHandle(ctx, path, openOptions{write: true})
	if err != nil {
		return nil, err
	}
	r := &Reader{}
	r.adopt(h)
	if err = r.enter(ctx, o); err == nil {
		stopped()
		err = r.goToStart(o.From)
	}
	if err != nil {
		_ = r.Close()
		return nil, err
	}
	return r, nil
}
