package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/mmring/mmring/ring"
)

// pictureWidth is how many characters show the data region.
const pictureWidth = 64

// picture draws a ring's data region as it lies in the file: what has been consumed by all registered readers and may be
// overwritten, what somebody is still to read, where the writer is, and who is where.
func picture(i ring.Info) string {
	if i.Capacity == 0 {
		return ""
	}
	capacity := uint64(i.Capacity)
	at := func(position uint64) int { return int((position & (capacity - 1)) * pictureWidth / capacity) }
	bar := bytes.Repeat([]byte("."), pictureWidth)
	paint := func(from, to uint64, c byte) {
		for p := from; p < to && to-p <= capacity; p += capacity / pictureWidth {
			bar[at(p)] = c
		}
	}
	oldest := max(i.Oldest, i.Published-min(i.Published, capacity))
	paint(oldest, i.Published, '-')
	needed := i.Published
	for _, r := range i.Readers {
		if r.State == "active" && r.Cursor >= oldest && r.Cursor < needed {
			needed = r.Cursor
		}
	}
	for _, g := range i.Groups {
		if first := needs(g); g.State == "active" && first >= oldest && first < needed {
			needed = first
		}
	}
	paint(needed, i.Published, '#')
	bar[at(i.Published)] = 'P'
	var b strings.Builder
	fmt.Fprintf(&b, "[%s]\n", bar)
	for _, r := range i.Readers {
		fmt.Fprintf(&b, " %*s %s\n", at(r.Cursor)+1, "^", readerLine(r))
	}
	for _, g := range i.Groups {
		fmt.Fprintf(&b, " %*s %s, %s behind\n", at(needs(g))+1, "^", groupText(g), sizeText(i.Published-min(needs(g), i.Published)))
	}
	b.WriteString(" P published   # still to be read   - read, not overwritten yet   . free   ^ a reader\n")
	return b.String()
}

// readerLine says who a cursor in the picture belongs to.
func readerLine(r ring.ReaderInfo) string {
	name := r.Name
	if name == "" {
		name = fmt.Sprintf("slot %d", r.Slot)
	}
	if !r.Alive {
		name += ", no process"
	}
	if r.State != "active" {
		name += ", " + r.State
	}
	return fmt.Sprintf("%s, %s behind", name, sizeText(r.LagBytes))
}
