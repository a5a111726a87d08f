package ring_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

// standbyRole waits for the writer's role, and publishes its process id when it has it. It closes when it is told to.
func standbyRole(args []string) {
	proctest.Say("waits")
	w, err := ring.OpenWriter(background, args[0], ring.WriterOptions{Wait: true})
	proctest.Die(err)
	_, err = w.Publish(background, fmt.Appendf(nil, "%d", os.Getpid()))
	proctest.Die(err)
	proctest.Hear()
	proctest.Die(w.Close())
	proctest.Say("closed")
}

// startStandby starts a standby and returns once it sleeps for the role, unless that is free.
func startStandby(t testing.TB, path string, free bool) *proctest.Proc {
	t.Helper()
	p := proctest.Start(t, "standby", path)
	p.Expect("waits")
	if !free {
		proctest.Until(t, "it waits for the role", func() bool { return waitsForRole(p.Pid()) })
	}
	return p
}

// waitsForRole reports whether a thread of process pid sleeps in flock.
func waitsForRole(pid int) bool {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return false
	}
	for _, thread := range threads {
		call, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/syscall", pid, thread.Name())) // a thread may end any time
		if strings.HasPrefix(string(call), fmt.Sprintf("%d ", unix.SYS_FLOCK)) {
			return true
		}
	}
	return false
}

// handOver ends the writer and returns which of the standbys says, by its record, that it has the role now, and how long
// that took.
func handOver(t testing.TB, r *ring.Reader, writer *proctest.Proc, standbys []*proctest.Proc, kill bool, seq uint64) (int, time.Duration) {
	t.Helper()
	start := time.Now()
	if kill {
		writer.Kill()
	} else {
		writer.Send("close")
	}
	rec, err := r.Next(background)
	took := time.Since(start)
	require.NoError(t, err)
	require.Equal(t, seq, rec.Seq)
	pid, err := strconv.Atoi(string(rec.Payload))
	require.NoError(t, err)
	i := slices.IndexFunc(standbys, func(p *proctest.Proc) bool { return p.Pid() == pid })
	require.GreaterOrEqual(t, i, 0, "process %d is none of them", pid)
	return i, took
}

// TestOfSeveralStandbysOneGoesOn ends one writer after another, by SIGKILL and by Close: each time exactly one of those who
// wait goes on, with the next number.
func TestOfSeveralStandbysOneGoesOn(t *testing.T) {
	const turns = 12
	path := newRing(t, ring.Config{})
	r := openReader(t, path, ring.ReaderOptions{})
	writer := startStandby(t, path, true)
	rec, err := r.Next(background)
	require.NoError(t, err)
	require.Equal(t, fmt.Sprint(writer.Pid()), string(rec.Payload))
	var standbys []*proctest.Proc
	kills := uint64(0)
	for turn := range uint64(turns) {
		for len(standbys) < 4 {
			standbys = append(standbys, startStandby(t, path, false))
		}
		kill := turn%3 != 2
		if kill {
			kills++
		}
		i, took := handOver(t, r, writer, standbys, kill, turn+2)
		t.Logf("killed %t: %v", kill, took)
		dry(t, r)
		writer = standbys[i]
		standbys = slices.Delete(standbys, i, i+1)
	}
	require.Equal(t, kills, inspect(t, path).Stats.Recoveries)
	sound(t, path)
}

// BenchmarkHandOver is how long it takes from the end of a writer, by SIGKILL or by Close, to the first record of the one
// that stood by.
func BenchmarkHandOver(b *testing.B) {
	for how, kill := range map[string]bool{"kill": true, "close": false} {
		b.Run(how, func(b *testing.B) {
			path := newRing(b, ring.Config{Capacity: benchCapacity})
			r := openReader(b, path, ring.ReaderOptions{})
			writer := startStandby(b, path, true)
			_, err := r.Next(background)
			require.NoError(b, err)
			var all []time.Duration
			for seq := uint64(2); b.Loop(); seq++ {
				next := startStandby(b, path, false)
				_, took := handOver(b, r, writer, []*proctest.Proc{next}, kill, seq)
				all = append(all, took)
				writer = next
			}
			slices.Sort(all)
			b.ReportMetric(float64(all[len(all)/2].Nanoseconds()), "p50-ns")
			b.ReportMetric(float64(all[len(all)*99/100].Nanoseconds()), "p99-ns")
			b.ReportMetric(0, "ns/op") // it would be that of starting a process
		})
	}
}
