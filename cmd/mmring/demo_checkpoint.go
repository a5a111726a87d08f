package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
)

// checkpoint keeps a tally in a file, so that its process may be killed at any instruction: two places are written in
// turns, each with a checksum, and the newer whole one counts.
type checkpoint struct {
	file  *os.File
	turns int
}

// A place holds: checksum of what follows, length of the hash's state, count, bytes, state.
const (
	placeSize = 512
	placeHead = 4 + 4 + 8 + 8
)

// openCheckpoint returns the checkpoint at path, and the tally it holds: an empty one if it is new.
func openCheckpoint(path string) (*checkpoint, *tally, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, err
	}
	c, t := &checkpoint{file: f}, newTally()
	var best []byte
	for turn := range 2 {
		p := make([]byte, placeSize)
		if _, err := f.ReadAt(p, int64(turn*placeSize)); err != nil && !isEnd(err) {
			return nil, nil, errors.Join(err, f.Close())
		}
		n := int(binary.LittleEndian.Uint32(p[4:]))
		if n == 0 || n > placeSize-placeHead || crc32.ChecksumIEEE(p[4:placeHead+n]) != binary.LittleEndian.Uint32(p) {
			continue
		}
		if count := binary.LittleEndian.Uint64(p[8:]); best == nil || count > t.count {
			best, t.count, t.bytes = p[placeHead:placeHead+n], count, binary.LittleEndian.Uint64(p[16:])
			c.turns = turn + 1
		}
	}
	if best != nil {
		if err := t.restore(best); err != nil {
			return nil, nil, errors.Join(err, f.Close())
		}
	}
	return c, t, nil
}

// save writes t over the older place.
func (c *checkpoint) save(t *tally) error {
	state, err := t.state()
	if err != nil {
		return err
	}
	if len(state) > placeSize-placeHead {
		return fmt.Errorf("state of %d bytes does not fit into a checkpoint", len(state))
	}
	p := make([]byte, placeHead, placeSize)
	binary.LittleEndian.PutUint32(p[4:], uint32(len(state)))
	binary.LittleEndian.PutUint64(p[8:], t.count)
	binary.LittleEndian.PutUint64(p[16:], t.bytes)
	p = append(p, state...)
	binary.LittleEndian.PutUint32(p, crc32.ChecksumIEEE(p[4:]))
	_, err = c.file.WriteAt(p, int64(c.turns%2*placeSize))
	c.turns++
	return err
}

func (c *checkpoint) close() error { return c.file.Close() }
