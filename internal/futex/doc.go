// Package futex sleeps on a 32-bit word of shared memory until somebody who changed it wakes the sleepers, and has the
// one-sided fence (membarrier) that lets the waker do without one.
//
// Words may lie in different mappings of one file, in read-only ones too. A sleep may end for no reason: callers look
// again. Wait goes through the scheduler's door for system calls (never RawSyscall: a raw sleeper would stop the garbage
// collector, and with it the program).
//
// On systems without futexes every call answers errors.ErrUnsupported.
package futex
