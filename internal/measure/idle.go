package measure

import "time"

// blockedRecords is how many records of 4 KiB fill any contender's buffers.
const blockedRecords = 8192

// Idle lets the far side block, as reader of nothing or as writer without a reader, for so long, in which nothing happens,
// and returns the share of a processor that its process used, in percent. Then it lets the far side go on. The first
// quarter of the time does not count: the runtime of any Go process needs some milliseconds to come to rest.
func (s *Session) Idle(while time.Duration, writer bool) (percent float64, err error) {
	order, n := orderTake, uint64(1)
	if writer {
		order, n = orderSend, blockedRecords
	}
	first, err := s.order(order, n)
	if err != nil {
		return 0, err
	}
	if err := s.untilAsleep(); err != nil {
		return 0, err
	}
	if _, _, err := s.watch(while / 4); err != nil {
		return 0, err
	}
	used, elapsed, err := s.watch(while - while/4)
	if err != nil {
		return 0, err
	}
	if writer {
		err = s.Receive(first, n)
	} else {
		err = s.Send(first, n)
	}
	return 100 * float64(used) / float64(elapsed), s.finish(err)
}

// watch returns the processor time that the far process has used within a while.
func (s *Session) watch(while time.Duration) (used, elapsed time.Duration, err error) {
	before, err := cpuTime(s.cmd.Process.Pid)
	if err != nil {
		return 0, 0, err
	}
	begin := time.Now()
	select {
	case <-time.After(while):
	case <-s.ctx.Done():
		return 0, 0, ErrGone
	}
	after, err := cpuTime(s.cmd.Process.Pid)
	return after - before, time.Since(begin), err
}
