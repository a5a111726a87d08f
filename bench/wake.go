package main

import (
	"fmt"
	"time"
)

// measureWake sends a record each time when all threads of the far side sleep, and takes the time, by a clock that both
// read, from just before it is sent until the far side has checked it. How long it had slept is up to the looks at /proc
// that found it asleep: some 100 us.
func measureWake(s *session, b budget) (values, error) {
	n := b.wakes
	first, err := s.order(orderWake, uint64(n))
	if err != nil {
		return nil, err
	}
	each := make([]int64, n)
	for i := range each {
		if err := s.untilAsleep(); err != nil {
			return nil, err
		}
		sent := clock()
		if err := s.send(first+uint64(i), 1); err != nil {
			return nil, err
		}
		line, ok := <-s.lines
		var at int64
		if _, err := fmt.Sscanf(line, "at %d", &at); !ok || err != nil {
			return nil, fmt.Errorf("%w, or has failed: %s", errFarGone, line)
		}
		each[i] = at - sent
	}
	v := percentiles(each, 0, float64(time.Microsecond))
	return v, s.finish(nil)
}

// untilAsleep returns when two looks in a row have found all of the far side's threads asleep.
func (s *session) untilAsleep() error {
	for seen := 0; seen < 2; {
		ok, err := asleep(s.cmd.Process.Pid)
		if err != nil {
			return err
		}
		if s.ctx.Err() != nil {
			return s.finish(errFarGone)
		}
		seen++
		if !ok {
			seen = 0
		}
	}
	return nil
}

// blockedRecords is how many records of 4 KiB fill any contender's buffers.
const blockedRecords = 8192

// measureIdle lets the far side block, as reader of nothing or as writer without a reader, and looks at its process's CPU
// clock over a while in which nothing happens. Then it lets the far side go on. The first quarter of the while does not
// count: the runtime of any Go process needs some milliseconds to come to rest.
func measureIdle(s *session, b budget) (values, error) {
	order, n := orderTake, uint64(1)
	if s.m.number == idleWriter {
		order, n = orderSend, blockedRecords
	}
	first, err := s.order(order, n)
	if err != nil {
		return nil, err
	}
	if err := s.untilAsleep(); err != nil {
		return nil, err
	}
	if _, _, err := s.watch(b.idle / 4); err != nil {
		return nil, err
	}
	used, elapsed, err := s.watch(b.idle - b.idle/4)
	if err != nil {
		return nil, err
	}
	if s.m.number == idleWriter {
		err = s.receive(first, n)
	} else {
		err = s.send(first, n)
	}
	return values{valueMain: 100 * float64(used) / float64(elapsed), valueSamples: 1}, s.finish(err)
}

func (s *session) watch(while time.Duration) (used, elapsed time.Duration, err error) {
	before, err := cpuTime(s.cmd.Process.Pid)
	if err != nil {
		return 0, 0, err
	}
	begin := time.Now()
	select {
	case <-time.After(while):
	case <-s.gone:
		return 0, 0, errFarGone
	}
	after, err := cpuTime(s.cmd.Process.Pid)
	return after - before, time.Since(begin), err
}
