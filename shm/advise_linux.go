package shm

import "golang.org/x/sys/unix"

var advices = map[Advice]int{
	Normal:                unix.MADV_NORMAL,
	Random:                unix.MADV_RANDOM,
	Sequential:            unix.MADV_SEQUENTIAL,
	WillNeed:              unix.MADV_WILLNEED,
	DontFork:              unix.MADV_DONTFORK,
	DoFork:                unix.MADV_DOFORK,
	DontDump:              unix.MADV_DONTDUMP,
	DoDump:                unix.MADV_DODUMP,
	Mergeable:             unix.MADV_MERGEABLE,
	Unmergeable:           unix.MADV_UNMERGEABLE,
	HugePage:              unix.MADV_HUGEPAGE,
	NoHugePage:            unix.MADV_NOHUGEPAGE,
	Collapse:              unix.MADV_COLLAPSE,
	Cold:                  unix.MADV_COLD,
	PageOut:               unix.MADV_PAGEOUT,
	PopulateRead:          unix.MADV_POPULATE_READ,
	PopulateWrite:         unix.MADV_POPULATE_WRITE,
	WipeOnFork:            unix.MADV_WIPEONFORK,
	KeepOnFork:            unix.MADV_KEEPONFORK,
	DiscardDontNeed:       unix.MADV_DONTNEED,
	DiscardDontNeedLocked: unix.MADV_DONTNEED_LOCKED,
	DiscardFree:           unix.MADV_FREE,
	DiscardRemove:         unix.MADV_REMOVE,
}
