package ring

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"
)

var le = binary.LittleEndian

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header is the immutable first page. It is checked once, when a file is opened; from then on only this private copy is
// used.
type header struct {
	capacity    uint64
	data        int64 // offset of the data region
	slots       int
	mode        uint32
	created     time.Time
	uuid        [16]byte
	evictAfter  time.Duration
	contentType string
	description string
}

// newHeader returns the header of a ring as c, already filled, wants it.
func newHeader(c Config, uuid [16]byte, now time.Time) header {
	h := header{
		capacity: uint64(c.Capacity), data: dataStart(c.Slots), slots: c.Slots,
		created: now, uuid: uuid, evictAfter: c.EvictAfter,
		contentType: c.ContentType, description: c.Description,
	}
	for _, m := range []struct {
		on  bool
		bit uint32
	}{{c.Shared, modeShared}, {c.EvictAfter != 0, modeEvict}, {c.Timestamps, modeTimestamps}, {c.Checksums, modeChecksums}, {c.WakeAlways, modeWakeAlways}} {
		if m.on {
			h.mode |= m.bit
		}
	}
	return h
}

func (h *header) fileSize() int64 { return h.data + int64(h.capacity) }

func (h *header) has(mode uint32) bool { return h.mode&mode != 0 }

// prefix is the size of everything before a record's payload.
func (h *header) prefix() int {
	n := recordSize
	if h.has(modeTimestamps) {
		n += timeSize
	}
	if h.has(modeChecksums) {
		n += sumSize
	}
	return n
}

// maxRecord is the size of the largest record, header included.
func (h *header) maxRecord() uint64 { return min(h.capacity/2, maxRecord) }

// encode returns the page as it stands in the file.
func (h *header) encode() []byte {
	b := make([]byte, headerSize)
	le.PutUint64(b[offMagic:], magic)
	le.PutUint32(b[offVersion:], FormatVersion)
	le.PutUint32(b[offHeaderSize:], headerSize)
	le.PutUint64(b[offCapacity:], h.capacity)
	le.PutUint64(b[offCounters:], countersStart)
	le.PutUint64(b[offIndex:], indexStart)
	le.PutUint64(b[offSlots:], slotsStart)
	le.PutUint64(b[offData:], uint64(h.data))
	le.PutUint64(b[offFileSize:], uint64(h.fileSize()))
	le.PutUint32(b[offSlotCount:], uint32(h.slots))
	le.PutUint32(b[offSlotSize:], slotSize)
	le.PutUint32(b[offIndexCount:], indexEntries)
	le.PutUint32(b[offMode:], h.mode)
	le.PutUint64(b[offCreated:], uint64(h.created.UnixNano()))
	copy(b[offUUID:], h.uuid[:])
	le.PutUint64(b[offEvictAfter:], uint64(h.evictAfter))
	copy(b[offContentType:offContentType+contentTypeSize-1], h.contentType)
	copy(b[offDescription:offDescription+descriptionSize-1], h.description)
	le.PutUint32(b[offChecksum:], headerSum(b))
	return b
}

// headerSum is the CRC-32C of the page with its own field zero.
func headerSum(page []byte) uint32 {
	sum := crc32.Update(0, castagnoli, page[:offChecksum])
	sum = crc32.Update(sum, castagnoli, make([]byte, 4))
	return crc32.Update(sum, castagnoli, page[offChecksum+4:])
}

