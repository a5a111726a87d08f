package futex

import (
	"sync"

	"golang.org/x/sys/unix"
)

// Commands of linux/membarrier.h.
const (
	globalExpedited         = 1 << 1
	registerGlobalExpedited = 1 << 2
)

// Register makes this process one that Barrier of any process reaches, and reports whether it is. It asks the kernel
// once; the answer holds for the life of the process.
var Register = sync.OnceValue(func() bool {
	return membarrier(registerGlobalExpedited)
})

// Barrier is a full fence in this thread and in every running thread of every registered process. It reports false where
// the kernel has no such fence: the caller then bounds its sleep.
func Barrier() bool {
	return membarrier(globalExpedited)
}

func membarrier(command uintptr) bool {
	_, _, errno := unix.Syscall(unix.SYS_MEMBARRIER, command, 0, 0)
	return errno == 0
}
