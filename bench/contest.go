package main

import (
	"fmt"

	"github.com/mmring/mmring/internal/measure"
)

// kind is what is measured.
type kind string

const (
	latency kind = "latency" // one way, ns
	rate    kind = "rate"    // records of 64 bytes, M/s
	volume  kind = "bytes"   // payload, GB/s
	wake    kind = "wake"    // of a sleeper, one way, us
	idle    kind = "idle"    // CPU burnt while blocked, %
	cost    kind = "cost"    // of a part of mmring, in one process
)

// contest is one thing to measure. Its number is a payload size for latency and volume, a batch for rate, which side is
// blocked for idle, and which part for cost.
type contest struct {
	kind   kind
	number int
}

const (
	idleReader = iota
	idleWriter
)

// contests are all of them, in the order in which a round runs them.
func contests() []contest {
	all := []contest{
		{latency, 32}, {latency, 64}, {latency, 224}, {latency, 4096},
		{rate, 1}, {rate, 64}, {rate, 256},
		{volume, 4096}, {volume, 65536},
		{wake, 64},
		{idle, idleReader}, {idle, idleWriter},
	}
	for i := range costs {
		all = append(all, contest{cost, i})
	}
	return all
}

// String is the contest's name for -only and JSON.
func (c contest) String() string {
	switch c.kind {
	case wake:
		return "wake"
	case idle:
		return "idle/" + [...]string{"reader", "writer"}[c.number]
	case cost:
		return "cost/" + costs[c.number].name
	}
	return fmt.Sprintf("%s/%d", c.kind, c.number)
}

// title is the contest's name for people.
func (c contest) title() string {
	switch c.kind {
	case latency:
		return fmt.Sprintf("%d B one way", c.number)
	case rate:
		if c.number == 1 {
			return "64 B, one store or write each"
		}
		return fmt.Sprintf("64 B, batches of %d", c.number)
	case volume:
		return fmt.Sprintf("records of %d KiB", c.number>>10)
	case wake:
		return "a sleeper is woken"
	case cost:
		return costs[c.number].title
	}
	return "blocked " + [...]string{"reader", "writer"}[c.number]
}

// unit is that of all of the contest's values.
func (c contest) unit() string {
	if c.kind == cost {
		return costs[c.number].unit
	}
	return map[kind]string{latency: "ns", rate: "M/s", volume: "GB/s", wake: "us", idle: "% CPU"}[c.kind]
}

// shape is that of the contest's records.
func (c contest) shape() measure.Shape {
	switch c.kind {
	case rate:
		return measure.Shape{Size: 64, Batch: c.number}
	case wake, cost:
		return measure.Shape{Size: 64, Batch: 1}
	case idle:
		return measure.Shape{Size: 4096, Batch: 1}
	}
	return measure.Shape{Size: c.number, Batch: 1}
}
