package ring_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

// memberRole is a member of the group "workers". "next" and "done" do what they say.
func memberRole(args []string) {
	m, err := ring.JoinGroup(background, args[0], "workers", ring.GroupOptions{})
	proctest.Die(err)
	proctest.Say("ready")
	var w ring.Work
	for {
		switch what := proctest.Hear(); what {
		case "next":
			w, err = m.Next(background)
			proctest.Die(err)
			proctest.Say("record %d %d", w.Seq, w.Delivery)
		case "done":
			proctest.Die(w.Done())
			proctest.Say("done")
		default:
			proctest.Die(fmt.Errorf("what is %q?", what))
		}
	}
}

// workerRole does what comes to a member of the group "workers", with the window that its third argument names, until the
// ring ends or SIGTERM comes, and adds a line "SEQ DELIVERY" to the file in its second argument before it says that a record
// is done.
func workerRole(args []string) {
	ctx, stop := signal.NotifyContext(background, syscall.SIGTERM)
	defer stop()
	window, err := strconv.Atoi(args[2])
	proctest.Die(err)
	m, err := ring.JoinGroup(ctx, args[0], "workers", ring.GroupOptions{Window: window})
	proctest.Die(err)
	log, err := os.OpenFile(args[1], os.O_APPEND|os.O_WRONLY, 0)
	proctest.Die(err)
	proctest.Say("ready")
	did := func(w ring.Work) {
		if !bytes.Equal(w.Payload, pattern(w.Seq, int(w.Seq%3000))) {
			proctest.Die(fmt.Errorf("record %d is not what it was", w.Seq))
		}
		_, err := fmt.Fprintln(log, w.Seq, w.Delivery)
		proctest.Die(err)
		if window > 1 {
			proctest.Die(w.Done())
		}
	}
	for batch := range m.Batches(ctx, 5) {
		if window > 1 {
			slices.Reverse(batch)
		}
		for _, w := range batch {
			did(w)
		}
	}
	if err := m.Err(); ctx.Err() == nil {
		proctest.Die(err)
	}
	proctest.Die(m.Close())
}

func startMember(t testing.TB, path string) *proctest.Proc {
	t.Helper()
	p := proctest.Start(t, "member", path)
	p.Expect("ready")
	return p
}

func TestWhatADeadMemberHadGoesToOneThatWaits(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	publish(t, w, 3)
	first, second := startMember(t, path), startMember(t, path)
	first.Send("next")
	first.Expect("record 1 1")
	second.Send("next")
	second.Expect("record 2 1")
	m := join(t, path, ring.GroupOptions{})
	work(t, m, 3, 1)
	for i, p := range []*proctest.Proc{first, second} {
		answer := make(chan error)
		go func() {
			w, err := m.Next(background)
			if err == nil && (w.Seq != uint64(i+1) || w.Delivery != 2) {
				err = fmt.Errorf("record %d for the %d. time", w.Seq, w.Delivery)
			}
			answer <- err
		}()
		asleep(t, 1)
		p.Kill()
		require.NoError(t, <-answer)
		require.Error(t, p.Wait())
	}
	g := group(t, path)
	require.Len(t, g.Members, 2, "the slot of what it did first was given back")
	sound(t, path)
}

// Whoever dies leaves its claim, with what it had of others, to the next.
func TestARecordComesAgainUntilItIsDone(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	publish(t, w, 1)
	for delivery := range 5 {
		p := startMember(t, path)
		p.Send("next")
		p.Expect(fmt.Sprintf("record 1 %d", delivery+1))
		require.Equal(t, delivery+1, group(t, path).Members[0].Delivery)
		p.Kill()
		require.Error(t, p.Wait())
	}
	p := startMember(t, path)
	p.Send("next")
	p.Expect("record 1 6")
	p.Send("done")
	p.Expect("done")
	p.Kill()
	require.Error(t, p.Wait())
	require.NoError(t, w.End())
	_, err := join(t, path, ring.GroupOptions{}).Next(background)
	require.ErrorIs(t, err, io.EOF)
}

func TestAStoppedMemberIsWaitedFor(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	publish(t, w, 2)
	p := startMember(t, path)
	p.Send("next")
	p.Expect("record 1 1")
	p.Stop()
	m := join(t, path, ring.GroupOptions{})
	work(t, m, 2, 1)
	require.NoError(t, w.End())
	answer := make(chan error)
	go func() {
		_, err := m.Next(background)
		answer <- err
	}()
	asleep(t, 1)
	for range 3 { // it looks again and again
		before := group(t, path).Members
		proctest.Until(t, "it sleeps again", func() bool { return sleepers(t, "self") == 1 })
		require.True(t, before[0].Alive)
		require.EqualValues(t, 1, before[0].ClaimRecords)
	}
	select {
	case err := <-answer:
		t.Fatal("a stopped member was robbed", err)
	default:
	}
	p.Cont()
	p.Send("done")
	p.Expect("done")
	require.ErrorIs(t, <-answer, io.EOF)
}

// crew are workers in processes, which are killed, stopped, sent away and replaced.
type crew struct {
	t     *testing.T
	rnd   *rand.Rand
	path  string
	log   string
	procs []*proctest.Proc
}

