package main

import (
	"context"
	"os"

	"github.com/mmring/mmring/internal/measure"
)

// pipe is a pipe in each direction, of the kernel's default size (64 KiB). A batch of 64 records of 64 bytes is one write
// of 4 KiB.
type pipe struct{}

func (pipe) Name() string { return "pipe" }

func (pipe) Lay(string) (near, far []*os.File, err error) {
	fromNear, toFar, err := pipePair()
	if err != nil {
		return nil, nil, err
	}
	fromFar, toNear, err := pipePair()
	if err != nil {
		closer(fromNear, toFar)()
		return nil, nil, err
	}
	return []*os.File{fromFar, toFar}, []*os.File{fromNear, toNear}, nil
}

func (pipe) Join(_ context.Context, s measure.Side) (measure.Ends, error) {
	f, err := inherited(s, 2)
	if err != nil {
		return measure.Ends{}, err
	}
	return joinStream(s, f[0], f[1])
}
