package shm

import (
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/shm/internal/pages"
)

// prepare has nothing to do: maps and files show the same here.
func prepare(int) {}

// unitOf returns what the kernel maps of the file at a time: a page, or a huge page in the file system of huge pages.
func unitOf(fd int, block int64) int {
	if block <= int64(pages.Size) {
		return pages.Size
	}
	var s unix.Statfs_t
	err := uninterrupted(func() error { return unix.Fstatfs(fd, &s) })
	if err != nil || uint32(s.Type) != unix.HUGETLBFS_MAGIC {
		return pages.Size
	}
	return int(s.Bsize)
}
