package main_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

// halted is a demo in its middle, where it stays: a reader was stopped, and the ring is full.
type halted struct {
	*proc
	dir    string
	steady int // the reader's process
}

func halt(t *testing.T) halted {
	t.Helper()
	input, _ := tree(t, 700000)
	p := start(t, "demo", input)
	p.await(&p.said, "the pipeline: ")
	d := halted{proc: p, dir: demoDir(t, p.said.text())}
	attached(t, d.ring(), 3)
	d.steady = d.member("demo-process steady")
	require.NoError(t, syscall.Kill(d.steady, syscall.SIGSTOP))
	until(t, d.ring(), "the stopped reader holds the writer back", func(i ring.Info) bool {
		for _, r := range i.Readers {
			if r.PID == d.steady {
				return r.HoldsBack
			}
		}
		return false
	})
	return d
}

func (d halted) ring() string { return filepath.Join(d.dir, "demo.ring") }

// member returns the process of the demo that has what in its command line.
func (d halted) member(what string) int {
	d.t.Helper()
	found := 0
	proctest.Until(d.t, what+" is there", func() bool {
		for pid, line := range d.members() {
			if strings.Contains(line, what) {
				found = pid
			}
		}
		return found != 0
	})
	return found
}

func TestADemoFailsWhenSomebodyIsKilledForGood(t *testing.T) {
	for name, what := range map[string]string{
		"the reader":   "demo-process steady",
		"the observer": "demo-process observer",
		"the writer":   "demo-process writer",
		"the pipeline": " sub -q ",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := halt(t)
			require.NoError(t, syscall.Kill(d.member(what), syscall.SIGKILL))
			_ = syscall.Kill(d.steady, syscall.SIGCONT) // unless it was the one
			r := d.end()
			require.Equal(t, 1, r.code)
			require.NotContains(t, r.out, "all agree")
			require.Regexp(t, `(?m)^mmring: (\w+ \(process \d+\): signal: killed|not all agree: the pipeline)`, r.said)
			nothingLeft(t, d.proc)
		})
	}
}

func TestADemoFailsWhenARecordIsChanged(t *testing.T) {
	t.Parallel()
	d := halt(t)
	info, err := ring.Inspect(d.ring())
	require.NoError(t, err)
	f, err := os.OpenFile(d.ring(), os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	data := make([]byte, info.Capacity)
	_, err = f.ReadAt(data, info.DataOffset)
	require.NoError(t, err)
	for _, r := range info.Readers { // the last record it has not seen yet
		if r.PID == d.steady {
			at := bytes.LastIndex(data[:info.Published%uint64(info.Capacity)], []byte(" line "))
			require.Positive(t, at)
			_, err = f.WriteAt([]byte("!"), info.DataOffset+int64(at))
			require.NoError(t, err)
		}
	}
	require.NoError(t, syscall.Kill(d.steady, syscall.SIGCONT))
	r := d.end()
	require.Equal(t, 1, r.code)
	require.Regexp(t, `(?m)^steady +700,000 .* DIFFERENT`, r.out)
	require.Regexp(t, `(?m)^DIFFERENT: steady has 700000 records, lost 0, sha256 [0-9a-f]{64}`, r.out)
	require.NotContains(t, r.out, "all agree")
	require.Contains(t, r.said, "\nmmring: not all agree: steady has")
	nothingLeft(t, d.proc)
}

func TestADemoThatIsEndedLeavesNothingBehind(t *testing.T) {
	for name, c := range map[string]struct {
		signal syscall.Signal
		code   int
	}{
		"SIGINT":  {syscall.SIGINT, 130},
		"SIGTERM": {syscall.SIGTERM, 143},
		"SIGKILL": {syscall.SIGKILL, -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := halt(t)
			before := d.said.text()
			require.NoError(t, syscall.Kill(d.steady, syscall.SIGCONT))
			d.signal(c.signal)
			r := d.result()
			require.Equal(t, c.code, r.code)
			require.Empty(t, r.out)
			require.NotContains(t, strings.TrimPrefix(r.said, before), "signal")
			if c.signal == syscall.SIGKILL { // its processes find out by themselves
				proctest.Until(t, "the demo's processes are gone", func() bool { return len(d.members()) == 0 })
			}
			nothingLeft(t, d.proc)
		})
	}
}

func TestADemoIsDrawnOnATerminal(t *testing.T) {
	t.Parallel()
	input, _ := tree(t, 4000)
	term := newTerminal(t, 60)
	p := &proc{t: t, cmd: toolCommand("demo", input)}
	p.cmd.Stderr = term.slave
	p.start()
	r := p.end()
	require.Zero(t, r.code)
	shown := term.text()
	require.Contains(t, shown, "\x1b[J", "what was drawn is taken away")
	require.Regexp(t, `(?m)^\[[-.P#]{58}\x1b\[K`, shown, "lines end before the terminal does")
}