func (c *crew) hire() *proctest.Proc {
	p := proctest.Start(c.t, "worker", c.path, c.log, fmt.Sprint([]int{0, 1, 6}[c.rnd.IntN(3)]))
	p.Expect("ready")
	return p
}

// progress waits until so many bytes more have been logged, or somebody who is stopped keeps all others from it.
func (c *crew) progress(bytes int64, stopped bool) {
	size := func() int64 {
		info, err := os.Stat(c.log)
		require.NoError(c.t, err)
		return info.Size()
	}
	start := size()
	proctest.Until(c.t, "some records are done, or nothing more is without who is stopped", func() bool {
		return size() >= start+bytes || stopped && c.held()
	})
}

// held reports whether a member's claim holds the writer back.
func (c *crew) held() bool {
	info := inspect(c.t, c.path)
	return slices.ContainsFunc(info.Groups[0].Members, func(m ring.MemberInfo) bool {
		return m.ClaimEnd > 0 && info.Published-m.ClaimStart > uint64(info.Capacity)*3/4
	})
}

// play lets so many things happen, calls end, and waits until all is done.
func (c *crew) play(things int, kills bool, end func()) (died int) {
	for range 3 {
		c.procs = append(c.procs, c.hire())
	}
	for range things {
		c.progress(c.rnd.Int64N(4000), false)
		i := c.rnd.IntN(len(c.procs))
		p := c.procs[i]
		switch what := c.rnd.IntN(3); {
		case what == 0:
			p.Stop()
			c.progress(c.rnd.Int64N(1000), true)
			p.Cont()
			continue
		case what == 1 && kills:
			p.Kill()
			require.Error(c.t, p.Wait())
			died++
		default:
			p.Signal(syscall.SIGTERM)
			require.NoError(c.t, p.Wait())
		}
		c.procs[i] = c.hire()
	}
	end()
	for _, p := range c.procs {
		require.NoError(c.t, p.Wait())
	}
	return died
}

// had returns the deliveries of each record.
func (c *crew) had() map[uint64][]int {
	b, err := os.ReadFile(c.log)
	require.NoError(c.t, err)
	all := map[uint64][]int{}
	for line := range strings.Lines(string(b)) {
		var seq uint64
		var delivery int
		_, err := fmt.Sscan(line, &seq, &delivery)
		require.NoError(c.t, err, line)
		all[seq] = append(all[seq], delivery)
	}
	return all
}

// Members are killed, stopped, continued and sent away at random while others publish and work. Every record comes to one of
// them, and to another only if one has died or left in the middle of it, and says so.
func TestRandomKillsOfMembersLoseNothing(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for _, kills := range []bool{true, false} {
		t.Run(fmt.Sprintf("kills %t", kills), func(t *testing.T) {
			path := newRing(t, ring.Config{Checksums: true})
			w := openWriter(t, path)
			require.NoError(t, ring.AddGroup(background, path, "workers", ring.Oldest))
			c := &crew{t: t, rnd: rnd, path: path, log: filepath.Join(t.TempDir(), "log")}
			require.NoError(t, os.WriteFile(c.log, nil, 0o600))
			published := make(chan error)
			ctx, stop := withCause()
			records := uint64(0)
			go func() {
				for {
					seq, err := w.Publish(ctx, pattern(records+1, int((records+1)%3000)))
					if err != nil {
						published <- err
						return
					}
					records = seq
				}
			}()
			died := c.play(40/slower, kills, func() {
				stop(errEnough)
				require.ErrorIs(t, <-published, errEnough)
				require.NoError(t, w.End())
			})
			again, had := 0, c.had()
			for seq := uint64(1); seq <= records; seq++ {
				fresh := 0
				for _, delivery := range had[seq] {
					if delivery == 1 {
						fresh++
					}
				}
				require.NotEmpty(t, had[seq], "record %d came to nobody", seq)
				require.LessOrEqual(t, fresh, 1, "record %d came again and did not say so: %v", seq, had[seq])
				again += len(had[seq]) - 1
			}
			require.Len(t, had, int(records))
			t.Logf("%d died, %d of %d records came again", died, again, records)
			if !kills {
				require.Zero(t, again)
			}
			require.Equal(t, records+1, group(t, path).Seq)
			require.Zero(t, inspect(t, path).Stats.Corrupt)
			sound(t, path)
		})
	}
}

// Who has waited for long sleeps for long, and the kernel says who has died.
func TestAMemberThatWaitsLongIsToldOfADeath(t *testing.T) {
	t.Cleanup(ring.WatchAtOnce())
	path := newRing(t, ring.Config{})
	publish(t, openWriter(t, path), 3)
	p := startMember(t, path)
	p.Send("next")
	p.Expect("record 1 1")
	m := join(t, path, ring.GroupOptions{})
	m.Claiming(2)
	work(t, m, 2, 1)
	work(t, m, 3, 1)
	answer := make(chan error)
	go func() {
		w, err := m.Next(background)
		if err == nil && (w.Seq != 1 || w.Delivery != 2) {
			err = fmt.Errorf("record %d for the %d. time", w.Seq, w.Delivery)
		}
		answer <- err
	}()
	asleep(t, 1)
	p.Kill()
	require.NoError(t, <-answer)
	stats, err := m.Stats()
	require.NoError(t, err)
	require.LessOrEqual(t, stats.Waits, uint64(20), "a few sleeps, not one every 10 ms")
}
