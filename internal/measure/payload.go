package measure

import (
	"encoding/binary"
	"fmt"
)

var le = binary.LittleEndian

// Payload is what records carry: every 8 bytes of every record hold a number of their own.
type Payload struct {
	Size  int    // bytes, a multiple of 32
	Spoil uint64 // the record, counted from 1, in which Fill makes one byte wrong; 0: no such record
}

// spread makes neighbouring records differ in all bytes (2^64 divided by the golden ratio).
const spread = 0x9E3779B97F4A7C15

// Fill writes the payload of record i into b, which has Size bytes.
func (p Payload) Fill(b []byte, i uint64) {
	v := i * spread
	for r := b; len(r) >= 32; r = r[32:] {
		le.PutUint64(r[0:8], v)
		le.PutUint64(r[8:16], v+1)
		le.PutUint64(r[16:24], v+2)
		le.PutUint64(r[24:32], v+3)
		v += 4
	}
	if i+1 == p.Spoil {
		b[len(b)-1] ^= 0x40
	}
}

// Check reads all of b and returns an error unless it is the payload of record i.
func (p Payload) Check(b []byte, i uint64) error {
	if len(b) != p.Size {
		return fmt.Errorf("record %d has %d bytes, expected %d", i, len(b), p.Size)
	}
	v, bad := i*spread, uint64(0)
	for r := b; len(r) >= 32; r = r[32:] {
		bad |= (le.Uint64(r[0:8]) ^ v) | (le.Uint64(r[8:16]) ^ (v + 1)) | (le.Uint64(r[16:24]) ^ (v + 2)) | (le.Uint64(r[24:32]) ^ (v + 3))
		v += 4
	}
	if bad != 0 {
		return wrong(i)
	}
	return nil
}

func wrong(i uint64) error { return fmt.Errorf("payload of record %d is wrong", i) }
