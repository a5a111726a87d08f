package integration_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

func TestMain(m *testing.M) {
	proctest.Main(m, map[string]func([]string){
		"writer": writer, "reader": reader, "observer": observer, "member": member,
		"burst": burst, "fountain": fountain, "drain": drain, "idler": idler, "visitor": visitor,
	})
}

var background = context.Background()

func number(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	proctest.Die(err)
	return n
}

// orders are what the test asks of a child while it works: "finish" the stream, or "leave" in good order.
type orders struct {
	finish, leave atomic.Bool
	gone          chan struct{} // closed when everything is closed
}

// obey listens for orders. To leave is to close the handle under the call that runs.
func obey(close func() error) *orders {
	o := &orders{gone: make(chan struct{})}
	go o.listen(close)
	return o
}

func (o *orders) listen(end func() error) {
	for {
		switch order := proctest.Hear(); order {
		case "finish":
			o.finish.Store(true)
		case "leave":
			o.leave.Store(true)
			proctest.Die(end())
			close(o.gone)
		default:
			proctest.Die(fmt.Errorf("what is %q?", order))
		}
	}
}

// left reports whether err is what a call returns that was left, and says so.
func (o *orders) left(err error) bool {
	if !o.leave.Load() || !errors.Is(err, os.ErrClosed) && !errors.Is(err, context.Canceled) {
		return false
	}
	<-o.gone
	proctest.Say("left")
	return true
}

// writer PATH stands by for the role and publishes from wherever the ring is until it is told to finish; then it ends the
// ring.
func writer(args []string) {
	var opened atomic.Pointer[ring.Writer]
	waiting, giveUp := context.WithCancel(background)
	end := func() error {
		giveUp()
		if w := opened.Load(); w != nil {
			return w.Close()
		}
		return nil
	}
	told := obey(end)
	proctest.Say("standby")
	w, err := ring.OpenWriter(waiting, args[0], ring.WriterOptions{Wait: true})
	if told.left(err) {
		return
	}
	if errors.Is(err, ring.ErrEnded) {
		proctest.Say("over")
		return
	}
	proctest.Die(err)
	opened.Store(w)
	if told.leave.Load() { // it was told before there was something to close
		proctest.Die(end())
	}
	publish(w, told)
}

func publish(w *ring.Writer, told *orders) {
	stats, err := w.Stats()
	if told.left(err) {
		return
	}
	proctest.Die(err)
	var b []byte
	seq := stats.Records + 1
	for ; !told.finish.Load(); seq++ {
		b = content(seq, b)
		got, err := w.PublishTagged(background, tag(seq), b)
		if told.left(err) {
			return
		}
		proctest.Die(err)
		if got != seq {
			proctest.Die(fmt.Errorf("published %d as record %d", seq, got))
		}
	}
	proctest.Die(w.End())
	proctest.Die(w.Close())
	proctest.Say("ended %d", seq-1)
}

// reader PATH NAME NOTES reads to the end. The file NOTES keeps the tally of what it has read, so that a successor knows
// what must not be missing and must not be counted twice. NAME "-" is an ephemeral reader, whose tally starts with what it
// finds.
func reader(args []string) {
	o := ring.ReaderOptions{Name: args[1], Durable: true}
	if args[1] == "-" {
		o = ring.ReaderOptions{}
	}
	notes, err := os.OpenFile(args[2], os.O_RDWR|os.O_CREATE, 0o600)
	proctest.Die(err)
	sofar := readNotes(notes)
	info, err := ring.Inspect(args[0])
	proctest.Die(err)
	r, err := ring.OpenReader(background, args[0], o)
	proctest.Die(err)
	told := obey(r.Close)
	proctest.Say("reading")
	var scratch []byte
	first, again := uint64(0), int64(0)
	for rec := range r.Records(background) {
		if first == 0 {
			first = rec.Seq
			if !o.Durable {
				sofar.last = first - 1
			}
		}
		scratch = check(rec, scratch)
		switch {
		case rec.Lost != 0 || rec.Seq > sofar.last+1:
			proctest.Die(fmt.Errorf("record %d after %d, lost %d", rec.Seq, sofar.last, rec.Lost))
		case rec.Seq <= sofar.last: // it was read by the one before, and its cursor not stored
			if again += int64(len(rec.Payload)) + 32; again > info.Capacity/64+2*(largest+32) {
				proctest.Die(fmt.Errorf("%d bytes come again, more than a stride", again))
			}
			continue
		}
		sofar.add(rec.Seq, rec.Payload)
		writeNotes(notes, sofar)
	}
	if told.left(r.Err()) {
		return
	}
	proctest.Die(r.Err())
	proctest.Die(r.Close())
	proctest.Say("read %d %d %d", first, sofar.last, sofar.hash)
}

func readNotes(f *os.File) (s tally) {
	var b [16]byte
	if _, err := f.ReadAt(b[:], 0); err != io.EOF {
		proctest.Die(err)
	}
	return tally{binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:])}
}

// writeNotes is one system call, which a kill comes before or after.
func writeNotes(f *os.File, s tally) {
	b := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, s.last), s.hash)
	_, err := f.WriteAt(b, 0)
	proctest.Die(err)
}

// observer PATH observes from the oldest record to the end, and says from where to where it saw or was told to have missed
// how many.
func observer(args []string) {
	o, err := ring.Observe(background, args[0], ring.ObserverOptions{})
	proctest.Die(err)
	told := obey(o.Close)
	proctest.Say("observing")
	var scratch []byte
	var first, last, received, lost uint64
	for rec := range o.Records(background) {
		scratch = check(rec, scratch)
		if first == 0 {
			first = rec.Seq - rec.Lost
		}
		received++
		lost += rec.Lost
		last = rec.Seq
		if first+received+lost != last+1 {
			proctest.Die(fmt.Errorf("record %d, lost %d: %d received and %d lost since %d", rec.Seq, rec.Lost, received, lost, first))
		}
	}
	if told.left(o.Err()) {
		return
	}
	proctest.Die(o.Err())
	proctest.Say("observed %d %d %d %d", first, last, received, lost)
}
