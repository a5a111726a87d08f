package ring

import (
	"os"
	"runtime"
	"sync/atomic"

	"github.com/mmring/mmring/internal/futex"
)

// gate lets one call at a time into a handle and keeps Close from unmapping under it.
//
// The call's side is the hot one: it stores the plain word inside and loads shut, without a fence between them. The fence
// is on Close's side, in all threads at once (barrier): after it, a call either is seen inside, or sees shut.
//
//	inside    enter          leave             hold       close
//	open      -> busy        -                 -          Close tears down
//	busy      ErrMisuse      -> open           -> held    Close waits for the call, then tears down
//	held      ErrClaimed     -                 -          whoever resumes tears down when it leaves
//	with shut os.ErrClosed   it wakes Close    refused    nil
//
// held is busy without a call: a claim is out. Two goroutines in one handle are found as Go's maps find them: mostly.
type gate struct {
	inside  uint32
	resumed bool // the call inside goes on with a claim
	shut    atomic.Uint32
	torn    atomic.Bool   // somebody tears down, or has
	left    chan struct{} // a call has left a shut gate
}

const (
	gateOpen = 0
	gateBusy = 1
	gateHeld = 2
)

func newGate() gate {
	futex.Register()
	return gate{left: make(chan struct{}, 1)}
}

// enter admits one call. If it reports false, refusal says why.
func (g *gate) enter() bool {
	if loadInside(&g.inside) != gateOpen {
		return false
	}
	storeInside(&g.inside, gateBusy)
	if g.shut.Load() != 0 {
		return g.turnBack()
	}
	g.resumed = false
	return true
}

// turnBack ends a call that came into a gate that was shut, and reports false.
func (g *gate) turnBack() bool {
	storeInside(&g.inside, gateOpen)
	g.signal()
	return false
}

func (g *gate) refusal() error {
	switch {
	case g.shut.Load() != 0:
		return os.ErrClosed
	case atomic.LoadUint32(&g.inside) == gateHeld:
		return ErrClaimed
	}
	return errConcurrent
}

// leave ends a call. If it reports true, the gate has been shut, and leaveShut comes next.
func (g *gate) leave() bool {
	storeInside(&g.inside, gateOpen)
	return g.shut.Load() != 0
}

// leaveShut tells Close that a call has left, and reports whether the caller has to tear the handle down.
func (g *gate) leaveShut() bool {
	orphan := g.resumed && g.torn.CompareAndSwap(false, true)
	g.signal()
	return orphan
}

func (g *gate) signal() {
	select {
	case g.left <- struct{}{}:
	default:
	}
}

// hold keeps the gate shut after the call inside has returned; false if it was closed meanwhile.
func (g *gate) hold() bool {
	if g.shut.Load() != 0 {
		return false
	}
	storeInside(&g.inside, gateHeld)
	if g.shut.Load() != 0 {
		g.signal()
	}
	return true
}

// resume makes the next call of a held gate the one inside; false if the gate is not held.
func (g *gate) resume() bool {
	if loadInside(&g.inside) != gateHeld {
		return false
	}
	g.resumed = true
	storeInside(&g.inside, gateBusy)
	return true
}

// closed reports whether close has been called.
func (g *gate) closed() bool { return g.shut.Load() != 0 }

// close shuts the gate, calls interrupt to end a wait, waits for the call inside, and reports whether the caller has to
// tear the handle down.
func (g *gate) close(interrupt func()) bool {
	if g.shut.Swap(1) != 0 {
		return false
	}
	barrier()
	interrupt()
	for {
		switch atomic.LoadUint32(&g.inside) {
		case gateOpen:
			return g.torn.CompareAndSwap(false, true)
		case gateHeld:
			return false
		}
		<-g.left
	}
}

// barrier is a full fence in every running thread of this process.
func barrier() {
	if futex.Register() && futex.Barrier() {
		return
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m) // stops the world, which no thread passes without a fence
}
