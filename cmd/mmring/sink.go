package main

import (
	"context"
	"fmt"
	"io"
)

// sink writes from a goroutine of its own, so that a write that blocks can be left when the context ends.
type sink struct {
	todo    chan []byte
	done    chan error
	blocked *notice
}

func newSink(w io.Writer, blocked *notice) *sink {
	s := &sink{make(chan []byte), make(chan error, 1), blocked}
	go func() {
		for b := range s.todo {
			_, err := w.Write(b)
			s.done <- err
		}
	}()
	return s
}

// write returns when b was written. After it has left a write, the sink is of no more use.
func (s *sink) write(ctx context.Context, b []byte) error {
	s.todo <- b
	s.blocked.begin()
	defer s.blocked.end()
	select {
	case err := <-s.done:
		if err != nil {
			return fmt.Errorf("write: %w", err)
		}
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *sink) close() { close(s.todo) }
