package instructions

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/mmring/mmring/ring"
)

// call is one kind of call.
type call struct {
	name    string
	records int  // that pass between two marks
	rare    bool // of all calls of a turn, the longest counts
	turn    func(s *stage) error
}

const (
	callTurns  = 2
	writeCalls = 32  // in a turn
	rareCalls  = 40  // some strides of the smallest ring
	readCalls  = 256 // more than a window of a reader
	callBatch  = 16
	warmCalls  = 2000 // before a turn: the smallest ring is full then
)

var background = context.Background()

// calls are those that are counted. The first does nothing.
func calls() []call {
	return []call{
		{"nothing", 1, false, func(s *stage) error { return s.repeat(writeCalls, nil, func() error { return nil }) }},
		{"Publish 32 B", 1, false, publish(32, 0, writeCalls)},
		{"Publish 64 B", 1, false, publish(64, 0, writeCalls)},
		{"Publish 224 B", 1, false, publish(224, 0, writeCalls)},
		{oneReader, 1, false, publish(64, 1, writeCalls)},
		{eightReaders, 1, false, publish(64, 8, writeCalls)},
		{oneReaderSlow, 1, true, publish(64, 1, rareCalls)},
		{eightReadersSlow, 1, true, publish(64, 8, rareCalls)},
		{"Publish 64 B, 1024 readers, the end of a stride", 1, true, publish(64, 1024, rareCalls)},
		{"Publish 32 B, mirrored", 1, false, pingPong(32, true)},
		{"Publish 224 B, mirrored", 1, false, pingPong(224, true)},
		{"TryPublish 64 B", 1, false, func(s *stage) error {
			return s.repeat(writeCalls, nil, func() error { _, err := s.w.TryPublish(payload(64)); return err })
		}},
		{"PublishBatch 64 B, 16 at a time", callBatch, false, func(s *stage) error {
			return s.repeat(writeCalls, nil, func() error { _, err := s.w.PublishBatch(background, batch()); return err })
		}},
		{"Claim and Commit 64 B", 1, false, func(s *stage) error { return s.repeat(writeCalls, nil, s.claim) }},
		{"Next 64 B", 1, false, read(func(r *ring.Reader) error { _, err := r.Next(background); return err })},
		{"Next 32 B, mirrored", 1, false, pingPong(32, false)},
		{"Next 224 B, mirrored", 1, false, pingPong(224, false)},
		{"Read 64 B", 1, false, func(s *stage) error {
			buf := make([]byte, 64)
			return read(func(r *ring.Reader) error { _, err := r.Read(background, buf); return err })(s)
		}},
		{"Lease and Release 64 B", 1, false, read(func(r *ring.Reader) error {
			l, err := r.Lease(background)
			if err == nil {
				err = l.Release()
			}
			return err
		})},
		{"Leases 64 B, a turn", 1, false, (*stage).leases},
		{"Records 64 B, a turn", 1, false, (*stage).records},
		{"Batches 64 B, 16 a turn", callBatch, false, (*stage).batches},
	}
}

// stage is a ring with its writer and readers. A call has one of its own.
type stage struct {
	dir  string
	mark func() // before and after what is counted
	w    *ring.Writer
	r    []*ring.Reader
}

// newStage makes a ring of the default size, or of the smallest, whose strides are short.
func newStage(parent string, smallest bool, mark func()) (s *stage, err error) {
	s = &stage{mark: mark}
	if s.dir, err = os.MkdirTemp(parent, "mmring-bench-"); err != nil {
		return nil, err
	}
	c := ring.Config{Slots: 1100}
	if smallest {
		c.Capacity = 64 << 10
	}
	if s.w, err = ring.OpenWriter(background, s.path(), ring.WriterOptions{Create: &c}); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *stage) path() string { return filepath.Join(s.dir, "ring") }

// attach attaches readers until there are n.
func (s *stage) attach(n int) error {
	for len(s.r) < n {
		r, err := ring.OpenReader(background, s.path(), ring.ReaderOptions{From: ring.Newest})
		if err != nil {
			return err
		}
		s.r = append(s.r, r)
	}
	return nil
}

