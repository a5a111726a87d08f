package integration_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
	"github.com/mmring/mmring/ring/ringtest"
)

// What make soak asks for. A test that runs without is one round.
var (
	seedFlag  = flag.Uint64("seed", 0, "repeat the random kills of this seed; 0: a new one")
	killsFlag = flag.Int("kills", 0, "go on with rounds of random kills until so many processes have been killed")
	forFlag   = flag.Duration("for", 0, "go on with rounds of random kills for so long")
)

// Processes of every kind are killed, stopped, continued and sent away at random moments, and replaced. At the end every
// record has reached every durable reader once, in order and as it was published; what came again came from less than a
// stride; whoever read a part of the stream read all of that part; what observers received and lost is what was
// published; and each record has come to a member of the group, and to another only with a mark.
func TestRandomKillsLoseNothing(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	start, kills := time.Now(), 0
	for round := seed; ; round++ {
		t.Logf("seed %d", round)
		kills += playRound(t, round)
		if kills >= *killsFlag && time.Since(start) >= *forFlag {
			return
		}
	}
}

// steps is how many things happen in a round.
const steps = 700

func playRound(t *testing.T, seed uint64) (kills int) {
	p := newPlay(t, seed)
	for range steps {
		p.step()
	}
	p.finish()
	t.Logf("%d killed, %d stopped, %d sent away; %d records", p.killed, p.stops, p.left, p.last)
	return p.killed
}

// actor is a part in the play, and the process that plays it now.
type actor struct {
	role    string
	args    []string
	opening string // the word of a process that is in its place
	*proctest.Proc
	stopped bool
}

// play is a round.
type play struct {
	t    *testing.T
	rnd  *rand.Rand
	path string
	work string // what the members of the group note
	cast []*actor
	pace *ring.Observer

	killed, stops, left int
	last                uint64 // number of the last record
}

func newPlay(t *testing.T, seed uint64) *play {
	t.Helper()
	p := &play{t: t, rnd: rand.New(rand.NewPCG(seed, 0))}
	p.path = ringtest.Path(t, ring.Config{
		Capacity:  64 << 10 << p.rnd.IntN(6),
		Checksums: p.rnd.IntN(2) == 0, Timestamps: p.rnd.IntN(2) == 0, WakeAlways: p.rnd.IntN(4) == 0,
	})
	notes := t.TempDir()
	p.work = filepath.Join(notes, "work")
	for i, role := range strings.Fields("observer durable durable guest guest member member member writer writer writer observer") {
		note := filepath.Join(notes, fmt.Sprint(i))
		switch role {
		case "durable":
			p.cast = append(p.cast, &actor{role: "reader", args: []string{p.path, fmt.Sprint("durable-", i), note}, opening: "reading"})
		case "guest":
			p.cast = append(p.cast, &actor{role: "reader", args: []string{p.path, "-", note}, opening: "reading"})
		case "member":
			p.cast = append(p.cast, &actor{role: role, args: []string{p.path, p.work}, opening: "working"})
		case "observer":
			p.cast = append(p.cast, &actor{role: "observer", args: []string{p.path}, opening: "observing"})
		case "writer":
			p.cast = append(p.cast, &actor{role: "writer", args: []string{p.path}, opening: "standby"})
		}
	}
	for _, a := range p.cast { // readers before writers: they read from record 1
		p.enter(a)
	}
	var err error
	p.pace, err = ring.Observe(background, p.path, ring.ObserverOptions{From: ring.Newest, SkipToNewest: true})
	require.NoError(t, err)
	return p
}

// enter starts a process for the actor, now and then as number 1 of a pid namespace.
func (p *play) enter(a *actor) {
	p.t.Helper()
	if a.role == "reader" && a.args[1] == "-" {
		require.NoError(p.t, os.RemoveAll(a.args[2])) // a guest knows nothing of the one before
	}
	c := proctest.Config{}
	if p.rnd.IntN(4) == 0 {
		c.Attr = proctest.PidNamespace()
	}
	a.Proc, a.stopped = c.Start(p.t, a.role, a.args...), false
	a.Expect(a.opening)
}

