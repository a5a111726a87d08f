package ring

import (
	"crypto/rand"
	"errors"
	"time"
)

// Create makes a ring at path: all its blocks are allocated, its header and counters written, and only then does it get
// its name. A ring that is half made is never visible.
//
// Errors: fs.ErrExist, ErrConfig, ErrFS, ENOSPC with how much is needed and how much is free, fs.ErrPermission,
// fs.ErrNotExist for the directory, and errors.ErrUnsupported for what is not built yet.
func Create(path string, c Config) error { return fail("create", path, create(path, c)) }

func create(path string, c Config) error {
	if !supported {
		return errors.ErrUnsupported
	}
	c, h, err := plan(c)
	if err != nil {
		return err
	}
	return birth(path, c, h.fileSize(), h.firstPages())
}

// plan returns what a new ring is to be, and its header.
func plan(c Config) (Config, header, error) {
	c, err := c.fill()
	if err != nil {
		return c, header{}, err
	}
	var uuid [16]byte
	rand.Read(uuid[:]) // never fails
	uuid[6], uuid[8] = uuid[6]&0x0f|0x40, uuid[8]&0x3f|0x80
	return c, newHeader(c, uuid, time.Now()), nil
}

// firstPages returns the header and the counters of a ring into which nothing has been written: next sequence 1, clean.
// Everything else is zero.
func (h *header) firstPages() []byte {
	b := append(h.encode(), make([]byte, indexStart-headerSize)...)
	le.PutUint64(b[offNextSeq:], 1)
	le.PutUint32(b[offClean:], 1)
	return b
}

// noTmpfile makes nameless behave as on a file system without O_TMPFILE. Only tests set it.
var noTmpfile bool
