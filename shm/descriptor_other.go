//go:build unix && !linux && !darwin

package shm

import "github.com/mmring/mmring/shm/internal/pages"

// prepare has nothing to do: maps and files show the same here.
func prepare(int) {}

// unitOf returns what the kernel maps of the file at a time.
func unitOf(int, int64) int { return pages.Size }
