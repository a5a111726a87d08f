//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package lock

import "os"

const haveFlock = false

const (
	roleFlags = os.O_RDWR
	noFollow  = 0
)
