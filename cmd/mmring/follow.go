package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mmring/mmring/ring"
)

// source is a ring.Reader or a ring.Observer.
type source interface {
	Next(ctx context.Context) (ring.Record, error)
	Close() error
}

// follower writes the records of a source to stdout.
type follower struct {
	a       *app
	path    string
	from    source
	ack     func() error // consumes what was delivered; nil: an observer
	format  func(b []byte, rec *ring.Record, lost uint64) []byte
	silence *notice // no record comes

	tag        tagFilter
	count      uint64
	idle       time.Duration
	failOnLoss bool
	until      uint64 // the first sequence number not wanted; 0: there is no end but the ring's

	rec  ring.Record // delivered last
	out  []byte      // written next
	next uint64      // number of the record after the one delivered last; 0: none was
	lost uint64      // since the record written last
	done uint64      // records written
}

// outputSize is how much output is collected as long as there are records to be had at once.
const outputSize = 64 << 10

// errNotNow is what expired answers a read that would have to wait.
var errNotNow = errors.New("no record is there")

// expired is a context that has ended: with it, Next delivers what is there and does not wait.
var expired = func() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errNotNow)
	return ctx
}()

// nextNow returns the next record if it is there, or errNotNow.
func nextNow(from source) (ring.Record, error) {
	rec, err := from.Next(expired)
	if errors.Is(err, errNotNow) { // once in a while Next looks at the context although there is a record
		return from.Next(expired)
	}
	return rec, err
}

// follow writes records until there are no more, or enough. What was delivered is consumed when it was written.
func (f *follower) follow(ctx context.Context) error {
	for f.count == 0 || f.done < f.count {
		var err error
		if f.rec, err = f.from.Next(expired); err != nil {
			err = f.another(ctx, err)
		}
		if errors.Is(err, io.EOF) || err == nil && f.until > 0 && f.rec.Seq >= f.until {
			break
		}
		if err != nil {
			return f.failed(ctx, err)
		}
		if err := f.take(); err != nil {
			return err
		}
	}
	if err := f.flush(); err != nil {
		return err
	}
	if f.count > 0 && f.done == f.count {
		return nil
	}
	return f.tail()
}

// failed writes what came before err, unless it is the context that ended.
func (f *follower) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	if e := f.write(); e != nil {
		return e
	}
	if f.ack != nil && f.next > 0 {
		_ = f.ack() // err says more
	}
	return err
}

// another gets the next record after a look for it that failed with err. Before it waits, everything is written.
func (f *follower) another(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, errNotNow) { // or the reader only looked at the context, as it does once in a while
		f.rec, err = f.from.Next(expired)
	}
	if !errors.Is(err, errNotNow) {
		return err
	}
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
	defer f.silence.end()
	f.rec, err = f.from.Next(ctx)
	return err
}

// take writes the record delivered last, if it is wanted, and tells of what was lost before it.
func (f *follower) take() error {
	rec := &f.rec
	f.next = rec.Seq + 1
	if rec.Lost > 0 {
		if err := f.tell(rec.Lost, fmt.Sprintf("before record %d", rec.Seq)); err != nil {
			return err
		}
	}
	if f.tag.drops(rec.Tag) {
		return nil
	}
	f.out = f.format(f.out, rec, f.lost)
	f.lost = 0
	f.done++
	if len(f.out) < outputSize {
		return nil
	}
	return f.flush()
}

// tell reports lost records. With --fail-on-loss that is the end, after what came before is written.
func (f *follower) tell(lost uint64, where string) error {
	f.lost += lost
	if f.failOnLoss {
		if err := f.flush(); err != nil {
			return err
		}
		return fmt.Errorf("%s: %w: %d %s", f.path, errLoss, lost, where)
	}
	f.a.say("lost %s %s", plural(lost, "record"), where)
	return nil
}

// tail tells of records that were overwritten without any record behind them that would say so.
func (f *follower) tail() error {
	if f.ack != nil {
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

// flush writes what was collected, and only then consumes it.
func (f *follower) flush() error {
	if err := f.write(); err != nil || f.ack == nil || f.next == 0 {
		return err
	}
	return f.ack()
}

func (f *follower) write() error {
	if len(f.out) == 0 {
		return nil
	}
	_, err := f.a.stdout.Write(f.out)
	f.out = f.out[:0]
	return err
}