// decodeHeader checks a file's first page in the order of docs/format.md - magic, version, size, checksum, features,
// geometry against the real file size - and returns its private copy. page holds what the file has, at most headerSize
// bytes. A nil error comes with readOnly when the file has features that only forbid writing.
func decodeHeader(page []byte, fileSize int64) (h header, readOnly bool, err error) {
	if len(page) < 8 {
		return h, false, fmt.Errorf("%w: %d bytes long", ErrNotRing, fileSize)
	}
	switch m := le.Uint64(page[offMagic:]); m {
	case magic:
	case magicReversed:
		return h, false, fmt.Errorf("%w: written in the other byte order", ErrNotRing)
	default:
		return h, false, fmt.Errorf("%w: starts with %q instead of %q", ErrNotRing, page[:8], "MMRING\x00\x01")
	}
	if len(page) < headerSize {
		return h, false, corrupt("file ends at %d, inside the header of %d bytes", fileSize, headerSize)
	}
	if v := le.Uint32(page[offVersion:]); v != FormatVersion {
		return h, false, fmt.Errorf("%w: version %d, this mmring knows %d", ErrVersion, v, FormatVersion)
	}
	if n := le.Uint32(page[offHeaderSize:]); n != headerSize {
		return h, false, corrupt("header size %d, must be %d", n, headerSize)
	}
	if has, want := le.Uint32(page[offChecksum:]), headerSum(page); has != want {
		return h, false, corrupt("header checksum %#08x, its bytes give %#08x", has, want)
	}
	if f := le.Uint64(page[offIncompat:]); f != 0 {
		return h, false, fmt.Errorf("%w: needs features %#x, this mmring knows none", ErrVersion, f)
	}
	h = header{
		capacity:    le.Uint64(page[offCapacity:]),
		data:        int64(le.Uint64(page[offData:])),
		slots:       int(le.Uint32(page[offSlotCount:])),
		mode:        le.Uint32(page[offMode:]),
		created:     time.Unix(0, int64(le.Uint64(page[offCreated:]))),
		uuid:        [16]byte(page[offUUID:]),
		evictAfter:  time.Duration(le.Uint64(page[offEvictAfter:])),
		contentType: text(page[offContentType : offContentType+contentTypeSize]),
		description: text(page[offDescription : offDescription+descriptionSize]),
	}
	return h, le.Uint64(page[offROCompat:]) != 0, h.checkGeometry(page, fileSize)
}

// checkGeometry makes sure that every number of the page is the one that this format gives, so that none is used
// unchecked, and that the file is large enough.
func (h *header) checkGeometry(page []byte, fileSize int64) error {
	if h.capacity < minCapacity || h.capacity > maxCapacity || h.capacity&(h.capacity-1) != 0 {
		return corrupt("capacity %d", h.capacity)
	}
	if h.slots < minSlots || h.slots > maxSlots {
		return corrupt("%d slots", h.slots)
	}
	if known := uint32(modeShared | modeEvict | modeTimestamps | modeChecksums | modeWakeAlways); h.mode&^known != 0 {
		return corrupt("mode %#x, known are %#x", h.mode, known)
	}
	if h.evictAfter < 0 || h.evictAfter != 0 && !h.has(modeEvict) {
		return corrupt("eviction after %d nanoseconds, mode %#x", uint64(h.evictAfter), h.mode)
	}
	want := newGeometry(h)
	for _, f := range want {
		if has := le.Uint64(page[f.off:]); has != f.value {
			return corrupt("%s %d, must be %d", f.name, has, f.value)
		}
	}
	if has := le.Uint32(page[offSlotSize:]); has != slotSize {
		return corrupt("slot size %d, must be %d", has, slotSize)
	}
	if has := le.Uint32(page[offIndexCount:]); has != indexEntries {
		return corrupt("%d index entries, must be %d", has, indexEntries)
	}
	if fileSize < h.fileSize() {
		return corrupt("file of %d bytes, its header says %d", fileSize, h.fileSize())
	}
	return nil
}

type geometryField struct {
	name  string
	off   int
	value uint64
}

func newGeometry(h *header) []geometryField {
	data := dataStart(h.slots)
	return []geometryField{
		{"counters offset", offCounters, countersStart},
		{"index offset", offIndex, indexStart},
		{"slots offset", offSlots, slotsStart},
		{"data offset", offData, uint64(data)},
		{"file size", offFileSize, uint64(data) + h.capacity},
	}
}

// text returns the bytes of a zero-padded field before the first zero.
func text(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}
