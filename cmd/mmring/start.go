package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mmring/mmring/ring"
)

// startFlag is --from: oldest, newest, next, SEQ, -N, @RFC3339.
type startFlag struct {
	text  string
	start ring.Start
}

func (f *startFlag) String() string { return f.text }
func (f *startFlag) Type() string   { return "oldest|newest|next|SEQ|-N|@TIME" }

func (f *startFlag) Set(s string) error {
	f.text = s
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
	if at, ok := strings.CutPrefix(s, "@"); ok {
		t, err := time.Parse(time.RFC3339, at)
		if err != nil {
			return fmt.Errorf("%q is not a time such as 2024-01-31T09:30:00Z or 2024-01-31T10:30:00.5+01:00", at)
		}
		f.start = ring.At(t)
		return nil
	}
	digits, back := strings.CutPrefix(s, "-")
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || n == 0 && !back {
		return fmt.Errorf("must be oldest, newest, next, a sequence number from 1 on, -N for the last N, or @ and a time")
	}
	f.start = ring.Seq(n)
	if back {
		f.start = ring.Last(n)
	}
	return nil
}
