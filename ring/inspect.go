package ring

import (
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/mmring/mmring/lock"
)

// Info is everything there is to see of a ring from outside. Counters of a running ring are of slightly different
// moments.
type Info struct {
	Path        string
	UUID        string
	Format      int
	Created     time.Time
	ContentType string
	Description string

	FileSize   int64 // bytes, header and all
	Capacity   int64 // bytes of the data region
	DataOffset int64
	Slots      int
	MaxPayload int

	Shared     bool
	MayEvict   bool
	EvictAfter time.Duration // how long a reader may hold the writer back in a ring where it may be evicted
	Timestamps bool
	Checksums  bool
	WakeAlways bool

	Published uint64 // position
	Oldest    uint64 // position
	FirstSeq  uint64 // number of the oldest record that is there; 0 if none is
	NextSeq   uint64 // number that the next record will have; 0 if it cannot be told
	Ended     bool
	Clean     bool // the last writer closed
	Epoch     uint64

	Writer  WriterInfo
	Writers []WriterInfo // of a ring of shared writers: all that have a slot; Writer is then the last one that came
	Readers []ReaderInfo
	Groups  []GroupInfo
	Stats   Stats

	HeldBack *HeldBack // a living writer finds no space, and why; nil: none does
}

// WriterInfo is who writes, or wrote last.
type WriterInfo struct {
	Alive   bool
	PID     int
	Host    string
	Program string
	Since   time.Time

	Slot   int  // of a shared writer
	Mutex  bool // a shared writer is just publishing, or was when it was stopped or killed
	Waited bool // and others wait for it
}

// ReaderInfo is a slot in use.
type ReaderInfo struct {
	Slot    int
	Name    string
	Durable bool
	State   string // "active", "claimed", "evicted" or "corrupt"
	Alive   bool   // a process holds the slot
	PID     int    // of the process that holds or held it
	Since   time.Time

	Cursor     uint64 // position
	Seq        uint64 // number of the next record it will consume, or would if it had not been evicted; 0 if it cannot be told
	Lost       uint64 // records from Seq on that are overwritten by now: of a reader that was evicted, or is to be told so
	LagBytes   uint64 // published, not yet consumed
	LagRecords uint64
	Records    uint64 // consumed since it was opened, as of its last store of the cursor
	Bytes      uint64
	Waits      uint64
	HoldsBack  bool // the writer cannot overwrite what lies before its cursor and is at the end of its space
}

// Inspect looks at the ring at path without attaching to it. It needs permission to read.
func Inspect(path string) (Info, error) {
	info, err := origin{path: path}.inspect()
	return info, fail("inspect", path, err)
}

func (h *handle) inspect() (info Info, err error) {
	defer h.settle(debug.SetPanicOnFault(true), "inspect", &err)
	info = h.fixed()
	if err := h.inspectStream(&info); err != nil {
		return info, err
	}
	info.Ended, info.Clean, info.Epoch = h.ended.Load() != 0, h.clean.Load() == 1, h.epoch.Load()
	info.Stats = h.loadStats(info.NextSeq)
	alive, err := lock.Held(h.file, writerByte)
	if err != nil {
		return info, err
	}
	info.Writer = WriterInfo{Alive: alive, PID: int(h.pid.Load()), Host: text(h.host), Program: text(h.program), Since: stamp(h.started.Load())}
	for i := range h.used() {
		switch slotState(h.slots[i].word.Load()).kind() {
		case kindWriter:
			if err := h.inspectWriter(i, &info); err != nil {
				return info, err
			}
			continue
		case kindGroup, kindMember:
			continue
		}
		r, used, err := h.inspectSlot(i, &info)
		if err != nil {
			return info, err
		}
		if used {
			info.Readers = append(info.Readers, r)
		}
	}
	if since := h.stats[statHeldSince].Load(); since != 0 && info.Writer.Alive {
		if info.HeldBack, err = h.holdUp(stamp(since)); err != nil {
			return info, err
		}
	}
	return info, h.inspectGroups(&info)
}

// inspectStream fills in positions and numbers. While a writer runs it looks again until none of what it read was
// overwritten meanwhile.
func (h *handle) inspectStream(info *Info) error {
	var fence atomic.Uint32
	for range overtaken {
		low, high, err := h.bounds()
		if err != nil {
			return err
		}
		first, errFirst := h.first(low, high)
		next, errNext := h.tail(low, high)
		order(&fence)                                                          // V1
		if h.oldest.Load() > low || low == high && h.published.Load() > high { // V2
			continue
		}
		info.Published, info.Oldest = high, low
		if errFirst == nil {
			info.FirstSeq = first.sequence
		}
		if errNext == nil {
			info.NextSeq = next.sequence
		}
		return nil
	}
	return corrupt("overtaken %d times while looking at it", overtaken)
}

