//go:build unix

package shm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// sentRange is what travels with a descriptor: offset and length, little-endian.
const sentRange = 16

// Send hands the memory to the process at the other end of a Unix socket, which maps it by Receive. The map stays open
// here.
//
// Errors: ErrClosed; errors.ErrUnsupported for private memory and for maps that keep no descriptor (NoTrack); or those of
// the socket.
func (m *Map) Send(conn *net.UnixConn) error {
	f, off, length, err := m.share("send")
	if err != nil {
		return err
	}
	defer f.Close()
	if conn == nil {
		return m.fail("send", os.ErrInvalid)
	}
	var what [sentRange]byte
	binary.LittleEndian.PutUint64(what[:], uint64(off))
	binary.LittleEndian.PutUint64(what[8:], uint64(length))
	err = withDescriptor(f, func(fd int) error {
		n, _, err := conn.WriteMsgUnix(what[:], unix.UnixRights(fd), nil)
		if err == nil && n < len(what) {
			err = io.ErrShortWrite
		}
		return err
	})
	if err != nil {
		return m.fail("send", err)
	}
	return nil
}

// Receive maps the memory that the other end of a Unix socket sends by Send, the same range of it. The options' Offset and
// Length must be zero.
//
// Errors: fs.ErrInvalid if something else was sent, or for these options; io.EOF when the other end has closed, and
// io.ErrUnexpectedEOF if in the middle; those of the socket and of MapFile.
func Receive(conn *net.UnixConn, a Access, o Options) (*Map, error) {
	f, err := receive(conn, &o)
	if err != nil {
		if f != nil {
			f.Close()
		}
		return nil, notMapped("received memory", a, o, err)
	}
	defer f.Close()
	return MapFile(f, a, o)
}

func receive(conn *net.UnixConn, o *Options) (*os.File, error) {
	if o.Offset != 0 || o.Length != 0 {
		return nil, fmt.Errorf("%w: the sender says which range it is", fs.ErrInvalid)
	}
	if conn == nil {
		return nil, os.ErrInvalid
	}
	if err := o.onlyFile(); err != nil {
		return nil, err
	}
	var what [sentRange]byte
	rights := make([]byte, unix.CmsgSpace(4))
	n, controls, flags, _, err := conn.ReadMsgUnix(what[:], rights)
	if err != nil {
		return nil, err
	}
	if n == 0 && controls == 0 {
		return nil, io.EOF
	}
	f, err := received(rights[:controls])
	if err != nil {
		return nil, err
	}
	if flags&unix.MSG_CTRUNC != 0 {
		return f, fmt.Errorf("%w: more than one descriptor", fs.ErrInvalid)
	}
	if _, err := io.ReadFull(conn, what[n:]); err == io.EOF {
		return f, io.ErrUnexpectedEOF
	} else if err != nil {
		return f, err
	}
	off, length := binary.LittleEndian.Uint64(what[:]), binary.LittleEndian.Uint64(what[8:])
	o.Offset, o.Length = int64(off), int(length)
	if o.Offset < 0 || o.Length <= 0 || uint64(o.Length) != length {
		return f, fmt.Errorf("%w: range", fs.ErrInvalid)
	}
	return f, nil
}

// received takes the one descriptor out of a control message; others are closed.
func received(control []byte) (*os.File, error) {
	var all []int
	messages, err := unix.ParseSocketControlMessage(control)
	for i := range messages {
		var fds []int
		if fds, err = unix.ParseUnixRights(&messages[i]); err == nil {
			all = append(all, fds...)
		}
	}
	for _, fd := range all {
		unix.CloseOnExec(fd)
	}
	if len(all) == 1 {
		return os.NewFile(uintptr(all[0]), "received memory"), nil
	}
	for _, fd := range all {
		err = errors.Join(err, unix.Close(fd))
	}
	return nil, errors.Join(fmt.Errorf("%w: %d descriptors", fs.ErrInvalid, len(all)), err)
}
