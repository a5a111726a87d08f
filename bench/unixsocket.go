package main

import (
	"context"
	"os"

	"github.com/mmring/mmring/internal/measure"
)

// unixSocket is a connected pair of Unix sockets: a byte stream, or packets, one for each record. Buffers are the kernel's
// default.
type unixSocket struct{ stream bool }

func (u unixSocket) Name() string {
	if u.stream {
		return "Unix stream"
	}
	return "Unix seqpacket"
}

func (u unixSocket) Lay(string) (near, far []*os.File, err error) {
	a, b, err := socketPair(u.stream)
	return []*os.File{a}, []*os.File{b}, err
}

func (u unixSocket) Join(_ context.Context, s measure.Side) (measure.Ends, error) {
	f, err := inherited(s, 1)
	if err != nil {
		return measure.Ends{}, err
	}
	if u.stream {
		return joinStream(s, f[0], f[0])
	}
	r := &packetReader{s.Payload, f[0], int(f[0].Fd()), make([]byte, s.Size+1)}
	return measure.Ends{Sender: newFdWriter(s, f[0]), Receiver: r, Close: closer(f[0])}, nil
}
