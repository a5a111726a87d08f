package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/mmring/mmring/ring"
)

// syncFlag says when pub waits for the disk: after so many records, or so long after a record. Its zero value: never.
type syncFlag struct {
	records uint64
	span    time.Duration
}

func (f *syncFlag) Type() string { return "every|N|duration" }

func (f *syncFlag) String() string {
	switch {
	case f.records == 1:
		return "every"
	case f.records > 0:
		return strconv.FormatUint(f.records, 10)
	case f.span > 0:
		return f.span.String()
	}
	return ""
}

func (f *syncFlag) Set(s string) error {
	*f = syncFlag{}
	if s == "every" {
		f.records = 1
		return nil
	}
	var err error
	if f.records, err = strconv.ParseUint(s, 10, 64); err == nil && f.records > 0 {
		return nil
	}
	if f.span, err = time.ParseDuration(s); err == nil && f.span > 0 {
		return nil
	}
	return fmt.Errorf("must be every, a number of records from 1 on, or a duration such as 200ms, 5s")
}

// errSyncDue ends a wait because the disk is to be waited for first.
var errSyncDue = errors.New("the disk is due")

// syncer waits for the disk when its flag says so.
type syncer struct {
	w     *ring.Writer
	flag  syncFlag
	open  uint64    // records published and not yet on the disk
	since time.Time // when the first of them was published
}

// most returns how many of n records may be published before published is called.
func (s *syncer) most(n int) int {
	if s.flag.records > 0 && uint64(n) > s.flag.records-s.open {
		return int(s.flag.records - s.open)
	}
	return n
}

// published counts n records and waits for the disk if it is time.
func (s *syncer) published(n int) error {
	if s.flag == (syncFlag{}) || n == 0 {
		return nil
	}
	if s.open == 0 {
		s.since = time.Now()
	}
	s.open += uint64(n)
	if s.flag.records > 0 && s.open >= s.flag.records || s.flag.span > 0 && time.Since(s.since) >= s.flag.span {
		return s.sync()
	}
	return nil
}

// sync waits for the disk, if there is anything that is not there.
func (s *syncer) sync() error {
	if s.open == 0 {
		return nil
	}
	s.open = 0
	return s.w.Sync()
}

// begin says that records are about to be published, perhaps with a wait behind the first of them.
func (s *syncer) begin() {
	if s.flag.span > 0 && s.open == 0 {
		s.open, s.since = 1, time.Now() // one more than there is: that costs a look at the disk at most
	}
}

// during calls wait, with a context that ends when the disk is due; then wait is called again.
func (s *syncer) during(ctx context.Context, wait func(context.Context) error) error {
	for s.flag.span > 0 && s.open > 0 {
		limit, cancel := context.WithDeadlineCause(ctx, s.since.Add(s.flag.span), errSyncDue)
		err := wait(limit)
		cancel()
		if !errors.Is(err, errSyncDue) {
			return err
		}
		if err := s.sync(); err != nil {
			return err
		}
	}
	return wait(ctx)
}
