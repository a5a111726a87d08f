package measure

import "fmt"

// Wake sends n records, each when all threads of the far side sleep, and takes the time, by a clock that both read, from
// just before it is sent until the far side has checked it. How long it had slept is up to the looks at /proc that found it
// asleep: some 100 us.
func (s *Session) Wake(n int) (Delays, error) {
	first, err := s.order(orderWake, uint64(n))
	if err != nil {
		return Delays{}, err
	}
	each := make([]int64, n)
	for i := range each {
		if err := s.untilAsleep(); err != nil {
			return Delays{}, err
		}
		sent := clock()
		if err := s.Send(first+uint64(i), 1); err != nil {
			return Delays{}, err
		}
		line, ok := <-s.lines
		var at int64
		if _, err := fmt.Sscanf(line, "at %d", &at); !ok || err != nil {
			return Delays{}, fmt.Errorf("%w, or has failed: %s", ErrGone, line)
		}
		each[i] = at - sent
	}
	return delays(each, 0, 1), s.finish(nil)
}

// untilAsleep returns when two looks in a row have found all of the far side's threads asleep.
func (s *Session) untilAsleep() error {
	for seen := 0; seen < 2; {
		ok, err := asleep(s.cmd.Process.Pid)
		if err != nil {
			return err
		}
		if s.ctx.Err() != nil {
			return s.finish(ErrGone)
		}
		seen++
		if !ok {
			seen = 0
		}
	}
	return nil
}
