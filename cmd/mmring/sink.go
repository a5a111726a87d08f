package main

import (
	"context"
	"io"
)

// sink is stdout. It writes from a goroutine of its own, so that a write that blocks is left when the context ends.
type sink struct {
	ctx     context.Context
	todo    chan []byte
	done    chan error
	blocked *notice
	failed  error // the first write that did not work
}

func (a *app) sink(ctx context.Context, w io.Writer) *sink {
	s := &sink{
		ctx: ctx, todo: make(chan []byte), done: make(chan error, 1),
		blocked: a.notice(func() string { return "stdout to take the output" }),
	}
	go func() {
		for b := range s.todo {
			_, err := w.Write(b)
			s.done <- err
		}
	}()
	return s
}

// Write returns when b was written, or with the context's cause; then b must stay as it is. After a write that failed
// there is no other.
func (s *sink) Write(b []byte) (int, error) {
	if s.failed == nil {
		s.failed = s.write(b)
	}
	if s.failed != nil {
		return 0, s.failed
	}
	return len(b), nil
}

func (s *sink) write(b []byte) error {
	s.blocked.begin()
	defer s.blocked.end()
	s.todo <- b
	select {
	case err := <-s.done:
		return err
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	}
}