func (s *stage) close() error {
	var err error
	for _, r := range s.r {
		err = errors.Join(err, r.Close())
	}
	if s.w != nil {
		err = errors.Join(err, s.w.Close())
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// repeat has n calls of f counted, and none of those of before.
func (s *stage) repeat(n int, before, f func() error) error {
	for range n {
		if before != nil {
			if err := before(); err != nil {
				return err
			}
		}
		s.mark()
		err := f()
		s.mark()
		if err != nil {
			return err
		}
	}
	return nil
}

// publish is Publish with so many readers, which find several records whenever they look.
func publish(size, readers, calls int) func(*stage) error {
	return func(s *stage) error {
		if err := s.attach(readers); err != nil {
			return err
		}
		some := func() error { _, err := s.w.Publish(background, payload(size)); return err }
		for i := range warmCalls {
			if err := some(); err != nil {
				return err
			}
			for few := 4; few > 0 && i%4 == 3; few-- { // who finds one at a time asks for the mirror
				if err := s.take(); err != nil {
					return err
				}
			}
		}
		return s.repeat(calls, nil, some) // fewer than fill the ring
	}
}

// take lets every reader have a record.
func (s *stage) take() error {
	for _, r := range s.r {
		if _, err := r.Next(background); err != nil {
			return err
		}
	}
	return nil
}

// pingPong is Publish or Next where the reader always has exactly one record to read, and asks for the mirror.
func pingPong(size int, writer bool) func(*stage) error {
	return func(s *stage) error {
		if err := s.attach(1); err != nil {
			return err
		}
		there := func() error { _, err := s.w.Publish(background, payload(size)); return err }
		for range warmCalls {
			if err := errors.Join(there(), s.take()); err != nil {
				return err
			}
		}
		if !writer {
			return s.repeat(writeCalls, there, s.take)
		}
		behind := false
		return s.repeat(writeCalls, func() error {
			if !behind {
				behind = true
				return nil
			}
			return s.take()
		}, there)
	}
}

func (s *stage) claim() error {
	c, err := s.w.Claim(background, 64)
	if err != nil {
		return err
	}
	copy(c.Bytes(), payload(64))
	_, err = c.Commit(64)
	return err
}

// fill publishes as many records of 64 bytes as a turn reads, and one more.
func (s *stage) fill() error {
	if err := s.attach(1); err != nil {
		return err
	}
	for range readCalls/callBatch + 1 {
		if _, err := s.w.PublishBatch(background, batch()); err != nil {
			return err
		}
	}
	return nil
}

// read is a call that reads one of many records.
func read(f func(r *ring.Reader) error) func(*stage) error {
	return func(s *stage) error {
		if err := s.fill(); err != nil {
			return err
		}
		if err := f(s.r[0]); err != nil { // it looks
			return err
		}
		return s.repeat(readCalls, nil, func() error { return f(s.r[0]) })
	}
}

// records counts what lies between the body's end and its next start.
func (s *stage) records() error {
	if err := s.fill(); err != nil {
		return err
	}
	n := 0
	for range s.r[0].Records(background) {
		if n > 0 {
			s.mark()
		}
		if n++; n > readCalls {
			return nil
		}
		s.mark()
	}
	return s.r[0].Err()
}

func (s *stage) leases() error {
	if err := s.fill(); err != nil {
		return err
	}
	n := 0
	for l := range s.r[0].Leases(background) {
		if n > 0 {
			s.mark()
		}
		if n++; n > readCalls {
			return l.Release()
		}
		s.mark()
	}
	return s.r[0].Err()
}

func (s *stage) batches() error {
	if err := s.fill(); err != nil {
		return err
	}
	n := 0
	for range s.r[0].Batches(background, callBatch) {
		if n > 0 {
			s.mark()
		}
		if n++; n > readCalls/callBatch {
			return nil
		}
		s.mark()
	}
	return s.r[0].Err()
}

var payloads [4096]byte

func payload(size int) []byte { return payloads[:size] }

func batch() [][]byte { return batchOf64[:] }

var batchOf64 = func() (b [callBatch][]byte) {
	for i := range b {
		b[i] = payload(64)
	}
	return b
}()
