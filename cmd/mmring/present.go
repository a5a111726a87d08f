package main

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/mmring/mmring/ring"
)

// source is a ring.Reader or a ring.Observer.
type source interface {
	Next(ctx context.Context) (ring.Record, error)
	Batches(ctx context.Context, n int) iter.Seq[[]ring.Record]
	Err() error
	Close() error
}

// errNotNow is what expired answers a read that would have to wait.
var errNotNow = errors.New("no record is there")

// expired is a context that has ended: with it, a source delivers what is there and does not wait.
var expired = func() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errNotNow)
	return ctx
}()

// mostAtOnce is how many records a batch has at most.
const mostAtOnce = 1024

// present hands over the records that are there, and returns io.EOF at the ring's end. nil means that it would have to
// wait, or only that the source has looked at its context, as it does once in a while: if there was no record at all, it
// has to wait. An error of take ends it; that batch is not consumed.
func present(from source, take func(recs []ring.Record) error) error {
	for recs := range from.Batches(expired, mostAtOnce) {
		if err := take(recs); err != nil {
			return err
		}
	}
	switch err := from.Err(); {
	case err == nil:
		return io.EOF
	case errors.Is(err, errNotNow):
		return nil
	default:
		return err
	}
}
