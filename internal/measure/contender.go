package measure

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// A Contender carries records from one process to another. Whatever it carries was filled by Payload.Fill and must be
// checked with Payload.Check.
type Contender interface {
	// Name is what it is called in tables and on the far side.
	Name() string
	// Lay prepares both directions in the near process, before the far one is there: files in dir, or descriptors, which
	// the two sides find again in Side.Files.
	Lay(dir string) (near, far []*os.File, err error)
	// Join opens one side's ends. The near side joins first. Whoever waits at such an end gives up when ctx is done.
	Join(ctx context.Context, s Side) (Ends, error)
}

// Shape says what records are like.
type Shape struct {
	Size  int // bytes, a multiple of 32
	Batch int // sent at a time
	Spoil Spoil
}

// Spoil says which record, counted from 1, each side's sender makes wrong on purpose: 0, none, unless a test asks for it.
type Spoil struct{ Near, Far uint64 }

// Side is what a process needs to know to join.
type Side struct {
	Payload
	Batch int
	Far   bool
	Dir   string
	Files []*os.File
}

// Ends are what a process holds of a contender.
type Ends struct {
	Sender
	Receiver
	Close func()
}

// A Sender fills records and hands them over.
type Sender interface {
	// Send sends n records, numbered from first on, a batch at a time; n is a multiple of the batch.
	Send(first, n uint64) error
}

// A Receiver takes records and checks them.
type Receiver interface {
	// Receive returns when it has seen n records, numbered from first on, and found them right.
	Receive(first, n uint64) error
}

// ErrGone says that the other process has ended, or that the session was told to.
var ErrGone = errors.New("the other process is gone")

func named(all []Contender, name string) (Contender, error) {
	for _, c := range all {
		if c.Name() == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("no contender %q", name)
}
