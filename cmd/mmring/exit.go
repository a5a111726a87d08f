package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/mmring/mmring/ring"
)

// Exit codes: a contract with scripts.
const (
	exitDone    = 0
	exitError   = 1
	exitUsage   = 2
	exitLoss    = 3
	exitTimeout = 4
	exitCorrupt = 5
	exitBusy    = 6

	exitSignal = 128 // and the signal's number
)

// usageError says that the command line cannot be.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// hinted is an error with something to do about it.
type hinted struct {
	error
	hint string
}

func (e hinted) Unwrap() error { return e.error }

var (
	errLoss    = errors.New("records were lost")
	errTimeout = errors.New("timed out")
	errFaults  = errors.New("the ring has faults") // told already, on stdout
)

// exitCode sorts errors into the codes of the contract.
func exitCode(err error) int {
	var sig signalError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &sig):
		return exitSignal + int(sig.Signal)
	case errors.Is(err, syscall.EPIPE):
		return exitSignal + int(syscall.SIGPIPE)
	case errors.As(err, new(usageError)), errors.Is(err, ring.ErrConfig), errors.Is(err, ring.ErrName):
		return exitUsage
	case errors.Is(err, errLoss):
		return exitLoss
	case errors.Is(err, errTimeout), errors.Is(err, context.DeadlineExceeded):
		return exitTimeout
	case errors.Is(err, ring.ErrCorrupt), errors.Is(err, errFaults):
		return exitCorrupt
	case errors.Is(err, ring.ErrBusy):
		return exitBusy
	}
	return exitError
}

// farewell tells how c ended, unless a signal or a closed pipe ended it, and returns the exit code.
func (a *app) farewell(c *cobra.Command, err error) int {
	code := exitCode(err)
	if code >= exitSignal || code == exitDone || errors.Is(err, errFaults) {
		return code
	}
	fmt.Fprintf(a.stderr, "mmring: %v\n", err)
	if h := hint(c, err); h != "" {
		fmt.Fprintf(a.stderr, "hint: %s\n", h)
	}
	return code
}

// hints say what to do about errors of the library, the first that fits.
var hints = []struct {
	err  error
	hint string
}{
	{ring.ErrEnded, "remove the ring and make a new one: mmring rm PATH"},
	{ring.ErrNoSlot, "mmring readers PATH shows who has them; a ring made with more --readers has more"},
	{ring.ErrTooLarge, "--skip-too-large goes on without it; a ring with a larger --capacity takes it"},
	{ring.ErrFull, "without --no-wait pub waits for its readers; mmring stat PATH shows who is behind"},
	{ring.ErrEvicted, "start it again: under its --name it goes on, and says what it lost; mmring info PATH says how long a reader may hold the writer back"},
	{ring.ErrCorrupt, "mmring verify PATH says where"},
	{ring.ErrVersion, "read it with the mmring that made it, or a newer one"},
	{ring.ErrFS, "make rings in /dev/shm or on a local disk, or insist with --force-fs"},
	{ring.ErrOwner, "sub --observe and cat only read, and do not mind the owner"},
	{ring.ErrNoTimes, "only rings made with --timestamps know when; --from takes a sequence number, and -N for the last N, of every ring"},
	{ring.ErrNotRing, "mmring ls DIR lists the rings in a directory"},
	{ring.ErrLost, "somebody removed, replaced or truncated the ring's file"},
	{syscall.ENOSPC, "ask for a smaller --capacity, or make room"},
	{fs.ErrNotExist, "mmring create PATH makes a ring, and mmring ls lists those that are there"},
}

func hint(c *cobra.Command, err error) string {
	var own hinted
	if errors.As(err, &own) {
		return own.hint
	}
	if errors.As(err, new(usageError)) {
		return usageHint(c)
	}
	for _, h := range hints {
		if errors.Is(err, h.err) {
			return h.hint
		}
	}
	return ""
}
