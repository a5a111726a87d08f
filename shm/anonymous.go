package shm

import (
	"fmt"
	"io/fs"
	"math"
	"strings"

	"github.com/mmring/mmring/shm/internal/pages"
)

// memoryNameMax is what a memory file's name may have.
const memoryNameMax = 200

// Anonymous maps n bytes of zeroed memory without a path, for reading and writing. It is shared: File, Send and
// exec.Cmd.ExtraFiles hand it to other processes, Resize makes it longer and shorter, and it lives until the last of them
// has closed it. Its pages take memory when they are first touched. Where the system has no memory files it is a temporary
// file without a name. Options.Private makes it memory of this process alone, which a descriptor cannot hand on.
//
// Errors: ErrRange if n is not positive or more than can be addressed; fs.ErrInvalid for a Name that cannot be and for
// options that only files have (Offset, Length, Grow); or what the kernel answers: ENOMEM, EMFILE.
func Anonymous(n int, o Options) (*Map, error) {
	name := o.Name
	if name == "" {
		name = "anonymous"
	}
	refused := o.Offset != 0 || o.Length != 0 || o.Grow
	o.Length = n
	m, err := anonymous(n, name, o, refused)
	if err != nil {
		return nil, notMapped(name, ReadWrite, o, err)
	}
	return m, nil
}

func anonymous(n int, name string, o Options, refused bool) (*Map, error) {
	switch {
	case refused:
		return nil, fmt.Errorf("%w: memory without a file has no Offset, Length or Grow", fs.ErrInvalid)
	case n <= 0 || n > math.MaxInt-2*pages.Size:
		return nil, ErrRange
	case len(name) > memoryNameMax || strings.ContainsRune(name, 0):
		return nil, fmt.Errorf("%w: names have at most %d bytes, none of them zero", fs.ErrInvalid, memoryNameMax)
	}
	if o.Private {
		if err := o.check(ReadWrite); err != nil {
			return nil, err
		}
		m := newMap(name, ReadWrite, o, pages.Size)
		m.memory, m.source.Private = true, true
		return m, m.open(none, n, o)
	}
	fd, err := memoryFile(name)
	if err != nil {
		return nil, err
	}
	defer closeDescriptor(fd)
	o.Grow, o.Sparse = true, true
	return mapDescriptor(fd, name, ReadWrite, o)
}
