package main

import (
	"slices"
	"time"
)

// A machine has moods: how long a cache line takes from one processor to the other depends on where a hypervisor or the
// scheduler has put them, and changes within minutes. So the raw hop stands beside every figure.

// hopMeter measures the raw hop by a far process of its own, which sleeps meanwhile.
type hopMeter struct {
	*session
	hop *hop
}

func newHopMeter(p place) (*hopMeter, error) {
	s, err := start(rawHop{}, measure{latency, 32}, p, unspoiled)
	if err != nil {
		return nil, err
	}
	return &hopMeter{s, s.sender.(*hop)}, nil
}

// measure returns one way in nanoseconds: the lower quartile of groups of round trips. Every few milliseconds some machines
// are slower by a third for a while, which is not a mood.
func (h *hopMeter) measure() (float64, error) {
	const groups, trips = 40, 1500
	first, err := h.order(orderEcho, groups*trips)
	if err != nil {
		return 0, err
	}
	each := make([]float64, groups)
	for g := range each {
		begin := time.Now()
		for range trips {
			le.PutUint64(h.hop.out, first+1)
			v, err := h.hop.next()
			if err != nil {
				return 0, h.finish(err)
			}
			if first++; v != first {
				return 0, h.finish(wrong(first - 1))
			}
		}
		each[g] = float64(time.Since(begin)) / trips / 2
	}
	slices.Sort(each)
	return each[groups/4], h.finish(nil)
}

// agree reports whether two hops are those of one mood: they differ by at most a quarter.
func agree(a, b float64) bool { return max(a, b) <= 1.25*min(a, b) }

// median returns the middle of v, or the mean of the two there; 0 if v is empty.
func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// moods sorts samples by their hops and cuts the row wherever a hop is more than 1.6 times the one before: within a part,
// figures may be compared.
func moods(all []sample) [][]sample {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b sample) int { return int(a.hop()) - int(b.hop()) })
	var parts [][]sample
	from := 0
	for i := 1; i <= len(all); i++ {
		if i == len(all) || all[i].hop() > 1.6*all[i-1].hop() {
			parts = append(parts, all[from:i])
			from = i
		}
	}
	// The mood with most samples comes first.
	slices.SortStableFunc(parts, func(a, b []sample) int { return len(b) - len(a) })
	return parts
}
