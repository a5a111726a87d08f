package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// units of sizes, longest suffix first.
var units = []struct {
	suffix string
	bytes  int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

// parseSize reads 4096, 64KiB, 1MiB, 2GiB, 100MB.
func parseSize(s string) (int64, error) {
	number, unit := s, int64(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(s, u.suffix); ok {
			number, unit = rest, u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/unit {
		return 0, fmt.Errorf("%q is not a size such as 4096, 64KiB, 1MiB, 100MB", s)
	}
	return n * unit, nil
}

// sizeFlag is a size on the command line.
type sizeFlag int64

func (f *sizeFlag) Set(s string) error {
	n, err := parseSize(s)
	*f = sizeFlag(n)
	return err
}

func (f *sizeFlag) String() string { return sizeText(uint64(*f)) }
func (f *sizeFlag) Type() string   { return "size" }

// sizeText writes bytes as parseSize reads them where that is exact, and with one decimal where not.
func sizeText(n uint64) string {
	for i := 3; i >= 0; i-- {
		u := uint64(units[i].bytes)
		switch {
		case n >= u && n%u == 0:
			return fmt.Sprintf("%d%s", n/u, units[i].suffix)
		case n >= u:
			return fmt.Sprintf("%.1f%s", float64(n)/float64(u), units[i].suffix)
		}
	}
	return strconv.FormatUint(n, 10) + "B"
}

// countText writes a number in groups of three digits.
func countText(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plural writes a number and what there are so many of, which gets an s unless it is one.
func plural(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return countText(n) + " " + what + "s"
}

// rateText writes so many a second, with three digits.
func rateText(n float64) string {
	for _, u := range []struct {
		size   float64
		suffix string
	}{{1e9, " G"}, {1e6, " M"}, {1e3, " k"}} {
		if n >= u.size {
			return strconv.FormatFloat(n/u.size, 'g', 3, 64) + u.suffix
		}
	}
	return strconv.FormatFloat(n, 'f', 0, 64) + " "
}

// nanosText writes a duration with three digits.
func nanosText(ns float64) string {
	switch {
	case ns >= 1e9:
		return fmt.Sprintf("%.2f s", ns/1e9)
	case ns >= 1e6:
		return fmt.Sprintf("%.3g ms", ns/1e6)
	case ns >= 1e3:
		return fmt.Sprintf("%.3g us", ns/1e3)
	}
	return fmt.Sprintf("%.3g ns", ns)
}

// ageText says how long ago t was, for people.
func ageText(t time.Time) string { return time.Since(t).Round(time.Second).String() }
