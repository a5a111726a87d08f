package ring

import (
	"sync/atomic"

	"github.com/mmring/mmring/internal/view"
)

// memory is a ring's shared words and bytes, laid over a mapping or, in tests, over the heap. Everything behind these
// pointers can change at any instant, to any value: each word is loaded once into a local, bounded, then used.
type memory struct {
	// Who may change what: published, stamp, mirror, nextSeq, oldest, clean, ended, epoch, boot, device, inode, fenceless,
	// pid, started, host, program, index and the data region: the writer, or who recovers under its role. lease, the wake
	// words and stats: everybody. highWater and slots: see slot. In a ring of shared writers the writer is who has the
	// mutex; mutexWord: they all, mutexNext: its owner.
	published *atomic.Uint64
	stamp     *atomic.Uint64
	nextSeq   *atomic.Uint64
	oldest    *atomic.Uint64
	dataWake  *atomic.Uint32
	lease     *atomic.Uint64
	spaceWake *atomic.Uint32
	mutexWord *atomic.Uint32
	clean     *atomic.Uint32
	ended     *atomic.Uint32
	epoch     *atomic.Uint64
	bootID    [2]*atomic.Uint64
	device    *atomic.Uint64
	inode     *atomic.Uint64
	fenceless *atomic.Uint32
	pid       *atomic.Uint64
	started   *atomic.Uint64
	highWater *atomic.Uint32
	stats     [statWords]*atomic.Uint64

	mutexNext  []byte                      // two words: number and position of the record that comes next
	mirror     []byte                      // mirrorSize bytes
	mirrorLine [mirrorLines]*atomic.Uint64 // a word in each of its cache lines

	host    []byte
	program []byte
	index   [indexEntries]entry
	slots   []slot

	data []byte // capacity bytes
	mask uint64 // capacity - 1
}

// entry is one word pair of the stride index.
type entry struct {
	position *atomic.Uint64
	sequence *atomic.Uint64
}

// newMemory lays the words over control, the file up to the data region, and keeps data.
func newMemory(h *header, control, data []byte) *memory {
	u64 := func(off int) *atomic.Uint64 { return view.Uint64(control, off) }
	u32 := func(off int) *atomic.Uint32 { return view.Uint32(control, off) }
	m := &memory{
		published: u64(offPublished), stamp: u64(offStamp), nextSeq: u64(offNextSeq), oldest: u64(offOldest),
		dataWake: u32(offDataWake), lease: u64(offLease), spaceWake: u32(offSpaceWake), mutexWord: u32(offMutex),
		clean: u32(offClean), ended: u32(offEnded), epoch: u64(offEpoch),
		bootID: [2]*atomic.Uint64{u64(offBootID), u64(offBootID + 8)}, device: u64(offDevice), inode: u64(offInode),
		fenceless: u32(offFenceless), pid: u64(offPID), started: u64(offStarted), highWater: u32(offHighWater),
		host: control[offHost : offHost+hostSize], program: control[offProgram : offProgram+programSize],
		slots: make([]slot, h.slots), data: data[:h.capacity:h.capacity], mask: h.capacity - 1,
	}
	m.mutexNext = control[offMutexSeq : offMutexPos+8 : offMutexPos+8]
	m.mirror = control[offMirror : offMirror+mirrorSize : offMirror+mirrorSize]
	for i := range m.mirrorLine {
		m.mirrorLine[i] = u64(offPublished + i*lineSize)
	}
	for i := range m.stats {
		m.stats[i] = u64(offStats + 8*i)
	}
	for i := range m.index {
		m.index[i] = entry{u64(indexStart + i*entrySize), u64(indexStart + i*entrySize + 8)}
	}
	for i := range m.slots {
		m.slots[i] = newSlot(control, slotsStart+i*slotSize)
	}
	return m
}

func (m *memory) capacity() uint64 { return m.mask + 1 }

func (m *memory) stride() uint64 { return m.capacity() / indexEntries }

// bounds loads oldest and published and checks that they can be. While a writer runs, the two may be of different
// moments: then oldest has moved, and they are loaded again.
func (m *memory) bounds() (oldest, published uint64, err error) {
	for range 1000 {
		oldest = m.oldest.Load()
		published = m.published.Load()
		if oldest <= published && published-oldest <= m.capacity() && published < maxPosition && (oldest|published)%recordSize == 0 {
			return oldest, published, nil
		}
		if m.oldest.Load() == oldest {
			break
		}
	}
	return 0, 0, corrupt("oldest %d, published %d, capacity %d", oldest, published, m.capacity())
}

// add counts n for statistic s.
func (m *memory) add(s stat, n uint64) { m.stats[s].Add(n) }
