package ring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"sync/atomic"

	"github.com/mmring/mmring/internal/view"
	"github.com/mmring/mmring/shm"
)

type openOptions struct {
	write      bool     // the counters are mapped for writing
	publish    bool     // and so is the data region
	attention  bool     // the data wake word is, where this process may write to the file
	of         *os.File // handed over; nil: the path leads to it
	wait       bool
	allowOwner bool
	allowFS    bool
	log        *slog.Logger
	memory     Memory
	spins      Spin
}

// openHandle opens, checks and maps the ring at path.
func openHandle(ctx context.Context, path string, o openOptions) (*handle, error) {
	if !supported {
		return nil, errors.ErrUnsupported
	}
	at := origin{path, o.of}
	open := func() (*os.File, error) {
		if o.attention {
			if f, err := at.open(true); err == nil {
				return f, nil
			}
		}
		return at.open(o.write)
	}
	f, err := open()
	if o.wait && errors.Is(err, fs.ErrNotExist) {
		if err := appear(ctx, path); err != nil {
			return nil, err
		}
		f, err = open()
	}
	if err != nil {
		return nil, err
	}
	h, err := mapFile(f, path, o)
	if err != nil {
		f.Close()
		return nil, err
	}
	return h, nil
}

// mapFile makes a handle of an open file, which it then owns.
func mapFile(f *os.File, path string, o openOptions) (*handle, error) {
	hdr, err := readHeader(f, o)
	if err != nil {
		return nil, err
	}
	access := func(write bool) shm.Access {
		if write {
			return shm.ReadWrite
		}
		return shm.ReadOnly
	}
	h := &handle{gate: newGate(), parts: parts{hdr: hdr, file: f}, path: path, nameless: o.of != nil, log: o.log, spins: o.spins, guest: newGuest()}
	h.control, err = shm.MapFile(f, access(o.write), shm.Options{Length: int(hdr.data)})
	if err != nil {
		return nil, err
	}
	h.region, err = shm.MapFile(f, access(o.publish), shm.Options{Offset: hdr.data, Length: int(hdr.capacity)})
	if err != nil {
		h.control.Close()
		return nil, err
	}
	for _, m := range []*shm.Map{h.control, h.region} {
		_ = m.Advise(shm.DontFork) // a child must not keep our locks alive through the mapping; where refused, exec ends it
	}
	err = o.memory.apply(h.control, o.write)
	if err == nil {
		err = o.memory.apply(h.region, o.publish)
	}
	if err != nil {
		h.file = nil // is the caller's
		h.parts.giveBack()
		return nil, err
	}
	h.memory = lay(&h.hdr, h.control.Bytes(), h.region.Bytes())
	if o.write {
		h.bell = h.dataWake
	} else if o.attention {
		h.findBell()
	}
	if h.lodging, err = lodgingOf(f); err != nil {
		h.file = nil // is the caller's
		h.parts.giveBack()
		return nil, err
	}
	return h, nil
}

// findBell maps the data wake word for writing, and nothing else, if this process may write to the file: with the rights, on
// the terms of those who write.
func (h *handle) findBell() {
	info, err := h.file.Stat()
	if err != nil || checkOwner(info) != nil || le.Uint64(h.control.Bytes()[offROCompat:]) != 0 {
		return
	}
	m, err := shm.MapFile(h.file, shm.ReadWrite, shm.Options{Offset: offDataWake, Length: 4})
	if err != nil {
		return // the file is open for reading alone
	}
	_ = m.Advise(shm.DontFork) // as above
	h.attention, h.bell = m, layBell(h.memory, m.Bytes())
}

// layBell takes the word from its mapping; tests have it on the heap.
var layBell = func(_ *memory, word []byte) *atomic.Uint32 { return view.Uint32(word, 0) }

// lay is newMemory; tests put the words on the heap, where the race detector sees them.
var lay = newMemory

// readHeader checks what kind of file f is, and its header.
func readHeader(f *os.File, o openOptions) (header, error) {
	info, err := f.Stat()
	if err != nil {
		return header{}, err
	}
	if !info.Mode().IsRegular() {
		return header{}, fmt.Errorf("%w: %s, not a regular file", ErrNotRing, kindOf(info.Mode()))
	}
	if o.write && !o.allowOwner {
		if err := checkOwner(info); err != nil {
			return header{}, err
		}
	}
	if !o.allowFS {
		if err := checkFS(f); err != nil {
			return header{}, err
		}
	}
	page := make([]byte, headerSize)
	n, err := f.ReadAt(page, 0)
	if err != nil && err != io.EOF {
		return header{}, err
	}
	hdr, readOnly, err := decodeHeader(page[:n], info.Size())
	if err == nil && readOnly && o.write {
		err = fmt.Errorf("%w: has features that this mmring can read and not write", ErrVersion)
	}
	return hdr, err
}

func kindOf(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a directory"
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return m.Type().String()
}
