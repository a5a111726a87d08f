package ring

import (
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// lodge is where the goroutines of this process meet that sleep on one word of one ring, each with a handle of its own. One of
// them, the porter, sleeps in the kernel, which takes a thread. The others are its guests and sleep in Go, which takes none.
//
//	comes      porter, if there is none; else guest, unless the word is no longer what it was when it was announced on: then
//	           it does not sleep, as FUTEX_WAIT would not
//	the porter's sleep is over, whatever ended it
//	           the word has changed: it wakes all guests; else it makes the first of them porter. Then it goes
//	a guest's time is over, or it is cancelled
//	           it goes; if it has been made porter meanwhile, as a porter does
//
// So for every guest a porter sleeps on the value that the word had when the guest came, or on an older one, and a change of the word
// ends that sleep or does not let it begin. (docs/model/lodge.pml)
type lodge struct {
	mu     sync.Mutex
	porter *guest
	first  *guest // of a ring of guests; nil: there are none
}

// guest is a handle's place in a lodge.
type guest struct {
	bell       chan struct{} // rung to end the sleep; has room for one
	timer      *time.Timer
	next, prev *guest // nil: not a guest
}

func newGuest() guest { return guest{bell: make(chan struct{}, 1)} }

// lodges are those of the ring files that are open in this process, each with its words.
var lodges struct {
	sync.Mutex
	at map[place]*lodging
}

// place tells files apart, as long as they are open.
type place struct{ device, inode uint64 }

// lodging is the lodges of one ring.
type lodging struct {
	place
	data, space lodge
	users       int // handles
}

// lodgingOf returns that of an open file, the same for all its handles.
func lodgingOf(f *os.File) (*lodging, error) {
	at, err := placeOf(f)
	if err != nil {
		return nil, err
	}
	lodges.Lock()
	defer lodges.Unlock()
	l := lodges.at[at]
	if l == nil {
		if lodges.at == nil {
			lodges.at = map[place]*lodging{}
		}
		l = &lodging{place: at}
		lodges.at[at] = l
	}
	l.users++
	return l, nil
}

// giveBack is the end of a handle.
func (l *lodging) giveBack() {
	lodges.Lock()
	defer lodges.Unlock()
	if l.users--; l.users == 0 {
		delete(lodges.at, l.place)
	}
}

// lodge returns where those meet who sleep on word, or nil: who sleeps there sleeps alone.
func (h *handle) lodge(word *atomic.Uint32) *lodge {
	switch {
	case h.lodging == nil:
	case word == h.spaceWake:
		return &h.lodging.space
	case word == h.dataWake || word == h.bell:
		return &h.lodging.data
	}
	return nil
}

// doze sleeps on word while it holds value.
func (h *handle) doze(word *atomic.Uint32, value uint32, limit time.Duration) (timedOut bool, err error) {
	l := h.lodge(word)
	if l == nil {
		return h.sleepInKernel(word, value, limit)
	}
	porter, admitted := l.admit(&h.guest, word, value)
	if !admitted {
		return false, nil
	}
	if !porter {
		begun := time.Now()
		timedOut, porter = h.sleepInGo(l, limit)
		limit -= time.Since(begun)
		if !porter {
			return timedOut, nil
		}
	}
	defer l.leave(word, value)
	if limit <= 0 { // also of a guest that was made porter just then
		return true, nil
	}
	if h.cancel.Load() != 0 {
		return timedOut, nil
	}
	return h.sleepInKernel(word, value, limit)
}

// admit makes g the porter, or a guest, or sends it away because word has changed.
func (l *lodge) admit(g *guest, word *atomic.Uint32, value uint32) (porter, admitted bool) {
	l.mu.Lock()
	defer l.mu.Unlock() // also if the memory of word is gone
	switch {
	case l.porter == nil:
		l.porter = g
		return true, true
	case word.Load() != value: // Z7
		return false, false
	}
	g.prepare()
	l.add(g)
	return false, true
}

// leave is the porter's end.
func (l *lodge) leave(word *atomic.Uint32, value uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	changed := true
	defer func() { l.handOver(changed) }() // also if the memory of word is gone, which the guests find out then
	changed = word.Load() != value         // Z7
}

// handOver wakes all guests, or makes one of them porter.
func (l *lodge) handOver(all bool) {
	l.porter = nil
	for l.first != nil {
		g := l.first
		l.remove(g)
		g.ring()
		if !all {
			l.porter = g
			return
		}
	}
}

// sleepInGo sleeps as a guest until it is woken, made porter or cancelled, or its time is over.
func (h *handle) sleepInGo(l *lodge, limit time.Duration) (timedOut, porter bool) {
	g := &h.guest
	if h.cancel.Load() == 0 { // a cancellation that comes later rings
		g.timer.Reset(limit)
		select {
		case <-g.bell:
		case <-g.timer.C:
			timedOut = true
		}
		g.timer.Stop()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if g.next != nil {
		l.remove(g)
		return timedOut, false
	}
	return timedOut && l.porter == g, l.porter == g // who has been woken has not been forgotten
}

// prepare is done before a guest is added: bells that were rung for an earlier sleep do not count.
func (g *guest) prepare() {
	if g.timer == nil {
		g.timer = time.NewTimer(longestSleep)
	}
	select {
	case <-g.bell:
	default:
	}
}

// ring ends the sleep of g, or does not let it begin.
func (g *guest) ring() {
	select {
	case g.bell <- struct{}{}:
	default:
	}
}

// add puts g behind the other guests.
func (l *lodge) add(g *guest) {
	if l.first == nil {
		l.first, g.next, g.prev = g, g, g
		return
	}
	last := l.first.prev
	g.prev, g.next = last, l.first
	last.next, l.first.prev = g, g
}

func (l *lodge) remove(g *guest) {
	switch {
	case g.next == g:
		l.first = nil
	default:
		g.prev.next, g.next.prev = g.next, g.prev
		if l.first == g {
			l.first = g.next
		}
	}
	g.next, g.prev = nil, nil
}
