package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mmring/mmring/ring"
)

// follower writes the records of a source to stdout.
type follower struct {
	a        *app
	path     string
	from     source
	consumer consumer             // the source, if it consumes what was written; nil: an observer
	delivery func(seq uint64) int // how often a record was given out; nil: it is not a group's
	format   func(b []byte, rec *ring.Record, x remark) []byte
	silence  *notice // no record comes

	tag        tagFilter
	count      uint64
	idle       time.Duration
	failOnLoss bool
	until      uint64 // the first sequence number not wanted; 0: there is no end but the ring's

	out  []byte // written next
	next uint64 // number of the record after the last one taken; 0: none was
	lost uint64 // since the record written last
	done uint64 // records taken that were wanted
	part bool   // not all that was delivered was taken
}

// consumer says what was written.
type consumer interface {
	Ack() error
	AckTo(seq uint64) error
}

// remark is what there is to say of a record that it does not say itself.
type remark struct {
	lost     uint64 // before it
	delivery int    // how often a group has given it out; 0: no group has
}

// outputSize is how much output is collected as long as there are records to be had at once.
const outputSize = 64 << 10

// errEnough ends the reading when no more records are wanted.
var errEnough = errors.New("enough")

// follow writes records until there are no more, or enough. What was delivered is consumed when it was written.
func (f *follower) follow(ctx context.Context) error {
	for {
		before := f.next
		err := present(f.from, func(recs []ring.Record) error { return f.takeAll(ctx, recs) })
		if err == nil && f.next == before {
			err = f.await(ctx)
		}
		switch {
		case err == nil:
		case errors.Is(err, errEnough):
			return f.flush()
		case errors.Is(err, io.EOF):
			if err := f.flush(); err != nil {
				return err
			}
			return f.tail()
		case ctx.Err() != nil:
			return context.Cause(ctx)
		default:
			if e := f.flush(); e != nil && f.unwritten() {
				return e
			}
			return err
		}
	}
}

// await waits for one more record and takes it. Before that, everything is written.
func (f *follower) await(ctx context.Context) error {
	if f.until > 0 {
		return io.EOF // what is not there any more was lost
	}
	if err := f.flush(); err != nil {
		return err
	}
	if f.idle > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, f.idle, fmt.Errorf("%w: no record for %s", errTimeout, f.idle))
		defer cancel()
	}
	f.silence.begin()
	rec, err := f.from.Next(ctx)
	f.silence.end()
	if err != nil {
		return err
	}
	err = f.take(&rec)
	f.part = err != nil && err != errEnough
	if err == nil && f.delivery != nil {
		return f.flush()
	}
	return err
}

// takeAll takes a batch, and writes what has come together.
func (f *follower) takeAll(ctx context.Context, recs []ring.Record) error {
	for i := range recs {
		if err := f.take(&recs[i]); err != nil {
			f.part = err != errEnough || i < len(recs)-1
			return err
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if len(f.out) < outputSize && f.delivery == nil {
		return nil
	}
	return f.flush() // of a group before it asks for more, which says that this is done
}

// take writes a record, if it is wanted, and tells of what was lost before it.
func (f *follower) take(rec *ring.Record) error {
	if f.until > 0 && rec.Seq >= f.until {
		return io.EOF
	}
	if rec.Lost > 0 {
		if err := f.tell(rec.Lost, fmt.Sprintf("before record %d", rec.Seq)); err != nil {
			return err
		}
	}
	f.next = rec.Seq + 1
	if f.tag.drops(rec.Tag) {
		return nil
	}
	x := remark{lost: f.lost}
	if f.delivery != nil {
		x.delivery = f.delivery(rec.Seq)
	}
	f.out = f.format(f.out, rec, x)
	f.lost = 0
	f.done++
	if f.done == f.count {
		return errEnough
	}
	return nil
}

// tell reports lost records. With --fail-on-loss that is the end.
func (f *follower) tell(lost uint64, where string) error {
	f.lost += lost
	if f.failOnLoss {
		return fmt.Errorf("%s: %w: %d %s", f.path, errLoss, lost, where)
	}
	f.a.say("lost %s %s", plural(lost, "record"), where)
	return nil
}

// tail tells of records that were overwritten without any record behind them that would say so.
func (f *follower) tail() error {
	if f.consumer != nil {
		return nil
	}
	end := f.until
	if end == 0 {
		info, err := ring.Inspect(f.path)
		if err != nil {
			return nil // it is gone, and was read to its end
		}
		end = info.NextSeq
	}
	if f.next == 0 || end <= f.next {
		return nil
	}
	return f.tell(end-f.next, "at the end")
}

// unwritten reports whether output is left that could not be written.
func (f *follower) unwritten() bool { return len(f.out) > 0 }

// flush writes what was collected, and only then consumes the records taken.
func (f *follower) flush() error {
	if len(f.out) > 0 {
		if _, err := f.a.stdout.Write(f.out); err != nil {
			return err
		}
		f.out = f.out[:0]
	}
	switch {
	case f.consumer == nil || f.next == 0:
		return nil
	case f.part:
		return f.consumer.AckTo(f.next - 1)
	}
	return f.consumer.Ack()
}
