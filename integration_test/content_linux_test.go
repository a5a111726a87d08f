package integration_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"hash/fnv"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

// largest is the size of the largest content.
const largest = 8 + 255 + 5000 + 4

// content appends to b what record seq holds: its length and every byte follow from the number.
func content(seq uint64, b []byte) []byte {
	x := seq * 0x9e3779b97f4a7c15
	n := int(x >> 56) // 0 to 255 bytes, now and then some KiB
	if x>>40&0x3ff == 0 {
		n += 5000
	}
	b = binary.LittleEndian.AppendUint64(b[:0], seq)
	for len(b) < 8+n {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b = binary.LittleEndian.AppendUint64(b, x)
	}
	return binary.LittleEndian.AppendUint32(b[:8+n], crc32.ChecksumIEEE(b[:8+n]))
}

// tag is the tag of record seq.
func tag(seq uint64) uint16 { return uint16(seq * 7) }

// tally is what a reader knows of the records it has read, one after another: the number of the last one, and a hash of
// all of them in their order.
type tally struct {
	last uint64
	hash uint64
}

// add takes the next record in.
func (s *tally) add(seq uint64, payload []byte) {
	h := fnv.New64a()
	_, _ = h.Write(payload) // a hash takes everything
	s.last = seq
	s.hash = (s.hash ^ h.Sum64()) * 0x100000001b3
}

// expected is the tally of somebody who has read the records from first to last.
func expected(first, last uint64) (s tally) {
	var b []byte
	for seq := first; seq <= last; seq++ {
		b = content(seq, b)
		s.add(seq, b)
	}
	return s
}

// check ends the process unless rec is what was published under its number.
func check(rec ring.Record, scratch []byte) []byte {
	scratch = content(rec.Seq, scratch)
	if string(scratch) != string(rec.Payload) || rec.Tag != tag(rec.Seq) {
		proctest.Die(fmt.Errorf("record %d, tag %d, holds %x, not %x", rec.Seq, rec.Tag, rec.Payload, scratch))
	}
	return scratch
}
