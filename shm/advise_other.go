//go:build unix && !linux && !darwin && !freebsd

package shm

import "golang.org/x/sys/unix"

var advices = map[Advice]int{
	Normal:          unix.MADV_NORMAL,
	Random:          unix.MADV_RANDOM,
	Sequential:      unix.MADV_SEQUENTIAL,
	WillNeed:        unix.MADV_WILLNEED,
	DiscardDontNeed: unix.MADV_DONTNEED,
	DiscardFree:     unix.MADV_FREE,
}
