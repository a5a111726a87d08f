package ring

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/mmring/mmring/internal/release"
	"github.com/mmring/mmring/internal/spin"
)

// How a member claims records and gives them back. The group's cursor K is what lies before has been given out.
//
//	G1 store the claim's start, then its end, in a slot of one's own; before that, as if all of it had been given to a user:
//	   who finds the claim of somebody who died before G8 knows no better
//	G2 fence
//	G3 CAS K from start to end: the bytes between are ours, and the writer, which looks at K first and at the claims
//	   then, finds them in one or the other
//	G4 lost: end = 0, or what it was, and again
//	G8 store that nothing of it has been given to a user
//	G9 store that a record is, before it is
//	G5 store start further on: what lies before it is done
//	G6 end = 0: all of it is done
//
// A claim that ends at K may become longer, by G1 to G8 with the start that it has.
//
// Who finishes what the dead have left: see rescue.

const (
	// maxClaimed is how many records a claim has at most: as many as fit into a window.
	maxClaimed = windowSize / recordSize
	// workTime is how long a member should have to do with one claim.
	workTime = time.Millisecond
	// claimTries bounds how often a member tries in a row to claim what others are faster to.
	claimTries = 64
)

// take claims up to most of the records that are there, in h. If that has a claim, which must end at the group's cursor, it
// becomes longer. It returns false if there are none, or another has them.
func (m *Member) take(h *hold, most int) (bool, error) {
	if m.window > 1 {
		m.mu.Lock()
		defer m.mu.Unlock()
	}
	for range claimTries {
		k := m.cursor.Load()
		if k >= m.pub {
			m.pub = m.published.Load() // R1
		}
		if k == m.pub || h.end != 0 && h.end != k {
			return false, nil
		}
		end, first, n := m.span(k, m.pub, most)
		if n < 0 {
			if m.cursor.Load() == k {
				return false, m.doubt(k)
			}
			continue
		}
		if err := m.member(h); err != nil { // before it takes anything from the others
			return false, err
		}
		start, given := k, k
		if h.end != 0 {
			start, given = h.from.position, h.givenTo
		}
		h.slot.deliveries.Store(1)
		h.slot.cursor.Store(end)              // G1
		h.slot.claimStart.Store(start)        // G1
		h.slot.claimEnd.Store(end)            // G1
		if !m.cursor.CompareAndSwap(k, end) { // G2: this and the stores above are in order on amd64 and arm64; G3
			m.put(h.slot.claimEnd, h.end) // G4
			m.put(h.slot.cursor, given)   // G8
			m.spread()
			spin.Pause(1)
			continue
		}
		if err := m.member(h); err != nil { // who is none has no bytes
			m.put(h.slot.claimEnd, 0) // G4
			if n > 0 && !errors.Is(err, ErrEvicted) {
				err = fmt.Errorf("%w: records %d to %d are lost to the group", err, first, first+uint64(n)-1)
			}
			return false, err
		}
		m.put(h.slot.cursor, given) // G8
		if h.end != 0 {
			h.end = end
		} else {
			h.claims(mark{k, first}, end, k, 1)
		}
		m.at = h
		m.stats.Claims++
		m.begun, m.size, m.wanted = time.Now(), n, most
		return true, nil
	}
	return false, nil
}

// claims makes h that of a claim.
func (h *hold) claims(from mark, end, given uint64, delivery int) {
	h.from, h.next, h.end, h.givenTo, h.old, h.delivery = from, from, end, given, given, delivery
	h.records, h.first, h.window, h.skip = h.records[:0], 0, nil, nil
	h.serial++
}

// span returns where a claim from k on ends, how many records are in it, and the number of the first: at most most records
// and windowSize bytes, or one larger record. Padding counts to the record behind it; n is 0 if nothing follows it, and -1 if
// there is no record at k. What it reads may be overwritten, unless K is still k afterwards.
func (m *Member) span(k, high uint64, most int) (end, first uint64, n int) {
	if k > high || high-k > m.capacity() || (k|high)%recordSize != 0 {
		return k, 0, -1
	}
	pos, seq, near := k, uint64(0), min(high, k+windowSize)
	for n < most && pos < high {
		if size, ok := m.plain(pos, seq, near-min(pos, near)); ok {
			pos += size
			end = pos
			seq++
			n++
			continue
		}
		rec, ok := m.parse(pos, high-pos)
		if !ok || rec.seq == 0 || seq != 0 && rec.seq != seq || n > 0 && pos+rec.whole-k > windowSize {
			break
		}
		pos += rec.whole
		seq = rec.seq
		if first == 0 {
			first = seq
		}
		if rec.kind == kindData {
			end = pos
			seq++
			n++
		}
	}
	switch {
	case n > 0:
		return end, first, n
	case pos > k:
		return pos, first, 0
	}
	return k, 0, -1
}

