package main

import "slices"

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
	slices.SortStableFunc(all, func(a, b sample) int { return int(a.Hop()) - int(b.Hop()) })
	var parts [][]sample
	from := 0
	for i := 1; i <= len(all); i++ {
		if i == len(all) || all[i].Hop() > 1.6*all[i-1].Hop() {
			parts = append(parts, all[from:i])
			from = i
		}
	}
	// The mood with most samples comes first.
	slices.SortStableFunc(parts, func(a, b []sample) int { return len(b) - len(a) })
	return parts
}
