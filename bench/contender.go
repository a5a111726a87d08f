package main

import (
	"github.com/mmring/mmring/bench/ringpair"
	"github.com/mmring/mmring/internal/measure"
)

// contender is one that takes part in some contests.
type contender struct {
	measure.Contender
	takes func(contest) bool
}

// contenders are all, in the order in which a round measures them. To add one: a file with a type that is a
// measure.Contender, and a line here.
func contenders() []contender {
	return []contender{
		{measure.RawHop{}, only(latency)},
		{memcpy{}, only(volume)},
		{ringpair.Contender{}, func(contest) bool { return true }},
		{ringpair.Any{}, only(wake)},
		{bareRing{}, only(latency, rate, volume)},
		{measure.BareFutex{}, func(c contest) bool { return only(latency, wake)(c) || c == contest{idle, idleReader} }},
		{pipe{}, only(latency, rate, volume, wake, idle)},
		{unixSocket{stream: true}, only(latency, rate, volume)},
		{unixSocket{}, func(c contest) bool { return only(latency, volume)(c) || c == contest{rate, 1} }},
		{tcp{}, only(latency, rate, volume)},
	}
}

func only(kinds ...kind) func(contest) bool {
	return func(c contest) bool {
		for _, k := range kinds {
			if c.kind == k {
				return true
			}
		}
		return false
	}
}

// carriers are what a far side must know.
func carriers() []measure.Contender {
	var all []measure.Contender
	for _, c := range contenders() {
		all = append(all, c.Contender)
	}
	return all
}
