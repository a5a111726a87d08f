package measure

import "time"

// Flow is how many records came in how long.
type Flow struct {
	Records uint64
	Elapsed time.Duration
}

// PerSecond is the rate in records.
func (f Flow) PerSecond() float64 { return float64(f.Records) / f.Elapsed.Seconds() }

// Rate has the far side send as fast as it can for about so long, while this side receives and takes the time.
func (s *Session) Rate(about time.Duration) (Flow, error) {
	batch := uint64(s.shape.Batch)
	n, err := s.howMany(about, 64*batch, func(n uint64) (time.Duration, error) {
		f, err := s.stream(n)
		return f.Elapsed, err
	})
	if err != nil {
		return Flow{}, err
	}
	return s.stream(max(n/batch, 64) * batch)
}

// lead is how many of n records pass before the clock starts: the far side gets going meanwhile.
func lead(n uint64) uint64 { return n / 16 }

// stream receives n records and times all but the first of them.
func (s *Session) stream(n uint64) (Flow, error) {
	first, err := s.order(orderSend, n)
	if err != nil {
		return Flow{}, err
	}
	if err := s.Receive(first, lead(n)); err != nil {
		return Flow{}, s.finish(err)
	}
	begin := time.Now()
	err = s.Receive(first+lead(n), n-lead(n))
	return Flow{n - lead(n), time.Since(begin)}, s.finish(err)
}
