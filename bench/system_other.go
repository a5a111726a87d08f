//go:build !linux

package main

import (
	"errors"
	"os"
	"time"
)

// Processes are pinned and watched by what only Linux has: elsewhere the program builds, and says so.

func affinity() ([]int, error)                   { return nil, errors.ErrUnsupported }
func pin(...int) error                           { return errors.ErrUnsupported }
func mapShared(string, int) ([]byte, error)      { return nil, errors.ErrUnsupported }
func unmap([]byte)                               {}
func clock() int64                               { return 0 }
func cpuTime(int) (time.Duration, error)         { return 0, errors.ErrUnsupported }
func asleep(int) (bool, error)                   { return false, errors.ErrUnsupported }
func pipePair() (r, w *os.File, err error)       { return nil, nil, errors.ErrUnsupported }
func socketPair(bool) (a, b *os.File, err error) { return nil, nil, errors.ErrUnsupported }
func setBlocking(*os.File) error                 { return errors.ErrUnsupported }
func fdRead(int, []byte) (int, error)            { return ended(0, errors.ErrUnsupported) }
func fdWrite(int, []byte) (int, error)           { return 0, errors.ErrUnsupported }
func machine() string                            { return "unknown machine" }
