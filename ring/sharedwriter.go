package ring

import (
	"context"
	"errors"
)

// The calls of a shared writer. Each takes the mutex, does what an exclusive writer does, and gives the mutex back; who has
// to wait for space waits without it.

// nowhere stands for the published position as long as a shared writer cannot know it: no cursor lies behind it.
const nowhere = maxPosition - recordSize

// publishShared is PublishTagged in a ring of shared writers; with a nil context TryPublishTagged.
func (w *Writer) publishShared(ctx context.Context, tag uint16, payload []byte) (seq uint64, err error) {
	if err := w.begin(); err != nil {
		return 0, fail("publish", w.path, err)
	}
	running := true
	defer func() {
		if running {
			err = w.rescued("publish", recover())
		}
	}()
	if ctx != nil {
		err = w.due(ctx)
	}
	for err == nil {
		if err = w.lock(ctx); err != nil {
			break
		}
		if !w.quick(tag, payload) {
			if err = w.write(nil, tag, payload); err == nil {
				w.publishNext(true)
			}
		}
		if err == nil {
			seq = w.seq - 1
			w.unlock()
			break
		}
		w.stepAside()
		err = w.outOfSpace(ctx, err)
	}
	running = false
	switch err {
	case errContended:
		err = w.busy
	case nil:
		return seq, w.exit("publish", nil)
	}
	return 0, w.exit("publish", err)
}

// putAllShared is putAll. Between two parts others may publish.
func (w *Writer) putAllShared(ctx context.Context, payloads [][]byte) (n int, err error) {
	for err == nil && n < len(payloads) {
		if err = w.lock(ctx); err != nil {
			break
		}
		for n < len(payloads) && w.pos-w.pub <= w.capacity()/2 {
			if err = w.write(nil, 0, payloads[n]); err != nil { // it has published what was written before
				break
			}
			n++
			n += w.pack(payloads[n:])
		}
		w.publishNext(false)
		if err == nil {
			w.unlock()
			continue
		}
		w.stepAside()
		err = w.outOfSpace(ctx, err)
	}
	return n, err
}

// reserveShared is reserve. The mutex stays ours as long as the claim is out.
func (w *Writer) reserveShared(ctx context.Context, size uint64) error {
	if err := w.due(ctx); err != nil {
		return err
	}
	for {
		if err := w.lock(ctx); err != nil {
			return err
		}
		err := error(nil)
		if align16(size) > w.lim-w.pos {
			err = w.room(nil, size)
		}
		if err == nil {
			return nil
		}
		w.stepAside()
		if err = w.outOfSpace(ctx, err); err != nil {
			return err
		}
	}
}

// outOfSpace waits for space if err says that there is none and the caller waits, and returns nil when it is time to try
// again. The mutex has been given back.
func (w *Writer) outOfSpace(ctx context.Context, err error) error {
	switch {
	case err != w.full: // the very one that room returns
		return err
	case ctx == nil:
		w.add(statFull, 1)
		return err
	}
	w.pub, w.pos, w.lim = nowhere, nowhere, 0 // other writers publish meanwhile
	return w.waitSpace(ctx, w.want)
}

// publishNext is publish, and in a ring of shared writers says what comes next.
//
//	X4 number and position of the record that comes next, before W4: whoever gets the mutex from us knows both if the
//	   position is the published one
func (w *Writer) publishNext(alone bool) {
	if w.mutex != nil && w.pos != w.pub {
		w.foretell(w.pos, w.seq)
	}
	w.publish(alone)
}

// foretell says what comes after what is published next, and counts that for our turn.
func (w *Writer) foretell(position, sequence uint64) {
	w.sayNext(position, sequence)
	w.mutex.run += int((position - w.pub) >> 10)
}

func (w *Writer) sayNext(position, sequence uint64) { // X4
	le.PutUint64(w.mutexNext[0:8], sequence)
	le.PutUint64(w.mutexNext[8:16], position)
}

// endShared is End: it holds for all writers.
func (w *Writer) endShared() error {
	err := w.lock(context.Background())
	if errors.Is(err, ErrEnded) {
		return nil
	}
	if err == nil {
		w.finishStream()
		w.unlock()
	}
	return err
}

// nextNumber is the number of the record at the published position.
func (w *Writer) nextNumber() uint64 {
	if w.mutex == nil {
		return w.pubSeq
	}
	var info Info
	_ = w.inspectStream(&info) // 0 if it cannot be told
	return info.NextSeq
}

// rescued is that of the handle: a call that panicked, over the caller's payload perhaps, has written half of a record, and
// that of a shared writer may have the mutex.
func (w *Writer) rescued(op string, r any) error {
	w.guarded(w.giveUp)
	return w.handle.rescued(op, r)
}

// letGo gives the mutex back, if there is one.
func (w *Writer) letGo() {
	if w.mutex != nil {
		w.unlock()
	}
}

// giveUp forgets what was not published, and gives the mutex back.
func (w *Writer) giveUp() {
	if w.mutex == nil {
		w.abandon()
	} else if w.mutex.held {
		w.abandon()
		w.unlock()
	}
}

// catchUp brings the private side up to date, after other writers have published, or after the mutex was taken from a
// dead owner. Of that one nothing exists that it had not published. After an error the mutex is given back.
//
//	M0 after a death: its mirror may claim a record that ends where ours will
func (w *Writer) catchUp(dead bool) error {
	low, high, err := w.bounds()
	if err != nil {
		w.unlock()
		return err
	}
	next := le.Uint64(w.mutexNext[0:8])
	if dead || next == 0 || le.Uint64(w.mutexNext[8:16]) != high {
		w.clearMirror() // M0
		at, err := w.tail(low, high)
		if err != nil {
			w.unlock()
			return err
		}
		next = at.sequence
		for _, e := range w.index {
			if e.position.Load() >= high {
				e.set(0, 0) // C4: of a record that was not published
			}
		}
		w.sayNext(high, next)
	}
	w.pub, w.pubSeq, w.pos, w.seq, w.old = high, next, high, next, low
	w.lim = max(w.lim, high)
	w.mutex.stale, w.mutex.run = true, 0
	return nil
}

// refresh is what room needs to know of the other writers' doings: how far oldest is, also if nothing was published
// since, and where their records start.
func (w *Writer) refresh() error {
	low, high, err := w.bounds()
	switch {
	case err != nil:
		return err
	case high != w.pub:
		return corrupt("published %d while this writer has the mutex at %d", high, w.pub)
	}
	w.old = low
	if w.mutex.stale {
		w.mutex.stale = false
		w.learn()
	}
	return nil
}
