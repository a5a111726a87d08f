package shm

// Access says what may be done with mapped memory.
type Access int

const (
	// ReadOnly memory can be read; storing into it is a fault.
	ReadOnly Access = iota
	// ReadWrite memory is the file: what is stored there, all others see.
	ReadWrite
	// CopyOnWrite memory can be changed; changes stay private. Pages that were not changed may still show later changes of
	// the file.
	CopyOnWrite
)

func (a Access) String() string {
	switch a {
	case ReadOnly:
		return "read-only"
	case ReadWrite:
		return "read-write"
	case CopyOnWrite:
		return "copy-on-write"
	}
	return "unknown access"
}

// Options say what to map. The zero value is all of the file.
type Options struct {
	// Offset is the first byte of the file that is mapped; it need not be a multiple of anything.
	Offset int64
	// Length is how many bytes are mapped; 0 means to the end of the file.
	Length int
}
