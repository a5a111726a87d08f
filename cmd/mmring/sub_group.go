package main

import (
	"context"
	"iter"
	"slices"

	"github.com/mmring/mmring/ring"
)

// groupSource is a member of a group as a source: what it delivers is done when it was written.
type groupSource struct {
	*ring.Member
	a     *app
	most  int         // records at a time, 0: no matter
	works []ring.Work // delivered last
	recs  []ring.Record
}

func (g *groupSource) Next(ctx context.Context) (ring.Record, error) {
	w, err := g.Member.Next(ctx)
	if err != nil {
		return ring.Record{}, err
	}
	g.works = append(g.works[:0], w)
	g.tell()
	return w.Record, nil
}

func (g *groupSource) Batches(ctx context.Context, n int) iter.Seq[[]ring.Record] {
	return func(yield func([]ring.Record) bool) {
		if g.most > 0 {
			n = min(n, g.most)
		}
		for works := range g.Member.Batches(ctx, n) {
			g.works, g.recs = append(g.works[:0], works...), g.recs[:0]
			for _, w := range works {
				g.recs = append(g.recs, w.Record)
			}
			g.tell()
			if !yield(g.recs) {
				return
			}
		}
	}
}

// tell says of records that come again that they do: nobody knows what became of them the time before.
func (g *groupSource) tell() {
	again := uint64(0)
	var first uint64
	for _, w := range g.works {
		if w.Delivery > 1 {
			if again++; again == 1 {
				first = w.Seq
			}
		}
	}
	if again > 0 {
		g.a.say("%s again, from number %d on: a process that had them did not finish", plural(again, "record"), first)
	}
}

// delivery is how often record seq, delivered last, has been given out.
func (g *groupSource) delivery(seq uint64) int {
	i, ok := slices.BinarySearchFunc(g.works, seq, func(w ring.Work, seq uint64) int { return int(w.Seq) - int(seq) })
	if !ok {
		return 1
	}
	return g.works[i].Delivery
}

// Ack says that all that was delivered is done.
func (g *groupSource) Ack() error {
	if len(g.works) == 0 {
		return nil
	}
	return g.AckTo(g.works[len(g.works)-1].Seq)
}

// AckTo says that what was delivered, up to record seq, is done.
func (g *groupSource) AckTo(seq uint64) error {
	for i, w := range g.works {
		if w.Seq > seq {
			g.works = g.works[i:]
			return nil
		}
		if err := w.Done(); err != nil {
			return err
		}
	}
	g.works = nil
	return nil
}

// openGroup attaches f to its ring as a member of a group.
func (f *follower) openGroup(ctx context.Context, o *subFlags) error {
	m, err := ring.JoinGroup(ctx, f.path, o.group, ring.GroupOptions{From: o.from.start, WaitForRing: o.wait > 0, AllowFS: o.forceFS})
	if err != nil {
		return openHint(err)
	}
	g := &groupSource{Member: m, a: f.a}
	if f.count > 0 {
		g.most = 1 // what it had and has not written would come to others as if it had failed
	}
	f.from, f.consumer, f.delivery = g, g, g.delivery
	return nil
}

// checkGroup refuses what does not go together with --group.
func (o *subFlags) checkGroup() error {
	for _, c := range []struct {
		given     bool
		flag, why string
	}{
		{o.observe, "--observe", "an observer takes nothing from others"},
		{o.name != "", "--name", "a group has one cursor for all its members"},
		{o.tag.given, "--tag", "what a member passes over, no other one gets"},
		{o.warnAt.n > 0, "--warn-at", "mmring stat PATH shows what a group has still to do"},
	} {
		if c.given {
			return usagef("--group and %s exclude each other: %s", c.flag, c.why)
		}
	}
	return nil
}
