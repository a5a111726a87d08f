package main

import "time"

// measureRate has the far side send as fast as it can, while this side receives and takes the time.
func measureRate(s *session, b budget) (values, error) {
	batch := uint64(s.m.batch())
	n := 64 * batch
	for {
		d, err := s.stream(n)
		if err != nil {
			return nil, err
		}
		if d > b.time/8 {
			n = uint64(float64(n) * float64(b.time) / float64(d))
			break
		}
		n *= 4
	}
	n = max(n/batch, 64) * batch
	d, err := s.stream(n)
	if err != nil {
		return nil, err
	}
	perSecond := float64(n-lead(n)) / d.Seconds()
	v := values{valueSamples: float64(n)}
	if s.m.kind == volume {
		v[valueMain] = perSecond * float64(s.m.size()) / 1e9
	} else {
		v[valueMain] = perSecond / 1e6
	}
	return v, nil
}

// lead is how many of n records pass before the clock starts: the far side gets going meanwhile.
func lead(n uint64) uint64 { return n / 16 }

// stream receives n records and times all but the first of them.
func (s *session) stream(n uint64) (time.Duration, error) {
	first, err := s.order(orderSend, n)
	if err != nil {
		return 0, err
	}
	if err := s.receive(first, lead(n)); err != nil {
		return 0, s.finish(err)
	}
	begin := time.Now()
	err = s.receive(first+lead(n), n-lead(n))
	d := time.Since(begin)
	return d, s.finish(err)
}
