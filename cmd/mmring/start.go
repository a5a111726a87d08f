package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/mmring/mmring/ring"
)

// startFlag is --from: oldest, newest, next, SEQ, -N.
type startFlag struct {
	text  string
	start ring.Start
	later string // what it would be, for starts that are not built yet
}

func (f *startFlag) String() string { return f.text }
func (f *startFlag) Type() string   { return "oldest|newest|next|SEQ|-N" }

func (f *startFlag) Set(s string) error {
	f.text, f.later = s, ""
	switch s {
	case "oldest":
		f.start = ring.Oldest
		return nil
	case "newest":
		f.start = ring.Newest
		return nil
	case "next":
		f.start = ring.Next
		return nil
	}
	if strings.HasPrefix(s, "@") {
		f.later = "starting at a time (" + s + ")"
		return nil
	}
	digits, back := strings.CutPrefix(s, "-")
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || n == 0 && !back {
		return fmt.Errorf("must be oldest, newest, next, a sequence number from 1 on, or -N for the last N")
	}
	f.start = ring.Seq(n)
	if back {
		f.start = ring.Last(n)
	}
	return nil
}

// check answers for starts that are not built yet.
func (f *startFlag) check() error {
	if f.later != "" {
		return notYet(f.later)
	}
	return nil
}
