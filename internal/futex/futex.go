package futex

import (
	"errors"
	"sync/atomic"
	"time"
)

// ErrTimeout says that the time given to Wait or WaitCancel ran out.
var ErrTimeout = errors.New("futex: timed out")

// cancelSlice bounds how late a cancellation is noticed where the kernel cannot wait for two words at once.
const cancelSlice = 10 * time.Millisecond

// mostWords is how many words the kernel sleeps on at once (FUTEX_WAITV_MAX).
const mostWords = 128

// noWaitv is set once the kernel has refused futex_waitv.
var noWaitv atomic.Bool
