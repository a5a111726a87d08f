package main_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
	"github.com/mmring/mmring/ring/ringtest"
)

func TestStatSaysWhoHoldsTheWriterBack(t *testing.T) {
	path := full(t)
	p := start(t, "pub", path)
	p.feed("more\n")
	until(t, path, "the writer waits", func(i ring.Info) bool { return i.HeldBack != nil && i.Stats.Blocked > 0 })
	golden(t, "stat-held.json", path, done(t, "stat", path, "-o", "json"))
	golden(t, "stat-held.txt", path, done(t, "stat", path))
	done(t, "readers", "rm", path, "keep")
	require.Zero(t, p.end().code)
	require.NotContains(t, done(t, "stat", path, "-o", "json"), "held_back")
}

func TestACursorThatHoldsTheWriterBackIsEvicted(t *testing.T) {
	dir := ringtest.Dir(t)
	path := dir + "/r"
	require.Empty(t, done(t, "create", path, "--capacity", "64KiB", "--evict-after", "50ms"))
	require.Contains(t, done(t, "info", path), "at most 64, evicted when they have held the writer back for 50ms\n")
	require.Contains(t, done(t, "info", path, "-o", "json"), `"may_evict":true,"evict_after_ns":50000000,`)
	done(t, "readers", "add", path, "keep")
	p := start(t, "pub", path)
	p.feed(lines(1, 5000))
	r := p.end()
	require.Zero(t, r.code, r.said)
	require.Regexp(t, `^mmring: evicted reader "keep" \(process \d+\), which had held the writer back for \d+ms\n$`, r.said)
	now := done(t, "stat", path)
	require.Regexp(t, `(?m)^evicted +1 reader$`, now)
	require.Regexp(t, `(?m)\^ keep, no process, evicted, [\d.]+KiB behind$`, now)
	gone := regexp.MustCompile(`(?m)^keep +evicted +none +1 +5,000 +[\d.]+KiB +lost ([\d,]+) so far$`).FindStringSubmatch(now)
	require.NotNil(t, gone, now)
	require.Contains(t, done(t, "readers", path, "-o", "json"), `"state":"evicted"`)
	require.Contains(t, done(t, "readers", path, "-o", "json"), `"lost":`+strings.ReplaceAll(gone[1], ",", ""))

	r = mmring(t, "sub", path, "--name", "keep", "--fail-on-loss")
	require.Equal(t, 3, r.code)
	require.Contains(t, r.said, path+": records were lost: "+strings.ReplaceAll(gone[1], ",", "")+" before record ")
	fed(t, "", "pub", path, "--end")
	r = mmring(t, "sub", path, "--name", "keep")
	require.Zero(t, r.code)
	require.Equal(t, "mmring: lost "+gone[1]+" records before record "+firstLine(r.out)+"\n", r.said)
	require.True(t, strings.HasSuffix(r.out, "4999\n5000\n"))
	r = mmring(t, "sub", path, "--name", "keep")
	require.Equal(t, result{}, r, "it was told once")
	sound(t, path)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// sound requires that verify finds nothing.
func sound(t *testing.T, path string) {
	t.Helper()
	require.Zero(t, mmring(t, "verify", path).code)
}

func TestAStoppedSubIsToldThatItWasEvicted(t *testing.T) {
	path := ringtest.Path(t, ring.Config{Capacity: 64 << 10, EvictAfter: 50 * time.Millisecond})
	s := start(t, "sub", path)
	until(t, path, "it reads", func(i ring.Info) bool { return len(i.Readers) == 1 })
	s.signal(syscall.SIGSTOP)
	stopped(t, s)
	r := shell(t, "seq 5000 | mmring pub "+path+" -q")
	require.Equal(t, result{}, r)
	s.signal(syscall.SIGCONT)
	r = s.result()
	require.Equal(t, 1, r.code)
	require.Regexp(t, `mmring: read \S+: reader was evicted: at position \d+, before record 1; \d+ lost so far\nhint: start it again: `, r.said)
	require.Empty(t, inspectReaders(t, path), "and has freed its slot")
}

func inspectReaders(t *testing.T, path string) []ring.ReaderInfo {
	t.Helper()
	i, err := ring.Inspect(path)
	require.NoError(t, err)
	return i.Readers
}

func TestCreateRefusesEvictionsThatCannotBe(t *testing.T) {
	path := ringtest.Dir(t) + "/r"
	for given, says := range map[string]string{"-1s": "", "1us": "eviction after 1\u00b5s: must be 0 (never) or at least 1ms", "soon": ""} {
		r := mmring(t, "create", path, "--evict-after", given)
		require.Equal(t, 2, r.code, given)
		require.Contains(t, r.said, says)
		require.NoFileExists(t, path)
	}
	fed(t, "", "pub", path, "--create", "--evict-after", "1m")
	require.Contains(t, done(t, "info", path), "for 1m0s\n")
	r := mmring(t, "pub", path, "--evict-after", "1m", "/dev/null")
	require.Equal(t, 2, r.code)
	require.Contains(t, r.said, "--evict-after without --create")
}

// stopped waits until all threads of p have stopped.
func stopped(t *testing.T, p *proc) {
	t.Helper()
	tasks := fmt.Sprintf("/proc/%d/task", p.cmd.Process.Pid)
	for all := false; !all; {
		threads, err := os.ReadDir(tasks)
		require.NoError(t, err)
		all = true
		for _, thread := range threads {
			b, err := os.ReadFile(tasks + "/" + thread.Name() + "/stat")
			require.NoError(t, err)
			all = all && strings.Contains(string(b), ") T ")
		}
	}
}

func TestSubSaysThatItFallsBehind(t *testing.T) {
	path := newRing(t)
	fed(t, lines(1, 1800), "pub", path)
	for _, args := range []string{"--observe", ""} {
		r := mmring(t, strings.Fields("sub "+path+" --warn-at 80 --count 1800 "+args)...)
		require.Equal(t, result{out: lines(1, 1800), said: "mmring: falling behind: 88% of the ring is still to be read\n"}, r)
		r = mmring(t, strings.Fields("sub "+path+" --warn-at 90 --count 1800 "+args)...)
		require.Equal(t, result{out: lines(1, 1800)}, r)
	}
	require.Equal(t, 2, mmring(t, "sub", path, "--warn-at", "101").code)
}
