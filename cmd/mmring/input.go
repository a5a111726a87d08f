package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// pieceSize is how much input is read at a time, at most.
const pieceSize = 256 << 10

// piece is what one read brought.
type piece struct {
	data []byte
	err  error // io.EOF at the end
}

// pieces reads r ahead, into one of a few buffers, so that a blocked read can be left when the context ends. A buffer is
// given back when its piece is done.
type pieces struct {
	full  chan piece
	empty chan []byte
}

func readPieces(ctx context.Context, r io.Reader) *pieces {
	const buffers = 4
	p := &pieces{make(chan piece, buffers), make(chan []byte, buffers)}
	for range buffers {
		p.empty <- make([]byte, pieceSize)
	}
	go func() {
		for {
			select {
			case b := <-p.empty:
				n, err := r.Read(b)
				select {
				case p.full <- piece{b[:n], err}:
				case <-ctx.Done():
					return
				}
				if err != nil {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return p
}

// next returns the next piece, which is valid until it is given to done.
func (p *pieces) next(ctx context.Context) (piece, error) {
	select {
	case c := <-p.full:
		return c, nil
	default:
	}
	select {
	case c := <-p.full:
		return c, nil
	case <-ctx.Done():
		return piece{}, context.Cause(ctx)
	}
}

func (p *pieces) done(c piece) { p.empty <- c.data[:cap(c.data)] }

// checkInputs makes sure that all inputs are there and are no directories, before anything is published.
func checkInputs(names []string) error {
	for _, name := range names {
		if name == "-" {
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			return hinted{err, "nothing was published"}
		}
		if info.IsDir() {
			return hinted{fmt.Errorf("open %s: a directory", name), "nothing was published; name its files"}
		}
	}
	return nil
}

// openInput opens the input of that name; "-" is stdin.
func (a *app) openInput(name string) (in io.Reader, called string, shut func(), err error) {
	if name == "-" {
		return a.stdin, "stdin", func() {}, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, "", nil, err
	}
	return f, name, func() { f.Close() }, nil
}

func isEnd(err error) bool { return errors.Is(err, io.EOF) }
