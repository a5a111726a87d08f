package main

import "fmt"

// kind is what is measured.
type kind string

const (
	latency kind = "latency" // one way, ns
	rate    kind = "rate"    // records of 64 bytes, M/s
	volume  kind = "bytes"   // payload, GB/s
	wake    kind = "wake"    // of a sleeper, one way, us
	idle    kind = "idle"    // CPU burnt while blocked, %
)

// measure is one thing to measure. Its number is a payload size for latency and volume, a batch for rate, and which side
// is blocked for idle.
type measure struct {
	kind   kind
	number int
}

const (
	idleReader = iota
	idleWriter
)

// measures are all of them, in the order in which a round runs them.
func measures() []measure {
	return []measure{
		{latency, 32}, {latency, 64}, {latency, 224}, {latency, 4096},
		{rate, 1}, {rate, 64}, {rate, 256},
		{volume, 4096}, {volume, 65536},
		{wake, 64},
		{idle, idleReader}, {idle, idleWriter},
	}
}

// String is the measure's name for -only and JSON.
func (m measure) String() string {
	switch m.kind {
	case wake:
		return "wake"
	case idle:
		return "idle/" + [...]string{"reader", "writer"}[m.number]
	}
	return fmt.Sprintf("%s/%d", m.kind, m.number)
}

// title is the measure's name for people.
func (m measure) title() string {
	switch m.kind {
	case latency:
		return fmt.Sprintf("%d B one way", m.number)
	case rate:
		if m.number == 1 {
			return "64 B, one store or write each"
		}
		return fmt.Sprintf("64 B, batches of %d", m.number)
	case volume:
		return fmt.Sprintf("records of %d KiB", m.number>>10)
	case wake:
		return "a sleeper is woken"
	}
	return "blocked " + [...]string{"reader", "writer"}[m.number]
}

// unit is that of all of the measure's values.
func (m measure) unit() string {
	return map[kind]string{latency: "ns", rate: "M/s", volume: "GB/s", wake: "us", idle: "% CPU"}[m.kind]
}

// size is how many bytes a record of this measure has.
func (m measure) size() int {
	switch m.kind {
	case rate, wake:
		return 64
	case idle:
		return 4096
	}
	return m.number
}

// batch is how many records are sent at a time.
func (m measure) batch() int {
	if m.kind == rate {
		return m.number
	}
	return 1
}

func (m measure) side() side {
	return side{payload: payload{m.size(), none}, batch: m.batch()}
}
