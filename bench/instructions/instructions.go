// Package instructions counts the instructions that calls of package ring execute, by letting a child process run one at a
// time (ptrace). It tells what no clock can on a machine without hardware counters: what a change of the code adds, or that
// something adds nothing. It tells nothing of time, most of which may be waiting for memory.
//
// The child is this program again, with one goroutine on the traced thread. It marks the calls to be counted by a signal to
// itself; what lies between two marks around nothing is taken off. Its other threads stand still meanwhile. Now and then the
// runtime has something to do all the same: so every turn of calls is repeated, and of each call the repetition with the
// least counts.
package instructions

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
)

// Count is what one kind of call takes, in instructions a record.
type Count struct {
	Call    string
	Typical float64 // most calls
	Mean    float64 // all of them; of a call that is rare, the same
}

// ErrNotHere says that this machine does not let a process trace its child.
var ErrNotHere = errors.New("instructions cannot be counted here")

// The calls whose difference is what more readers cost the writer.
const (
	oneReader, oneReaderSlow       = "Publish 64 B, 1 reader", "Publish 64 B, 1 reader, the end of a stride"
	eightReaders, eightReadersSlow = "Publish 64 B, 8 readers", "Publish 64 B, 8 readers, the end of a stride"

	// strideRecords is how many records of 64 bytes fill a stride of a ring of the default size.
	strideRecords = 16 << 20 / 64 / 80
)

// Readers returns how many times as many instructions a record costs the writer with eight readers as with one, what
// happens once a stride included. Rings are made in dir.
func Readers(dir string) (float64, error) {
	counts, err := Counts(dir, oneReader, oneReaderSlow, eightReaders, eightReadersSlow)
	if err != nil {
		return 0, err
	}
	mean := map[string]float64{}
	for _, c := range counts {
		mean[c.Call] = c.Mean
	}
	record := func(usual, slow string) float64 { return mean[usual] + (mean[slow]-mean[usual])/strideRecords }
	return record(eightReaders, eightReadersSlow) / record(oneReader, oneReaderSlow), nil
}

// selected are the calls with these names, or all, behind the one that does nothing.
func selected(names []string) []call {
	all := calls()
	return slices.DeleteFunc(all, func(c call) bool {
		return len(names) > 0 && c.name != all[0].name && !slices.Contains(names, c.name)
	})
}

// counts makes what the marks of the calls' turns have counted into a count for each call but the first, which does nothing.
func counts(all []call, turns [][]int) (counts []Count) {
	overhead := slices.Min(turns[0])
	for i, c := range all[1:] {
		counts = append(counts, c.count(least(turns[(i+1)*callTurns:][:callTurns]), overhead))
	}
	return counts
}

// least returns the least that each mark of a turn has counted.
func least(turns [][]int) []int {
	best := slices.Clone(turns[0])
	for _, turn := range turns[1:] {
		for i, n := range turn {
			best[i] = min(best[i], n)
		}
	}
	return best
}

func (c call) count(turn []int, overhead int) Count {
	if c.rare {
		most := float64(slices.Max(turn) - overhead)
		return Count{c.name, most, most}
	}
	sum := 0
	for _, n := range turn {
		sum += n - overhead
	}
	middle := slices.Sorted(slices.Values(turn))[len(turn)/2]
	return Count{c.name, math.Round(float64(middle-overhead) / float64(c.records)), float64(sum) / float64(len(turn)*c.records)}
}

// Write writes counts as a table in Markdown.
func Write(out io.Writer, counts []Count) error {
	text := "| call | instructions a record | mean |\n|---|---|---|\n"
	for _, c := range counts {
		text += fmt.Sprintf("| %s | %.0f | %.1f |\n", c.Call, c.Typical, c.Mean)
	}
	_, err := io.WriteString(out, text)
	return err
}

// WriteFunctions writes what Functions returned as a table in Markdown, the largest first, without the very rare.
func WriteFunctions(out io.Writer, functions map[string]float64) error {
	names := slices.SortedFunc(maps.Keys(functions), func(a, b string) int {
		return cmp.Or(cmp.Compare(functions[b], functions[a]), cmp.Compare(a, b))
	})
	text := "| function | instructions a record |\n|---|---|\n"
	for _, name := range names {
		if functions[name] < 0.05 {
			break
		}
		text += fmt.Sprintf("| %s | %.1f |\n", name, functions[name])
	}
	_, err := io.WriteString(out, text)
	return err
}
