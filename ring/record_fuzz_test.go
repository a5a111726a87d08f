package ring_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/mmring/mmring/ring"
)

var le = binary.LittleEndian

// FuzzRecord: a header that parses re-encodes to the same bytes, and lies within what is published and within the region.
func FuzzRecord(f *testing.F) {
	f.Add(le.AppendUint64(le.AppendUint64(nil, 1<<32|20), 1), uint64(0), uint64(1<<16))
	f.Add(le.AppendUint64(le.AppendUint64(nil, 3<<40|1<<32|32), 7), uint64(5<<16), uint64(32))
	f.Add(le.AppendUint64(le.AppendUint64(nil, 2<<32|48), 7), uint64(6<<16-48), uint64(100))
	f.Add(le.AppendUint64(le.AppendUint64(nil, 0xffff<<48|1<<32|1<<15), 1<<63), uint64(1<<63-1<<15), uint64(1<<16))
	f.Add(make([]byte, 16), uint64(16), uint64(0))
	f.Fuzz(func(t *testing.T, header []byte, position, published uint64) {
		const capacity = 1 << 16
		if len(header) < ring.RecordSize {
			return
		}
		header = header[:ring.RecordSize]
		position &^= ring.RecordSize - 1
		again, whole, ok := ring.ParseRecord(header, position, published, capacity)
		if !ok {
			return
		}
		if !bytes.Equal(header, again) {
			t.Fatalf("parsed % x, and encoded % x", header, again)
		}
		if whole < ring.RecordSize || whole%ring.RecordSize != 0 || whole > published || position%capacity+whole > capacity {
			t.Fatalf("% x at %d takes %d bytes, of %d", header, position, whole, published)
		}
	})
}
