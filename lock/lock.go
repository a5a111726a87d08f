package lock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// ErrBusy says that somebody else, in this process or another, holds what was asked for.
var ErrBusy = errors.New("busy: somebody else holds it")

// Mode says whether a role tolerates others beside it.
type Mode int

const (
	Exclusive Mode = iota // nobody else holds the role
	Shared                // others may hold it too, all of them shared
)

// String returns "exclusive" or "shared".
func (m Mode) String() string {
	switch m {
	case Exclusive:
		return "exclusive"
	case Shared:
		return "shared"
	}
	return fmt.Sprintf("Mode(%d)", int(m))
}

func (m Mode) valid() error {
	if m != Exclusive && m != Shared {
		return fmt.Errorf("%w: no such mode", fs.ErrInvalid)
	}
	return nil
}

// name is what errors call f.
func name(f *os.File) string {
	if f == nil {
		return "no file"
	}
	return f.Name()
}

// bare takes the operation and path off an error of package os: ours name both.
func bare(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// regular refuses everything but a regular file.
func regular(info fs.FileInfo) error {
	kind := "special file"
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		kind = "directory"
	case mode&fs.ModeSymlink != 0:
		kind = "symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		kind = "named pipe"
	case mode&fs.ModeSocket != 0:
		kind = "socket"
	case mode&fs.ModeDevice != 0:
		kind = "device"
	}
	return fmt.Errorf("%w: a %s, not a regular file", fs.ErrInvalid, kind)
}
