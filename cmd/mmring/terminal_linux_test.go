package main_test

import (
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// terminal is a terminal for a test.
type terminal struct {
	t      *testing.T
	master *os.File
	slave  *os.File // the end for a process
	shown  chan string
}

func newTerminal(t *testing.T, columns uint16) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}))
	term := &terminal{t, master, slave, make(chan string, 1)}
	go func() {
		b, _ := io.ReadAll(master) // it ends with an error when nobody has the other end any more
		term.shown <- string(b)
	}()
	t.Cleanup(func() { master.Close(); slave.Close() })
	return term
}

// text ends the terminal and returns what was written to it.
func (term *terminal) text() string {
	term.slave.Close()
	return <-term.shown
}
