//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package lock

import (
	"os"

	"golang.org/x/sys/unix"
)

const haveFlock = true

// Package os adds O_CLOEXEC. Without O_CREATE a missing file stays missing; with O_NONBLOCK a named pipe that takes the
// place of the file at the wrong moment does not hang us.
const (
	roleFlags = os.O_RDWR | unix.O_NONBLOCK
	noFollow  = unix.O_NOFOLLOW
)
