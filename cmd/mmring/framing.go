package main

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/mmring/mmring/ring"
)

// framer cuts a stream of bytes into records. It is fed pieces of any size, and emits each record as soon as its last byte
// has come. What it emits is valid until the piece after the next is fed.
type framer struct {
	framing string // lines, nul, u32le, whole
	name    string // of the input, for errors
	max     int    // payload bytes of the largest record
	skip    bool   // go on after a record that is too large
	emit    func(rec []byte) error
	skipped func(err error) // told of each record that was left out

	number   uint64 // of the record in the making, from 1 on
	carry    []byte // its bytes so far; with u32le also its length
	spare    []byte
	dropping bool   // it is too large: its other bytes are passed over
	drop     uint64 // u32le: how many of them are to come
}

// feed takes the next piece of the stream.
func (f *framer) feed(p []byte) error {
	switch f.framing {
	case "u32le":
		return f.prefixed(p)
	case "whole":
		return f.keep(p)
	case "nul":
		return f.separated(p, 0)
	}
	return f.separated(p, '\n')
}

// finish takes the end of the stream.
func (f *framer) finish() error {
	switch {
	case f.framing == "whole":
		return f.record(nil)
	case f.framing != "u32le":
		if len(f.carry) > 0 || f.dropping {
			return f.record(nil)
		}
	case f.drop > 0:
		return f.cut("payload", fmt.Sprintf("%d bytes are missing", f.drop))
	case len(f.carry) >= prefixBytes:
		have, want := len(f.carry)-prefixBytes, binary.LittleEndian.Uint32(f.carry)
		return f.cut("payload", fmt.Sprintf("%d of %d bytes", have, want))
	case len(f.carry) > 0:
		return f.cut("length prefix", fmt.Sprintf("%d of %d bytes", len(f.carry), prefixBytes))
	}
	return nil
}

func (f *framer) cut(what, how string) error {
	return hinted{
		fmt.Errorf("%s ends in the middle of a %s: %s, record %d", f.name, what, how, f.number+1),
		"the records before it are published",
	}
}

// separated cuts at each byte sep.
func (f *framer) separated(p []byte, sep byte) error {
	for {
		i := bytes.IndexByte(p, sep)
		if i < 0 {
			return f.keep(p)
		}
		if err := f.record(p[:i]); err != nil {
			return err
		}
		p = p[i+1:]
	}
}

// keep adds p to the record in the making.
func (f *framer) keep(p []byte) error {
	if f.dropping {
		return nil
	}
	if len(f.carry)+len(p) > f.max {
		f.dropping = true
		f.carry = f.carry[:0]
		return f.tooLarge(fmt.Sprintf("more than %d bytes", f.max))
	}
	f.carry = append(f.carry, p...)
	return nil
}

// record ends the record in the making, whose last bytes are p.
func (f *framer) record(p []byte) error {
	if len(f.carry) > 0 || f.dropping || len(p) > f.max {
		if err := f.keep(p); err != nil {
			return err
		}
		p = f.carry
		f.carry, f.spare = f.spare[:0], f.carry
	}
	f.number++
	if f.dropping {
		f.dropping = false
		return nil
	}
	return f.emit(p)
}

// prefixBytes is the size of a u32le record's length.
const prefixBytes = 4

// prefixed cuts records that each come after their length. Only the first record of a piece can be one that was begun in
// an earlier piece, and needs to be put together.
func (f *framer) prefixed(p []byte) error {
	for len(p) > 0 {
		var err error
		switch {
		case f.drop > 0:
			n := min(f.drop, uint64(len(p)))
			f.drop -= n
			p = p[n:]
		case len(f.carry) == 0 && len(p) >= prefixBytes:
			p, err = f.direct(p)
		default:
			p, err = f.complete(p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// direct takes a record that begins at p's start, and returns what follows.
func (f *framer) direct(p []byte) (rest []byte, err error) {
	size := uint64(binary.LittleEndian.Uint32(p))
	body := p[prefixBytes:]
	switch {
	case size > uint64(f.max):
		return body, f.passOver(size)
	case uint64(len(body)) < size:
		f.carry = append(f.carry, p...)
		return nil, nil
	}
	f.number++
	return body[size:], f.emit(body[:size])
}

// complete adds the start of p to the record in the making, and returns what follows.
func (f *framer) complete(p []byte) (rest []byte, err error) {
	want := prefixBytes
	if len(f.carry) >= prefixBytes {
		want += int(binary.LittleEndian.Uint32(f.carry))
	}
	n := min(want-len(f.carry), len(p))
	f.carry = append(f.carry, p[:n]...)
	rest = p[n:]
	if len(f.carry) < want {
		return rest, nil
	}
	size := uint64(binary.LittleEndian.Uint32(f.carry))
	if want == prefixBytes && size > uint64(f.max) {
		f.carry = f.carry[:0]
		return rest, f.passOver(size)
	}
	if want == prefixBytes && size > 0 {
		return rest, nil
	}
	whole := f.carry
	f.carry, f.spare = f.spare[:0], f.carry
	f.number++
	return rest, f.emit(whole[prefixBytes:])
}

// passOver leaves out a record of size bytes, which are to come.
func (f *framer) passOver(size uint64) error {
	f.drop = size
	err := f.tooLarge(fmt.Sprintf("%d bytes, at most %d", size, f.max))
	f.number++
	return err
}

// tooLarge is about the record in the making.
func (f *framer) tooLarge(size string) error {
	what := "record"
	switch f.framing {
	case "lines":
		what = "line"
	case "whole":
		err := fmt.Errorf("%s: %w: %s", f.name, ring.ErrTooLarge, size)
		return f.refuse(err)
	}
	return f.refuse(fmt.Errorf("%s: %s %d: %w: %s", f.name, what, f.number+1, ring.ErrTooLarge, size))
}

func (f *framer) refuse(err error) error {
	if !f.skip {
		return err
	}
	f.skipped(err)
	return nil
}
