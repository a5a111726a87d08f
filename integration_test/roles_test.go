package integration_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strconv"
	"testing"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

func TestMain(m *testing.M) {
	proctest.Main(m, map[string]func([]string){"writer": writer, "reader": reader, "observer": observer, "burst": burst})
}

// content is what record seq holds: its length and every byte follow from the number.
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

func check(rec ring.Record, scratch []byte) []byte {
	scratch = content(rec.Seq, scratch)
	if string(scratch) != string(rec.Payload) {
		proctest.Die(fmt.Errorf("record %d holds %x, not %x", rec.Seq, rec.Payload, scratch))
	}
	return scratch
}

func number(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	proctest.Die(err)
	return n
}

// report says where a process is, often enough for the test to choose a moment.
const report = 2000

// writer PATH LAST publishes from wherever the ring is up to record LAST, then ends it.
func writer(args []string) {
	ctx, last := context.Background(), number(args[1])
	w, err := ring.OpenWriter(ctx, args[0], ring.WriterOptions{Wait: true})
	proctest.Die(err)
	info, err := ring.Inspect(args[0])
	proctest.Die(err)
	proctest.Say("from %d", info.NextSeq)
	var b []byte
	for seq := info.NextSeq; seq <= last; seq++ {
		b = content(seq, b)
		got, err := w.Publish(ctx, b)
		proctest.Die(err)
		if got != seq {
			proctest.Die(fmt.Errorf("published %d as record %d", seq, got))
		}
		if seq%report == 0 {
			proctest.Say("at %d", seq)
		}
	}
	proctest.Die(w.End())
	proctest.Die(w.Close())
	proctest.Say("ended")
}

// reader PATH NAME PROGRESS reads to the end. The file PROGRESS holds the number of the last record it has verified, so
// that a successor knows what must not be missing. NAME "-" is an ephemeral reader.
func reader(args []string) {
	ctx := context.Background()
	o := ring.ReaderOptions{Name: args[1], Durable: true}
	if args[1] == "-" {
		o = ring.ReaderOptions{}
	}
	f, err := os.OpenFile(args[2], os.O_RDWR|os.O_CREATE, 0o600)
	proctest.Die(err)
	var word [8]byte
	if _, err := f.ReadAt(word[:], 0); err != io.EOF {
		proctest.Die(err)
	}
	seen := binary.LittleEndian.Uint64(word[:])
	r, err := ring.OpenReader(ctx, args[0], o)
	proctest.Die(err)
	proctest.Say("reading")
	var scratch []byte
	first := true
	for rec := range r.Records(ctx) {
		if first && o.Durable && rec.Seq > seen+1 || !first && rec.Seq != seen+1 || rec.Lost != 0 {
			proctest.Die(fmt.Errorf("record %d after %d, lost %d", rec.Seq, seen, rec.Lost))
		}
		scratch = check(rec, scratch)
		first, seen = false, rec.Seq
		binary.LittleEndian.PutUint64(word[:], seen)
		_, err := f.WriteAt(word[:], 0)
		proctest.Die(err)
		if seen%report == 0 {
			proctest.Say("at %d", seen)
		}
	}
	proctest.Die(r.Err())
	proctest.Die(r.Close())
	proctest.Say("read %d", seen)
}

// observer PATH observes from the oldest record to the end and says how many it received and lost.
func observer(args []string) {
	ctx := context.Background()
	o, err := ring.Observe(ctx, args[0], ring.ObserverOptions{})
	proctest.Die(err)
	proctest.Say("observing")
	var scratch []byte
	received, lost := uint64(0), uint64(0)
	for rec := range o.Records(ctx) {
		scratch = check(rec, scratch)
		received++
		lost += rec.Lost
	}
	proctest.Die(o.Err())
	proctest.Say("observed %d %d", received, lost)
}

// burst PATH N publishes N small records one by one and reads them in the same process, for counting system calls.
func burst(args []string) {
	ctx := context.Background()
	w, err := ring.OpenWriter(ctx, args[0], ring.WriterOptions{Create: &ring.Config{}})
	proctest.Die(err)
	r, err := ring.OpenReader(ctx, args[0], ring.ReaderOptions{})
	proctest.Die(err)
	payload := make([]byte, 64)
	for range number(args[1]) {
		_, err := w.Publish(ctx, payload)
		proctest.Die(err)
		_, err = r.Next(ctx)
		proctest.Die(err)
	}
}
