package measure

import (
	"runtime"
	"time"
)

// Mood is what the machine was like around a measurement. How long a cache line takes from one processor to the other
// depends on where a hypervisor or the scheduler has put them, and changes within minutes.
type Mood struct {
	Before, After float64 // raw hop right before and right after, ns; 0 without a HopMeter
	Others        float64 // share of the two processors that other processes used, roughly
	Tries         int
}

// Hop is the mean of both.
func (m Mood) Hop() float64 { return (m.Before + m.After) / 2 }

// Steady reports whether the machine kept its mood, and had nothing else to do.
func (m Mood) Steady() bool { return Agree(m.Before, m.After) && m.Others < crowd }

// crowd is from which share of the processors on other processes are in the way.
const crowd = 0.1

// Agree reports whether two hops are those of one mood: they differ by at most a quarter.
func Agree(a, b float64) bool { return max(a, b) <= 1.25*min(a, b) }

// Around runs f between two raw hops, and again while the mood is not steady and again, which is told how often f has run,
// says so. What f found last counts. Processes that f starts must have ended when it returns.
func (m *HopMeter) Around(f func() error, again func(tries int) bool) (mood Mood, err error) {
	for {
		mood.Tries++
		runtime.GC() // it is off while measuring
		if mood.Before, err = m.Hop(); err != nil {
			return mood, err
		}
		if mood.Others, err = m.place.others(f); err != nil {
			return mood, err
		}
		if mood.After, err = m.Hop(); err != nil {
			return mood, err
		}
		if mood.Steady() || !again(mood.Tries) {
			return mood, nil
		}
	}
}

// others runs f and returns the share of the place's processors that was used by others than this process and those it has
// waited for.
func (p Place) others(f func() error) (share float64, err error) {
	busy, own, err := p.used()
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	if err := f(); err != nil {
		return 0, err
	}
	elapsed := time.Since(begin)
	busyAfter, ownAfter, err := p.used()
	if err != nil {
		return 0, err
	}
	all := elapsed * time.Duration(len(p.both()))
	return max(0, float64((busyAfter-busy)-(ownAfter-own))/float64(all)), nil
}

// used returns how much time the place's processors have spent, and how much of it on this process and its children.
func (p Place) used() (busy, own time.Duration, err error) {
	if busy, err = busyTime(p.both()); err != nil {
		return 0, 0, err
	}
	own, err = ownTime()
	return busy, own, err
}
