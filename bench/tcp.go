package main

import (
	"context"
	"errors"
	"net"
	"os"

	"github.com/mmring/mmring/internal/measure"
)

// tcp is a connection over the loopback interface, without Nagle's delay.
type tcp struct{}

func (tcp) Name() string { return "TCP loopback" }

func (tcp) Lay(string) (near, far []*os.File, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	a, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return nil, nil, err
	}
	defer a.Close()
	b, err := l.Accept()
	if err != nil {
		return nil, nil, err
	}
	defer b.Close()
	ours, err := descriptor(a)
	theirs, e := descriptor(b)
	return []*os.File{ours}, []*os.File{theirs}, errors.Join(err, e)
}

// descriptor returns a blocking descriptor of c, which stays open when c is closed.
func descriptor(c net.Conn) (*os.File, error) {
	f, err := c.(*net.TCPConn).File()
	if err != nil {
		return nil, err
	}
	return f, setBlocking(f)
}

func (tcp) Join(_ context.Context, s measure.Side) (measure.Ends, error) {
	f, err := inherited(s, 1)
	if err != nil {
		return measure.Ends{}, err
	}
	return joinStream(s, f[0], f[0])
}
