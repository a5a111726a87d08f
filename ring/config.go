package ring

import (
	"fmt"
	"io/fs"
	"math/bits"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Config says what a new ring is. It is written into the file's header and never changes. The zero value is good:
// 16 MiB for one writer at a time and up to 64 registered readers, readable and writable by its owner alone.
type Config struct {
	// Capacity is the size of the data region in bytes: a power of two from 64 KiB to 1 TiB; 0 means 16 MiB. All of it is
	// allocated at once. The largest record is the smaller of half of it and 1 GiB.
	Capacity int64
	// Slots is how many readers may be registered at a time, durable cursors included: 1 to 4096; 0 means 64.
	Slots int
	// Mode is the file's mode whatever the umask says; 0 means 0600.
	Mode fs.FileMode
	// Group is the number of the group that the file belongs to, whose members Mode may give more than others; 0 means as for
	// any new file. Only groups that the process is in can be given, but by root. Who writes to a ring of another user also
	// needs AllowOwner.
	Group int
	// Timestamps gives every record the time of its publication (8 bytes each).
	Timestamps bool
	// Checksums gives every record a CRC-32C, checked whenever it is read (8 bytes each).
	Checksums bool
	// WakeAlways makes the writer wake sleepers after every publication, for observers that may not write to the file and so
	// cannot ask for it: one system call each.
	WakeAlways bool
	// Shared lets several writers publish at a time, into one order: each record costs them a
	// compare-and-swap more. Each has one of the Slots, as readers have.
	Shared bool
	// EvictAfter is how long a registered reader, or its durable cursor, may hold the writer back without moving, counted in
	// the writer's own running time; 0 means for ever, else at least a millisecond, and 16 looks of the writer. After that it is
	// evicted: the writer goes on, and the reader gets ErrEvicted. Groups are always waited for. WriterOptions.EvictAfter may be
	// longer.
	EvictAfter time.Duration
	// ContentType says what the payloads are, as a media type; at most 127 bytes.
	ContentType string
	// Description is for people; at most 1023 bytes.
	Description string
	// AllowFS makes the ring on a file system where mapped memory may not be coherent (network, FUSE, overlay).
	AllowFS bool
}

// fill replaces zero values by defaults and says what cannot be.
func (c Config) fill() (Config, error) {
	if c.Capacity == 0 {
		c.Capacity = defaultCapacity
	}
	if c.Slots == 0 {
		c.Slots = defaultSlots
	}
	if c.Mode == 0 {
		c.Mode = 0o600
	}
	switch {
	case c.EvictAfter != 0 && c.EvictAfter < minEvictAfter:
		return c, fmt.Errorf("%w: eviction after %s: must be 0 (never) or at least %s", ErrConfig, c.EvictAfter, minEvictAfter)
	case c.Capacity < minCapacity || c.Capacity > maxCapacity || bits.OnesCount64(uint64(c.Capacity)) != 1:
		return c, fmt.Errorf("%w: capacity %d: must be a power of two from 65536 (64KiB) to 1099511627776 (1TiB)", ErrConfig, c.Capacity)
	case c.Slots < minSlots || c.Slots > maxSlots:
		return c, fmt.Errorf("%w: %d readers: must be 1 to %d", ErrConfig, c.Slots, maxSlots)
	case c.Group < 0:
		return c, fmt.Errorf("%w: group %d", ErrConfig, c.Group)
	case c.Mode&^fs.ModePerm != 0 || c.Mode&0o600 != 0o600:
		return c, fmt.Errorf("%w: mode %#o: must be permission bits, and the owner must read and write", ErrConfig, uint32(c.Mode))
	}
	if err := checkText("content type", c.ContentType, contentTypeSize-1); err != nil {
		return c, err
	}
	return c, checkText("description", c.Description, descriptionSize-1)
}

func checkText(what, s string, most int) error {
	if len(s) > most {
		return fmt.Errorf("%w: %s of %d bytes: at most %d", ErrConfig, what, len(s), most)
	}
	if !utf8.ValidString(s) || strings.IndexFunc(s, unicode.IsControl) >= 0 {
		return fmt.Errorf("%w: %s %q: must be UTF-8 without control characters", ErrConfig, what, s)
	}
	return nil
}

// checkName accepts what every shell, terminal and language handles: 1 to 40 bytes of letters, digits and ._:@+-
func checkName(name string) error {
	if name == "" || len(name) > slotNameSize {
		return fmt.Errorf("%w: %d bytes: must be 1 to %d", ErrName, len(name), slotNameSize)
	}
	for _, r := range name {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._:@+-", r)) {
			return fmt.Errorf("%w %q: letters, digits and ._:@+- are allowed", ErrName, name)
		}
	}
	return nil
}
