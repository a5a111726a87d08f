package main_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
	"github.com/mmring/mmring/ring/ringtest"
)

// full makes a ring that a durable cursor without a process holds at its end.
func full(t *testing.T) string {
	t.Helper()
	path := newRing(t)
	done(t, "readers", "add", path, "keep")
	r := shell(t, "seq 100000 | mmring pub "+path+" --no-wait")
	require.Equal(t, 1, r.code, r.said)
	return path
}

// waits are all the ways in which a command can wait; R is the ring's path. Each says after a second what for.
var waits = map[string]struct {
	ring func(t *testing.T) string
	args string
	says string
}{
	"sub for records":            {newRing, "sub R", "records in R"},
	"sub for records, named":     {newRing, "sub R --name keep", "records in R"},
	"sub to see records":         {newRing, "sub R --observe", "records in R"},
	"sub for the ring":           {missing, "sub R --wait 1h", "R to appear"},
	"pub for input":              {newRing, "pub R", "input on stdin"},
	"pub for readers":            {newRing, "pub R --min-readers 2", "2 registered readers of R"},
	"pub for the role":           {written, "pub R --standby", "the writer's role of R, which process N has"},
	"pub for space":              {full, "pub R /etc/passwd", `space in R: reader "keep" (no process is attached) is`},
	"pub for space, tagged":      {full, "pub R --tag 7 /etc/passwd", `space in R: reader "keep" (no process is attached) is`},
	"pub for a record's time":    {newRing, "pub R --rate 1e-6 /etc/passwd", "the next record's time (--rate 1e-06)"},
	"sub for its stdout":         {rich, "sub R", "stdout to take the output"},
	"sub -o json for its stdout": {rich, "sub R -o json --observe", "stdout to take the output"},
	"cat for its stdout":         {rich, "cat R", "stdout to take the output"},
	"stat for its stdout":        {newRing, "stat R --watch 1ns", "stdout to take the output"},
	"ls for its stdout":          {manyRings, "ls R/" + strings.Repeat(" R/", 99), "stdout to take the output"},
}

func missing(t *testing.T) string { return ringtest.Dir(t) + "/missing.ring" }

// written makes a ring with a writer.
func written(t *testing.T) string {
	t.Helper()
	path := newRing(t)
	start(t, "pub", path)
	until(t, path, "there is a writer", func(i ring.Info) bool { return i.Writer.Alive })
	return path
}

// rich makes a ring with more records than a pipe takes.
func rich(t *testing.T) string {
	t.Helper()
	path := ringtest.Path(t, ring.Config{})
	fed(t, lines(1, 200000), "pub", path)
	return path
}

// manyRings makes a directory with rings.
func manyRings(t *testing.T) string {
	t.Helper()
	dir := ringtest.Dir(t)
	for i := range 20 {
		require.NoError(t, ring.Create(fmt.Sprintf("%s/%d.ring", dir, i), ring.Config{Capacity: 64 << 10}))
	}
	return dir
}

// waiting starts a command of waits, whose stdout nobody reads.
func waiting(t *testing.T, name string, more ...string) (p *proc, path string) {
	t.Helper()
	path = waits[name].ring(t)
	args := strings.Fields(strings.ReplaceAll(waits[name].args, "R", path))
	unread, stdout, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { unread.Close(); stdout.Close() })
	p = &proc{t: t, cmd: toolCommand(append(args, more...)...)}
	p.cmd.Stdout = stdout
	p.start()
	return p, path
}

// All wait at the same time: else each would take its second.
func TestAWaitIsToldOnceAndEndedByASignal(t *testing.T) {
	t.Parallel()
	type started struct {
		*proc
		path string
	}
	signals := map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143}
	quiet, loud := map[string]started{}, map[string]map[syscall.Signal]started{}
	for name := range waits {
		p, path := waiting(t, name, "-q")
		quiet[name] = started{p, path}
		loud[name] = map[syscall.Signal]started{}
		for s := range signals {
			p, path := waiting(t, name)
			loud[name][s] = started{p, path}
		}
	}
	for name, w := range waits {
		for s, code := range signals {
			p := loud[name][s]
			p.await(&p.said, "mmring: waiting for ")
			p.await(&p.said, "\n")
			p.signal(s)
			require.Equal(t, result{code: code}, p.result(), name)
			said := p.said.text()
			want := strings.ReplaceAll(w.says, "R", p.path)
			if i, err := ring.Inspect(p.path); err == nil {
				want = strings.ReplaceAll(want, "process N", fmt.Sprint("process ", i.Writer.PID))
			}
			require.Contains(t, said, want, name)
			require.Equal(t, 1, strings.Count(said, "\n"), "%s: %s", name, said)
		}
	}
	for name, p := range quiet { // they have waited longer than those that have told it
		p.signal(syscall.SIGINT)
		require.Equal(t, result{code: 130}, p.result(), name)
		require.Empty(t, p.said.text(), name)
	}
}

func TestAClosedPipeEndsACommandQuietly(t *testing.T) {
	for name, c := range map[string]struct {
		ring func(t *testing.T) string
		args string
	}{
		"sub":            {rich, "sub R"},
		"sub, observing": {rich, "sub R --observe"},
		"sub, as hex":    {rich, "sub R -o hex"},
		"cat":            {rich, "cat R"},
		"stat":           {newRing, "stat R"},
		"stat, watching": {newRing, "stat R --watch 1ms -o json"},
		"info":           {newRing, "info R"},
		"verify":         {newRing, "verify R"},
		"readers":        {newRing, "readers R"},
		"ls":             {manyRings, "ls R"},
		"version":        {newRing, "version"},
		"completion":     {newRing, "completion bash"},
		"help":           {newRing, "sub --help"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := c.ring(t)
			unread, stdout, err := os.Pipe()
			require.NoError(t, err)
			unread.Close()
			p := &proc{t: t, cmd: toolCommand(strings.Fields(strings.ReplaceAll(c.args, "R", path))...)}
			p.cmd.Stdout = stdout
			p.start()
			stdout.Close()
			r := p.result()
			require.Equal(t, 128+int(syscall.SIGPIPE), r.code, r.said)
			require.Empty(t, r.said)
		})
	}
}
