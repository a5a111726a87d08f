package ring

import (
	"context"
	"iter"
	"runtime/debug"
	"slices"
)

// Records returns the records that come to this member, for a range loop, which ends when the ring does, at an error or when
// the context is done: see Err. With a Window below 2, asking for the next turn says that the record of the last one is done;
// break, return and a panic do not: it comes again, to this member, or to another when this one leaves. The loop's body may
// use the member, and runs with debug.SetPanicOnFault set.
func (m *Member) Records(ctx context.Context) iter.Seq[Work] {
	return func(yield func(Work) bool) { m.finished(m.loop(ctx, 1, yield, nil)) }
}

// Batches is Records with up to n records a turn: those of one claim, at least one; it never waits for more. The slice is
// valid until the next turn. An n below 1 counts as 1.
func (m *Member) Batches(ctx context.Context, n int) iter.Seq[[]Work] {
	return func(yield func([]Work) bool) { m.finished(m.loop(ctx, max(n, 1), nil, yield)) }
}

// Err returns why the last loop over Records or Batches ended: nil after the ring's end and after a break.
func (m *Member) Err() error { return m.err }

// finished keeps what a loop ended with for Err.
func (m *Member) finished(err error) {
	if m.err = err; isEOF(err) {
		m.err = nil
	}
}

// loop delivers to one, or up to most records at a time to many, as consumer.loop does.
func (m *Member) loop(ctx context.Context, most int, one func(Work) bool, many func([]Work) bool) (err error) {
	if err := m.begin(); err != nil {
		return fail("read", m.path, err)
	}
	armed, turn := m.armed, turnReads
	defer func() {
		switch turn {
		case turnReads:
			m.armed = armed
			err = m.rescued("read", recover())
		case turnYields:
			debug.SetPanicOnFault(armed)
			m.broken = m.window == 1
		}
	}()
	wanted := maxClaimed
	if many != nil {
		wanted = most
	}
	for more := true; more; {
		var w Work
		if err = m.step(ctx, &w, wanted); err == nil && many != nil {
			m.gather(w, most)
		}
		if err != nil {
			turn, m.armed = turnOver, armed
			return m.exit("read", err)
		}
		turn = turnYields
		m.finish()
		if many == nil {
			more = one(w)
		} else {
			more = many(m.batch)
		}
		if more {
			if err = m.admit(); err != nil {
				turn = turnOver
				debug.SetPanicOnFault(armed)
				return fail("read", m.path, err)
			}
			turn = turnReads
		}
	}
	return nil
}

// gather makes the batch of first and what else of its claim is there. What is wrong behind it the next call finds.
func (m *Member) gather(first Work, most int) {
	if m.window > 1 {
		most = min(most, 1+m.left())
	}
	batch := append(m.batch[:0], first)
	for len(batch) < most {
		if len(batch) == cap(batch) {
			batch = slices.Grow(batch, len(batch))
		}
		n := len(batch)
		batch = batch[:n+1]
		if ok, err := m.at.give(&batch[n], false); err != nil || !ok {
			batch = batch[:n]
			break
		}
	}
	m.batch = batch
}
