package main

import (
	"context"
	"os"
)

// unixSocket is a connected pair of Unix sockets: a byte stream, or packets, one for each record. Buffers are the kernel's
// default.
type unixSocket struct{ stream bool }

func (u unixSocket) name() string {
	if u.stream {
		return "Unix stream"
	}
	return "Unix seqpacket"
}

func (u unixSocket) takes(m measure) bool {
	return m.kind == latency || m.kind == volume || m.kind == rate && (u.stream || m.batch() == 1)
}

func (u unixSocket) lay(string) (near, far []*os.File, err error) {
	a, b, err := socketPair(u.stream)
	return []*os.File{a}, []*os.File{b}, err
}

func (u unixSocket) join(_ context.Context, s side) (ends, error) {
	f, err := s.open(1)
	if err != nil {
		return ends{}, err
	}
	if u.stream {
		return joinStream(s, f[0], f[0])
	}
	r := &packetReader{s.payload, f[0], int(f[0].Fd()), make([]byte, s.size+1)}
	return ends{newFdWriter(s, f[0]), r, closer(f[0])}, nil
}
