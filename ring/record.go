package ring

import (
	"hash/crc32"
	"time"
)

// Record is one message as a reader gets it.
type Record struct {
	// Seq is the record's number: 1 for a ring's first, and no gaps.
	Seq uint64
	// Lost is how many records between the one delivered before and this one are gone for this reader. It is 0 for a
	// registered reader, except on its first record when its start was overwritten before it came, or after an eviction.
	Lost uint64
	// Payload is a copy in the reader's own memory, valid until the next call of the reader; Close leaves it alone.
	Payload []byte
	// Tag is what the writer put there, 0 if nothing.
	Tag uint16

	nanos int64
}

// Time returns when the record was published, by the writer's clock; the zero time in rings without timestamps.
func (r Record) Time() time.Time {
	if r.nanos == 0 {
		return time.Time{}
	}
	return time.Unix(0, r.nanos)
}

// A record stands at a multiple of 16 and never wraps:
//
//	0        4      5       6      8          16      24          32
//	| size   | kind | flags | tag  | sequence | time? | sum? 0000 | payload ...
//
// headWord makes its first word.
func headWord(size uint32, kind, flags uint8, tag uint16) uint64 {
	return uint64(size) | uint64(kind)<<32 | uint64(flags)<<40 | uint64(tag)<<48
}

// head is a record's fixed header, loaded once and bounded.
type head struct {
	seq    uint64
	whole  uint64 // bytes that the record takes, rounded up: the next one starts there
	size   uint32 // header and payload
	prefix uint32 // header
	tag    uint16
	kind   uint8
	flags  uint8
}

// parse reads the record header at position pos, of which at most avail bytes are published. Reasons why it cannot be a
// record come back as ok == false; the caller knows whether that means corrupt or overrun.
func (m *memory) parse(pos, avail uint64) (h head, ok bool) {
	off := pos & m.mask
	left := min(avail, m.capacity()-off)
	if left < recordSize {
		return h, false
	}
	b := m.data[off : off+recordSize : off+recordSize]
	return m.parseWords(loadWord(b[0:8]), loadWord(b[8:16]), pos, left)
}

// parseWords is parse for a header's two words, already loaded, of a record at pos with left bytes until the end of what
// is published or of the region, whichever comes first.
func (m *memory) parseWords(word, seq, pos, left uint64) (h head, ok bool) {
	h = head{seq: seq, size: uint32(word), kind: uint8(word >> 32), flags: uint8(word >> 40), tag: uint16(word >> 48)}
	h.whole = align16(uint64(h.size))
	h.prefix = recordSize
	if h.flags&flagTime != 0 {
		h.prefix += timeSize
	}
	if h.flags&flagSum != 0 {
		h.prefix += sumSize
	}
	if h.kind == kindData {
		ok = h.flags&^(flagTime|flagSum) == 0 && h.size >= h.prefix && uint64(h.size) <= min(m.capacity()/2, maxRecord)
	} else {
		ok = h.kind == kindPadding && h.flags == 0 && h.tag == 0 && pos&m.mask+uint64(h.size) == m.capacity()
	}
	return h, ok && h.whole <= left
}

// timeOf returns the time of the record with header h at position pos; ok is false if it has none.
func (m *memory) timeOf(pos uint64, h head) (nanos int64, ok bool) {
	if h.kind != kindData || h.flags&flagTime == 0 {
		return 0, false
	}
	off := pos&m.mask + recordSize
	return int64(loadWord(m.data[off : off+timeSize])), true
}

// sumRight reports whether a record, in two private parts, carries the checksum of its bytes. prefix is its header.
func sumRight(prefix, payload []byte) bool {
	return le.Uint64(prefix[len(prefix)-sumSize:]) == uint64(sum(prefix, payload))
}

// sum is the CRC-32C of a record: header with the checksum's own field zero, time and payload.
func sum(prefix, payload []byte) uint32 {
	return crc32.Update(sumPrefix(prefix), castagnoli, payload)
}

// sumPrefix is the part of sum that comes before the payload.
func sumPrefix(prefix []byte) uint32 {
	s := crc32.Update(0, castagnoli, prefix[:len(prefix)-sumSize])
	return crc32.Update(s, castagnoli, zeroSum[:])
}

var zeroSum [sumSize]byte
