package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// terminalColumns returns how wide the terminal is that f writes to, or 0 if f is no terminal.
func terminalColumns(f *os.File) int {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	switch {
	case err != nil:
		return 0
	case size.Col == 0:
		return 80 // it does not know
	}
	return int(size.Col)
}
