package main

import (
	"context"
	"fmt"
	"os"
)

// A contender carries records from one process to another. To add one: a file with a type that has these methods, and a
// line in contenders. Whatever it carries was filled by payload.fill and must be checked with payload.check.
type contender interface {
	// name is how tables and -only call it.
	name() string
	// takes reports whether it takes part in m.
	takes(m measure) bool
	// lay prepares both directions in the near process, before the far one is there: files in dir, or descriptors, which
	// the two sides find again in side.files.
	lay(dir string) (near, far []*os.File, err error)
	// join opens one side's ends. The near side joins first.
	join(ctx context.Context, s side) (ends, error)
}

// contenders are those measured, in the order in which a round measures them.
func contenders() []contender {
	return []contender{rawHop{}, memcpy{}, mmring{}, bareFutex{}, pipe{}, unixSocket{stream: true}, unixSocket{}, tcp{}}
}

// side is what a process needs to know to join.
type side struct {
	payload
	batch int // records sent at a time
	far   bool
	dir   string
	files []*os.File
}

// ends are what a process holds of a contender.
type ends struct {
	sender
	receiver
	close func()
}

// A sender fills records and hands them over.
type sender interface {
	// send sends n records, numbered from first on, a batch at a time; n is a multiple of the batch.
	send(first, n uint64) error
}

// A receiver takes records and checks them.
type receiver interface {
	// receive returns when it has seen n records, numbered from first on, and found them right.
	receive(first, n uint64) error
}

func named(name string) (contender, error) {
	for _, c := range contenders() {
		if c.name() == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("no contender %q", name)
}

// nothing is what lay returns where both sides only need the directory.
func nothing() (near, far []*os.File, err error) { return nil, nil, nil }
