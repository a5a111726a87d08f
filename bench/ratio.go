package main

import (
	"fmt"
	"strings"
)

// pick names the samples of a measure and contender.
type pick struct {
	measure
	contender string
}

// ratio divides a value of a by a value of b, found in the same round. Without a contender b is the raw hop beside a.
type ratio struct {
	title       string
	a, b        pick
	over, under string
}

// ratios that people ask for, beside those that stand in the tables.
func asked() []ratio {
	ring, line, lines := mmring{}.name(), pipe{}.name(), unixSocket{stream: true}.name()
	small := pick{measure{latency, 32}, ring}
	bulk := pick{measure{rate, 64}, line}
	var all []ratio
	for _, size := range [...]int{32, 64, 224} {
		all = append(all, ratio{fmt.Sprintf("%d B one way p50 / raw hop", size), pick{measure{latency, size}, ring}, pick{}, valueMain, ""})
	}
	return append(all,
		ratio{"32 B p99 / p50", small, small, valueP99, valueMain},
		ratio{"32 B p99.9 / p50", small, small, valueP999, valueMain},
		ratio{"64 B one by one / pipe in 4 KiB writes", pick{measure{rate, 1}, ring}, bulk, valueMain, valueMain},
		ratio{"64 B in batches of 64 / pipe in 4 KiB writes", pick{measure{rate, 64}, ring}, bulk, valueMain, valueMain},
		ratio{"64 B in batches of 256 / pipe in 4 KiB writes", pick{measure{rate, 256}, ring}, bulk, valueMain, valueMain},
		ratio{"64 B one by one / pipe, one write each", pick{measure{rate, 1}, ring}, pick{measure{rate, 1}, line}, valueMain, valueMain},
		ratio{"64 B one by one / Unix stream, one write each", pick{measure{rate, 1}, ring}, pick{measure{rate, 1}, lines}, valueMain, valueMain},
		ratio{"64 KiB / Unix stream", pick{measure{volume, 65536}, ring}, pick{measure{volume, 65536}, lines}, valueMain, valueMain},
		ratio{"64 KiB / memcpy", pick{measure{volume, 65536}, ring}, pick{measure{volume, 65536}, memcpy{}.name()}, valueMain, valueMain},
		ratio{"wake-up / bare futex", pick{measure{wake, 64}, ring}, pick{measure{wake, 64}, bareFutex{}.name()}, valueMain, valueMain},
	)
}

// of returns the ratio in each round that has both.
func (r ratio) of(mood []sample) row {
	under := map[int]float64{}
	for _, s := range of(mood, r.b.measure, r.b.contender) {
		under[s.round] = s.values[r.under]
	}
	return column(of(mood, r.a.measure, r.a.contender), func(s sample) (float64, bool) {
		v, ok := s.values[r.over]
		if r.b.contender == "" {
			return v / s.hop(), ok
		}
		u, also := under[s.round]
		return v / u, ok && also
	})
}

func ratios(b *strings.Builder, mood []sample) {
	head := "\n| mmring, ratio within a round | median | rounds |\n|---|---|---|\n"
	for _, r := range asked() {
		if row := r.of(mood); len(row) > 0 {
			fmt.Fprintf(b, "%s| %s | %s | %d |\n", head, r.title, row.text(), len(row))
			head = ""
		}
	}
}
