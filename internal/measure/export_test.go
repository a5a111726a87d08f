package measure

import "time"

// Pin lets this process run on cpus only.
func Pin(cpus ...int) error { return pin(cpus...) }

// DelaysOf is what a measurement makes of times.
func DelaysOf(each []int64, cost int64, parts float64) Delays { return delays(each, cost, parts) }

// Pid is that of the far process.
func (s *Session) Pid() int { return s.cmd.Process.Pid }

// Tell gives the far side an order for a record and does not wait.
func (s *Session) Tell(what string) error {
	_, err := s.order(what, 1)
	return err
}

// Orders of the far side.
const (
	OrderTake = orderTake
	OrderEcho = orderEcho
)

// Short is a time in which a measurement proves only that it works.
const Short = time.Nanosecond
