package shm

import "golang.org/x/sys/unix"

var advices = map[Advice]int{
	Normal:          unix.MADV_NORMAL,
	Random:          unix.MADV_RANDOM,
	Sequential:      unix.MADV_SEQUENTIAL,
	WillNeed:        unix.MADV_WILLNEED,
	DontDump:        unix.MADV_NOCORE,
	DoDump:          unix.MADV_CORE,
	NoSync:          unix.MADV_NOSYNC,
	AutoSync:        unix.MADV_AUTOSYNC,
	DiscardDontNeed: unix.MADV_DONTNEED,
	DiscardFree:     unix.MADV_FREE,
}