// plain is parse for a record of number seq, not 0, with at most avail bytes, that has nothing special about it.
func (m *Member) plain(pos, seq, avail uint64) (whole uint64, ok bool) {
	off := pos & m.mask
	left := min(avail, m.capacity()-off)
	if left < recordSize || seq == 0 {
		return 0, false
	}
	b := m.data[off : off+recordSize : off+recordSize]
	word := loadWord(b[0:8])
	size := uint64(uint32(word))
	whole = align16(size)
	return whole, uint16(word>>32) == kindData && loadWord(b[8:16]) == seq && size >= recordSize && whole <= left
}

// doubt says what is wrong with the group's cursor, which is k, or with the record there.
func (m *Member) doubt(k uint64) error {
	if err := m.member(m.holds[0]); err != nil {
		return err
	}
	if p := m.published.Load(); k > p || p-k > m.capacity() || (k|p)%recordSize != 0 {
		return corrupt("group's cursor %d, published %d, capacity %d", k, p, m.capacity())
	}
	return corrupt("no record at the group's cursor %d (offset %d)", k, k&m.mask)
}

// member reports that there is no group any more, or that this process is none of its members in h.
func (m *Member) member(h *hold) error {
	if err := h.dismissed(); err != nil {
		return err
	}
	if s := slotState(m.slots[m.group].word.Load()); s != m.whole {
		if s.state() == stateEvicted {
			return fmt.Errorf("%w: the group was removed", ErrEvicted)
		}
		return corrupt("the group's slot was changed from %#x to %#x", uint64(m.whole), uint64(s))
	}
	return nil
}

// pace learns from how long the last claim took how many records the next one may have: twice as many as long as that takes
// less than workTime.
func (m *Member) pace() {
	if m.begun.IsZero() {
		return
	}
	switch took := time.Since(m.begun); {
	case took > workTime:
		m.most = max(1, int(int64(m.size)*int64(workTime)/int64(took)))
	case m.size == m.wanted && m.wanted == m.most:
		m.most = min(2*m.most, maxClaimed)
	}
	m.begun = time.Time{}
}

// allDone says that all records given are done.
func (h *hold) allDone() {
	if h.m.window > 1 || h.end == 0 {
		return
	}
	for _, r := range h.records[h.first:] {
		if !r.done {
			h.m.out--
		}
	}
	h.records, h.first = h.records[:0], 0
	h.serial++
	h.moveTo(h.next)
}

// spent is told that no record is left to be given: the claim is over if nothing was in it but padding.
func (h *hold) spent() {
	if h.m.window > 1 {
		h.m.mu.Lock()
		defer h.m.mu.Unlock()
	}
	if h.end != 0 && h.first == len(h.records) {
		h.moveTo(h.next)
	}
}

// done is Work.Done, inside.
func (w Work) done() error {
	h := w.hold
	if w.serial != h.serial || w.index >= len(h.records) || h.records[w.index].done {
		return fmt.Errorf("%w: record %d is not out: it is done, or comes again", ErrMisuse, w.Seq)
	}
	h.records[w.index].done = true
	h.m.out--
	h.advance()
	return nil
}

// advance moves the claim's start behind what is done from there on.
func (h *hold) advance() {
	from := h.from
	for h.first < len(h.records) && h.records[h.first].done {
		from = h.records[h.first].behind
		h.first++
	}
	if h.first == len(h.records) {
		from = h.next
	}
	h.moveTo(from)
}

// moveTo stores that all before from is done.
func (h *hold) moveTo(from mark) {
	switch {
	case from.position == h.end:
		h.over()
	case from != h.from:
		h.from = from
		h.m.put(h.slot.claimStart, from.position) // G5
		rouse(h.m.spaceWake)
	}
}

// over ends the claim: all of it is done.
func (h *hold) over() {
	m := h.m
	h.end = 0
	h.serial++
	m.put(h.slot.claimEnd, 0) // G6
	if h.found {
		h.slot.word.Store(uint64(h.mine &^ slotUse)) // S5: we hold the byte
		_ = h.life.Close()                           // nothing depends on it: the descriptor closes at last
	}
	m.spread()
}

// spread wakes who may be waiting for the end of a claim: the writer, and at the end of the ring the other members.
func (m *Member) spread() {
	rouse(m.spaceWake)
	if m.ended.Load() != 0 {
		rouse(m.dataWake)
	}
}

// rewind takes back what was given: what of it is not done comes again.
func (h *hold) rewind() {
	if h.end == 0 {
		return
	}
	at, done := h.from, []stretch(nil)
	for _, r := range h.records[h.first:] {
		if r.done {
			done = append(done, stretch{at, r.behind})
		} else {
			h.m.out--
		}
		at = r.behind
	}
	h.skip = append(done, h.skip...)
	h.next, h.records, h.first = h.from, h.records[:0], 0
	h.serial++
	h.window = nil // the payload was the caller's to change
}

// put stores v in a word of a slot, where the writer, or a member at the end, may be waiting for it.
func (m *Member) put(word *atomic.Uint64, v uint64) {
	if m.fenced {
		word.Store(v)
	} else {
		release.Store(word, v) // the fence between it and the look at the wake words is the sleeper's
	}
}
