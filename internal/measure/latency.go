package measure

import "time"

// Latency sends records to and fro for about so long and returns the time of one way: half a round trip.
//
// The mean is that of a run without a look at the clock in it. The percentiles are those of a second run, with a look
// before and after each round trip; what two looks in a row cost, the median of many, is taken off. Part of a look overlaps
// with the waiting, and a virtual machine's clock moves in steps: p50 is good to some 5 ns.
func (s *Session) Latency(about time.Duration) (Delays, error) {
	trips, err := s.howMany(about, 64, func(n uint64) (time.Duration, error) { return s.roundTrips(int(n), nil) })
	if err != nil {
		return Delays{}, err
	}
	n := max(int(trips/2), 16)
	total, err := s.roundTrips(n, nil)
	if err != nil {
		return Delays{}, err
	}
	each := make([]int64, n)
	if _, err := s.roundTrips(n, each); err != nil {
		return Delays{}, err
	}
	d := delays(each, clockCost(), 2)
	d.Mean = float64(total) / float64(n) / 2
	return d, nil
}

// howMany returns how much of what run does fits into about so long. It tries more and more of it, from few on, until an
// eighth of the time was needed.
func (s *Session) howMany(about time.Duration, few uint64, run func(n uint64) (time.Duration, error)) (uint64, error) {
	for n := few; ; n *= 4 {
		d, err := run(n)
		if err != nil {
			return 0, err
		}
		if d > about/8 {
			return uint64(float64(n) * float64(about) / float64(d)), nil
		}
	}
}

// roundTrips times n round trips, and each of them where there is room for it. The first of all is not counted: the far side
// is only just told.
func (s *Session) roundTrips(n int, each []int64) (time.Duration, error) {
	first, err := s.order(orderEcho, uint64(n)+1)
	if err != nil {
		return 0, err
	}
	d, err := s.trips(first, n, each)
	return d, s.finish(err)
}

func (s *Session) trips(first uint64, n int, each []int64) (time.Duration, error) {
	base := time.Now()
	var begin time.Duration
	for i := first; i <= first+uint64(n); i++ {
		if i == first+1 {
			begin = time.Since(base)
		}
		var sent time.Duration
		if each != nil {
			sent = time.Since(base)
		}
		if err := s.Send(i, 1); err != nil {
			return 0, err
		}
		if err := s.Receive(i, 1); err != nil {
			return 0, err
		}
		if each != nil && i > first {
			each[i-first-1] = int64(time.Since(base) - sent)
		}
	}
	return time.Since(base) - begin, nil
}
