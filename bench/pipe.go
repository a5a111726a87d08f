package main

import (
	"context"
	"os"
)

// pipe is a pipe in each direction, of the kernel's default size (64 KiB). A batch of 64 records of 64 bytes is one write
// of 4 KiB.
type pipe struct{}

func (pipe) name() string         { return "pipe" }
func (pipe) takes(m measure) bool { return true }

func (pipe) lay(string) (near, far []*os.File, err error) {
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

func (pipe) join(_ context.Context, s side) (ends, error) {
	f, err := s.open(2)
	if err != nil {
		return ends{}, err
	}
	return joinStream(s, f[0], f[1])
}
