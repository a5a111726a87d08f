package ring

// The numbers of docs/format.md, format 1. All offsets are bytes from the start of the file, all words little-endian.

const (
	// magic is the file's first eight bytes, "MMRING\x00\x01", as a little-endian word. A big-endian host reads
	// magicReversed.
	magic         = 0x0100_474e_4952_4d4d
	magicReversed = 0x4d4d_5249_4e47_0001

	// FormatVersion is the version of the file format that this package reads and writes.
	FormatVersion = 1
)

// Sizes and bounds.
const (
	headerSize = 4096

	minCapacity     = 64 << 10
	maxCapacity     = 1 << 40
	defaultCapacity = 16 << 20

	minSlots     = 1
	maxSlots     = 4096
	defaultSlots = 64

	slotSize     = 128
	indexEntries = 64
	entrySize    = 16
	mirrorSize   = 240

	dataAlign  = 64 << 10
	recordSize = 16 // of a record's fixed header, and the alignment of every record
	timeSize   = 8
	sumSize    = 8
	maxRecord  = 1 << 30 // header and payload, in rings of 2 GiB and more; else half the capacity

	// maxPosition ends the stream: 15 years at 20 GB/s.
	maxPosition = 1 << 63
)

// Fields of the immutable header.
const (
	offMagic      = 0
	offVersion    = 8
	offHeaderSize = 12
	offChecksum   = 16
	offIncompat   = 24
	offROCompat   = 32
	offCompat     = 40
	offCapacity   = 48
	offCounters   = 56
	offIndex      = 64
	offSlots      = 72
	offData       = 80
	offFileSize   = 88
	offSlotCount  = 96
	offSlotSize   = 100
	offIndexCount = 104
	offMode       = 108
	offCreated    = 112
	offUUID       = 120
	offEvictAfter = 136

	offContentType  = 256
	contentTypeSize = 128
	offDescription  = 512
	descriptionSize = 1024
)

// Bits of the header's mode word.
const (
	modeShared     = 1 << 0
	modeEvict      = 1 << 1
	modeTimestamps = 1 << 2
	modeChecksums  = 1 << 3
	modeWakeAlways = 1 << 4
)

// Counters: each group alone on 128 bytes (published and its mirror on 256), so that no two processes share a line that
// one of them writes.
const (
	countersStart = 4096

	offPublished = 4096
	offStamp     = 4104
	offMirror    = 4112 // mirrorSize bytes
	offNextSeq   = 4352
	offOldest    = 4480
	offDataWake  = 4608
	offLease     = 4616
	offSpaceWake = 4736
	offMutex     = 4864
	offMutexSeq  = 4872
	offMutexPos  = 4880
	offClean     = 4992
	offEnded     = 4996
	offEpoch     = 5000
	offBootID    = 5008 // 16 bytes
	offDevice    = 5024
	offInode     = 5032
	offFenceless = 5040
	offPID       = 5120
	offStarted   = 5128
	offHost      = 5136
	hostSize     = 56
	offProgram   = 5192
	programSize  = 56
	offHighWater = 5248
	offStats     = 5376

	indexStart = 12 << 10
	slotsStart = 16 << 10
)

// Fields of a slot, from its start.
const (
	slotWord       = 0
	slotCursor     = 8
	slotSequence   = 16
	slotClaimStart = 24
	slotClaimEnd   = 32
	slotGroup      = 40
	slotName       = 48
	slotNameSize   = 40
	slotPID        = 88
	slotStarted    = 96
	slotRecords    = 104
	slotBytes      = 112
	slotWaits      = 120
)

// A slot's word: state in bits 0 to 7, kind in 8 to 15, durable in bit 16, owed in 17, generation in 32 to 63.
const (
	stateFree    = 0
	stateClaimed = 1 // being set up; its cursor means nothing yet
	stateActive  = 2
	stateEvicted = 3
	stateCorrupt = 4

	kindReader = 1
	kindWriter = 2
	kindGroup  = 3
	kindMember = 4

	flagDurable = 1 << 16
	flagOwed    = 1 << 17
)

// A record's kind and flags.
const (
	kindData    = 1
	kindPadding = 2

	flagTime = 1 << 0
	flagSum  = 1 << 1
)

// Lock bytes, far beyond the data. Holding a slot's byte means: alive, and alone allowed to free the slot.
const (
	lifeStart    = 1 << 62
	registryByte = lifeStart + 1<<20 // under it names are given and durable cursors made and removed
	writerByte   = registryByte + 1  // held by an exclusive writer, so that others can ask without touching its role
)

// dataStart returns where the data region of a ring of so many slots starts.
func dataStart(slots int) int64 {
	end := int64(slotsStart + slots*slotSize)
	return (end + dataAlign - 1) &^ (dataAlign - 1)
}

// align16 rounds a record's size up to where the next one starts.
func align16(n uint64) uint64 { return (n + recordSize - 1) &^ (recordSize - 1) }