// step lets one thing happen. When nobody is stopped, the stream goes on for a while first.
func (p *play) step() {
	p.t.Helper()
	var stopped []*actor
	for _, a := range p.cast {
		if a.stopped {
			stopped = append(stopped, a)
		}
	}
	a := p.cast[p.rnd.IntN(len(p.cast))]
	if len(stopped) > 0 && p.rnd.IntN(2) == 0 {
		a = stopped[p.rnd.IntN(len(stopped))]
	}
	if len(stopped) == 0 {
		p.wait(p.rnd.IntN(4000))
	}
	switch what := p.rnd.IntN(10); {
	case a.stopped && what < 6:
		a.Cont()
		a.stopped = false
	case !a.stopped && what < 2:
		a.Stop()
		a.stopped = true
		p.stops++
	case !a.stopped && what < 4:
		a.Send("leave")
		a.Expect("left")
		require.NoError(p.t, a.Wait())
		p.left++
		p.enter(a)
	default:
		kill(a.Proc)
		p.killed++
		p.enter(a)
	}
}

// wait lets n records pass.
func (p *play) wait(n int) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(background, time.Minute)
	defer cancel()
	var until uint64
	for n > 0 {
		rec, err := p.pace.Next(ctx)
		require.NoError(p.t, err, "the stream stands still")
		if until == 0 {
			until = rec.Seq + uint64(n)
		}
		if rec.Seq >= until {
			return
		}
	}
}

// finish ends the stream and accounts for every record.
func (p *play) finish() {
	p.t.Helper()
	require.NoError(p.t, p.pace.Close())
	for _, a := range p.cast {
		if a.stopped {
			a.Cont()
		}
	}
	p.end()
	whole := expected(1, p.last)
	for _, a := range p.cast {
		switch a.role {
		case "reader":
			p.account(a, whole)
		case "observer":
			p.accountObserver(a)
		case "member":
			a.Expect("worked")
		}
		require.NoError(p.t, a.Wait())
	}
	accountGroup(p.t, p.work, p.last)
	report, err := ring.Verify(p.path)
	require.NoError(p.t, err)
	require.Empty(p.t, report.Faults)
	info, err := ring.Inspect(p.path)
	require.NoError(p.t, err)
	require.Equal(p.t, p.last+1, info.NextSeq)
	require.True(p.t, info.Ended)
	require.True(p.t, info.Clean)
	require.Len(p.t, info.Readers, 2, "the durable cursors are left")
	for _, r := range info.Readers {
		require.False(p.t, r.Alive)
		require.Equal(p.t, info.Published, r.Cursor)
	}
}

// end has the writer end the ring: one does, the others find it ended.
func (p *play) end() {
	p.t.Helper()
	ended := 0
	for _, a := range p.cast {
		if a.role == "writer" {
			a.Send("finish")
		}
	}
	for _, a := range p.cast {
		if a.role != "writer" {
			continue
		}
		line := a.Line()
		if _, err := fmt.Sscanf(line, "ended %d", &p.last); err == nil {
			ended++
			continue
		}
		require.Equal(p.t, "over", line)
	}
	require.Equal(p.t, 1, ended)
}

// account compares a reader's tally with what was published.
func (p *play) account(a *actor, whole tally) {
	p.t.Helper()
	var first uint64
	var got tally
	_, err := fmt.Sscanf(a.Expect("read"), "%d %d %d", &first, &got.last, &got.hash)
	require.NoError(p.t, err)
	switch {
	case a.args[1] != "-":
		require.Equal(p.t, whole, got, "%s", a.args[1])
	case first == 0: // it came when everything was over
		require.Zero(p.t, got)
	default:
		want := expected(first, p.last)
		require.Equal(p.t, want, got, "from %d", first)
	}
}

// accountObserver compares what an observer received and lost with what was published since its start.
func (p *play) accountObserver(a *actor) {
	p.t.Helper()
	var first, last, received, lost uint64
	_, err := fmt.Sscanf(a.Expect("observed"), "%d %d %d %d", &first, &last, &received, &lost)
	require.NoError(p.t, err)
	if first == 0 { // it came when everything was over
		require.Zero(p.t, last)
		return
	}
	require.Equal(p.t, p.last, last)
	require.Equal(p.t, last-first+1, received+lost)
}

// kill returns when the process is gone, and its locks with it.
func kill(p *proctest.Proc) {
	p.Kill()
	_ = p.Wait() // says that it was killed
}
