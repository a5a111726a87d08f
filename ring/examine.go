package ring

import (
	"context"
	"hash/crc32"
)

// examine finds what stays: from start to next. Its time is proportional to the bytes that it looks at.
func (r *recovery) examine() error {
	word := r.nextSeq.Load()
	if word == 0 || word >= maxPosition {
		r.mended(offNextSeq, "counters", "next sequence %d cannot be: taken from the records", word)
		word = 0
	}
	r.start, r.next = r.low, mark{r.high, max(word, 1)}
	switch {
	case r.low == r.high: // no record is left to tell it
		return nil
	case r.Full:
	case !r.Dirty && word != 0:
		return nil
	default:
		from, err := r.first(r.low, r.high)
		if p, s, ok := r.lastProven(r.low, r.high); ok {
			from, err = mark{p, s}, nil
		}
		if err == nil {
			r.next, err = r.follow(from, false, nil)
		}
		if err == nil || r.ctx.Err() != nil {
			return err
		}
		r.Full = true // the last stride is not right: look at everything
	}
	return r.examineAll(max(word, 1))
}

// examineAll finds the first stretch of whole records. It starts at oldest, unless the record there is not whole, or was
// overwritten while the file was copied or written to the disk: then at the first index entry from which one is whole.
func (r *recovery) examineAll(word uint64) error {
	r.start, r.next = r.low, mark{r.low, word} // should nothing be whole
	anchors := r.places()
	for i, a := range anchors {
		r.astray = [indexEntries]bool{} // by what stays, not by what does not
		end, err := r.follow(a.mark, true, anchors[i:])
		if err := r.ctx.Err(); err != nil {
			return context.Cause(r.ctx)
		}
		if r.stays(a, anchors[i+1:], word, end, err == nil) {
			r.start, r.next = a.position, end
			break
		}
	}
	r.lose(word)
	return nil
}

// places returns oldest and the anchors.
func (r *recovery) places() []anchor {
	all := r.anchors(r.low, r.high)
	if at, err := r.first(r.low, r.high); err == nil {
		all = append([]anchor{{at, -1}}, all...)
	}
	return all
}

// stays reports whether what was followed from a to end is what stood there when published was stored. The record at
// oldest has the number of the next-sequence word at most, which was stored before oldest (N1). One with a larger number
// was written over it, a capacity further on, unless it leads to a place that the index knows: then the word is wrong.
func (r *recovery) stays(a anchor, further []anchor, word uint64, end mark, whole bool) bool {
	switch {
	case end.sequence == a.sequence && !whole:
		return false
	case a.entry >= 0 || a.sequence <= word || whole:
		return true
	}
	for _, f := range further {
		if f.position > a.position && f.position < end.position && !r.astray[f.entry] {
			return true
		}
	}
	return false
}

// follow walks from from to published, counting, and returns where the first record is that is not whole, and what is
// wrong there. With sums it compares checksums, and notes which of the anchors it does not meet. Padding goes with the
// record behind it.
func (r *recovery) follow(from mark, sums bool, anchors []anchor) (end mark, err error) {
	bad, behind := false, from.position
	scratch := make([]byte, windowSize)
	end, err = r.walk(from, r.high, func(pos uint64, rec head) (stop bool) {
		for len(anchors) > 0 && anchors[0].position <= pos {
			r.stray(anchors[0], pos)
			anchors = anchors[1:]
		}
		r.Records++
		r.Bytes += rec.whole
		if sums && rec.flags&flagSum != 0 {
			r.Sums++
			bad = !r.whole(pos, rec, scratch)
		}
		if !bad {
			behind = pos + rec.whole
		}
		return bad || r.Records%1024 == 0 && r.ctx.Err() != nil
	})
	switch {
	case r.ctx.Err() != nil:
		return end, context.Cause(r.ctx)
	case bad:
		err = corrupt("checksum of record %d at position %d", end.sequence, end.position)
	}
	end.position = behind
	for len(anchors) > 0 && anchors[0].position < end.position {
		r.stray(anchors[0], end.position)
		anchors = anchors[1:]
	}
	return end, err
}

// stray notes an entry that is not at a boundary: the record at pos is the first at or behind it.
func (r *recovery) stray(a anchor, pos uint64) {
	if a.entry >= 0 && a.position != pos {
		r.astray[a.entry] = true
	}
}

// whole reports whether the record at pos, already parsed, carries the checksum of its bytes, where it has one. A writer
// may be overwriting them: they are copied part by part, each once, through scratch.
func (m *memory) whole(pos uint64, rec head, scratch []byte) bool {
	if rec.flags&flagSum == 0 {
		return true
	}
	off := pos & m.mask
	at, end := off+uint64(rec.prefix), off+uint64(rec.size)
	prefix, rest := scratch[:rec.prefix], scratch[rec.prefix:]
	copyOut(prefix, m.data[off:at])
	s := sumPrefix(prefix)
	for at < end {
		part := rest[:min(uint64(len(rest)), end-at)]
		copyOut(part, m.data[at:at+uint64(len(part))])
		s = crc32.Update(s, castagnoli, part)
		at += uint64(len(part))
	}
	return le.Uint64(prefix[len(prefix)-sumSize:]) == uint64(s)
}

// misleads reports whether an index entry has to go: it leads beyond published, as after every death of a writer, or, which
// none should, to where no record starts.
func (r *recovery) misleads(i int) bool {
	p := r.index[i].position.Load()
	wrong := p%recordSize != 0 || r.astray[i]
	if wrong {
		r.mended(entryOffset(i), "index", "entry %d: position %d is not that of a record: cleared", i, p)
	}
	return wrong || p >= r.next.position
}

// lose counts what is given up. How many records there were is only known if the records before published still tell
// their numbers.
func (r *recovery) lose(word uint64) {
	r.Skipped, r.Cut = r.start-r.low, r.high-r.next.position
	if r.Skipped > 0 {
		r.AtLeast = true
		r.Lost++
	}
	if r.Cut == 0 {
		return
	}
	was := r.next
	if p, s, ok := r.lastProven(r.next.position, r.high); ok {
		was = mark{p, s}
	}
	was, err := r.walk(was, r.high, nil)
	last := max(was.sequence, word) // the word is never ahead, and when the last writer closed, not behind either
	r.AtLeast = r.AtLeast || err != nil && r.Dirty || last <= r.next.sequence
	r.Lost += max(1, min(last-min(last, r.next.sequence), r.Cut/recordSize))
}

// owe writes down the totals that will be true once the loss has happened, and pay takes them over: a recovery that is
// killed in between counts nothing twice and nothing never.
func (r *recovery) owe() {
	if r.Skipped+r.Cut == 0 {
		return
	}
	for _, c := range r.counts() {
		due := r.stats[c.due]
		due.Store(max(due.Load(), r.stats[c.total].Load()+c.n))
	}
}

func (r *recovery) pay() {
	for _, c := range r.counts() {
		if due := r.stats[c.due].Load(); due != 0 {
			r.stats[c.total].Store(due)
			r.stats[c.due].Store(0)
		}
	}
}

type count struct {
	total, due stat
	n          uint64
}

func (r *recovery) counts() [2]count {
	return [2]count{{statCut, statCutDue, r.Skipped + r.Cut}, {statLost, statLostDue, r.Lost}}
}
