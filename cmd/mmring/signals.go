package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// signalError is the cause of a context that a signal ended.
type signalError struct{ syscall.Signal }

func (e signalError) Error() string { return e.String() }

// untilSignal returns a context that SIGINT or SIGTERM ends, with a signalError as its cause. A second signal ends the
// process at once. A write into a closed pipe becomes an error (EPIPE) instead of a death, here and not in children.
func untilSignal(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	asked, pipes := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(asked, os.Interrupt, syscall.SIGTERM)
	signal.Notify(pipes, syscall.SIGPIPE)
	go func() {
		select {
		case s := <-asked:
			signal.Stop(asked)
			cancel(signalError{s.(syscall.Signal)})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(asked)
		cancel(nil)
	}
}