// inspectWriter adds the shared writer of slot i, if there is one, to info.
func (h *handle) inspectWriter(i int, info *Info) error {
	s := &h.slots[i]
	st := slotState(s.word.Load())
	if st.state() == stateFree {
		return nil
	}
	alive, err := lock.Held(h.file, lifeByte(i))
	if err != nil {
		return err
	}
	v := h.mutexWord.Load()
	mine := v&^mutexWaited == ownerWord(i, st.generation())
	info.Writers = append(info.Writers, WriterInfo{
		Alive: alive, PID: int(s.pid.Load()), Host: info.Writer.Host, Since: stamp(s.started.Load()),
		Slot: i, Mutex: mine, Waited: mine && v&mutexWaited != 0,
	})
	info.Writer.Alive = info.Writer.Alive || alive
	return nil
}

// fixed is what the immutable header says.
func (h *handle) fixed() Info {
	u := h.hdr.uuid
	return Info{
		Path: h.path, Format: FormatVersion, Created: h.hdr.created,
		UUID:        fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16]),
		ContentType: h.hdr.contentType, Description: h.hdr.description,
		FileSize: h.hdr.fileSize(), Capacity: int64(h.hdr.capacity), DataOffset: h.hdr.data, Slots: h.hdr.slots, MaxPayload: h.MaxPayload(),
		Shared: h.hdr.has(modeShared), MayEvict: h.hdr.has(modeEvict), EvictAfter: h.hdr.evictAfter, Timestamps: h.hdr.has(modeTimestamps),
		Checksums: h.hdr.has(modeChecksums), WakeAlways: h.hdr.has(modeWakeAlways),
	}
}

var stateNames = map[uint8]string{stateClaimed: "claimed", stateActive: "active", stateEvicted: "evicted", stateCorrupt: "corrupt"}

func stateName(st slotState) string {
	if name, ok := stateNames[st.state()]; ok {
		return name
	}
	return fmt.Sprintf("state %d", st.state())
}

func (h *handle) inspectSlot(i int, info *Info) (r ReaderInfo, used bool, err error) {
	s := &h.slots[i]
	st := slotState(s.word.Load())
	if st.state() == stateFree {
		return r, false, nil
	}
	alive, err := lock.Held(h.file, lifeByte(i))
	if err != nil {
		return r, false, err
	}
	r = ReaderInfo{
		Slot: i, Name: text(s.name), Durable: st.durable(), State: stateName(st), Alive: alive,
		PID: int(s.pid.Load()), Since: stamp(s.started.Load()), Cursor: s.cursor.Load(),
		Records: s.records.Load(), Bytes: s.bytes.Load(), Waits: s.waits.Load(),
	}
	if r.Cursor > info.Published {
		return r, true, nil // it has read what was published since we looked
	}
	r.LagBytes = info.Published - r.Cursor
	r.HoldsBack = st.holdsBack() && r.LagBytes > info.recordsRoom()
	switch at, err := h.first(r.Cursor, info.Published); {
	case r.Cursor == info.Published:
		r.Seq = info.NextSeq
	case err == nil && r.Cursor >= h.oldest.Load():
		r.Seq = at.sequence
	}
	if st.kind() == kindReader && (st.state() == stateEvicted || st.owed()) {
		h.inspectEvicted(s, &r, info)
	}
	if r.Seq != 0 && info.NextSeq >= r.Seq {
		r.LagRecords = info.NextSeq - r.Seq
	}
	return r, true, nil
}

// inspectEvicted fills in where an evicted reader was and what it lost. The writer noted the number at its cursor, which it
// may have moved since.
func (h *handle) inspectEvicted(s *slot, r *ReaderInfo, info *Info) {
	if noted := s.sequence.Load(); r.Seq == 0 || slotState(s.word.Load()).owed() {
		r.Seq = min(noted, info.NextSeq)
	}
	if r.Seq > 0 {
		r.Lost = max(info.FirstSeq, r.Seq) - r.Seq
	}
}

// recordsRoom is how far behind a reader may be before the writer feels it: all but two strides.
func (i *Info) recordsRoom() uint64 { return uint64(i.Capacity - i.Capacity/indexEntries*2) }
