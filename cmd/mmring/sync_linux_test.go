package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

// underStrace starts the tool with its system calls msync and fsync written to a file, and returns that file's name.
func underStrace(t *testing.T, args ...string) (p *proc, calls string) {
	t.Helper()
	calls = filepath.Join(t.TempDir(), "calls")
	tool := toolCommand(args...)
	p = &proc{t: t, cmd: exec.Command("strace", append([]string{"-f", "-e", "trace=msync,fsync", "-o", calls}, tool.Args...)...)}
	p.cmd.Env = tool.Env
	p.start()
	return p, calls
}

// syncs counts how often the disk was waited for: each time for the records and then for the counters.
func syncs(t *testing.T, calls string) int {
	t.Helper()
	b, err := os.ReadFile(calls)
	require.NoError(t, err)
	return strings.Count(string(b), ", MS_SYNC) = 0") / 2
}

func TestPubWaitsForTheDiskWhenAskedTo(t *testing.T) {
	cases := map[string]struct {
		args []string
		want int
	}{
		"never":                                 {nil, 0},
		"every record":                          {[]string{"--sync", "every"}, 10},
		"each one, by number":                   {[]string{"--sync", "1"}, 10},
		"every fourth, and the rest":            {[]string{"--sync", "4"}, 3},
		"every fifth":                           {[]string{"--sync", "5"}, 2},
		"more than there are":                   {[]string{"--sync", "1000"}, 1},
		"a time that is not over before":        {[]string{"--sync", "1h"}, 1},
		"every third, one by one":               {[]string{"--sync", "3", "--tag", "7"}, 4},
		"every third, and the end":              {[]string{"--sync", "3", "--end"}, 4},
		"every fifth, and the end on its own":   {[]string{"--sync", "5", "--end"}, 3},
		"also when the last record is too long": {[]string{"--sync", "1000", "--skip-too-large"}, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := newRing(t)
			p, calls := underStrace(t, append([]string{"pub", path}, c.args...)...)
			p.feed(lines(1, 10))
			r := p.end()
			require.Zero(t, r.code, r.said)
			require.Equal(t, c.want, syncs(t, calls))
			require.Equal(t, lines(1, 10), done(t, "cat", path))
			if c.want > 0 {
				b, err := os.ReadFile(calls)
				require.NoError(t, err)
				require.Equal(t, 1, strings.Count(string(b), "fsync("), "the ring's name is on the disk, too")
			}
		})
	}
}

func TestPubWaitsForTheDiskWhileItWaitsForInputOrSpaceOrTime(t *testing.T) {
	cases := map[string]struct {
		args  []string
		input string
		want  uint64 // records that are published before it waits
	}{
		"input":                     {nil, lines(1, 3), 3},
		"time":                      {[]string{"--rate", "0.001"}, lines(1, 3), 1},
		"space":                     {nil, strings.Repeat(strings.Repeat("x", 1000)+"\n", 100), 63},
		"space for a tagged record": {[]string{"--tag", "7"}, strings.Repeat(strings.Repeat("x", 1000)+"\n", 100), 63},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := newRing(t)
			done(t, "readers", "add", path, "keep")
			p, calls := underStrace(t, append([]string{"pub", path, "--sync", "10ms", "-q"}, c.args...)...)
			p.feed(c.input)
			until(t, path, "it is published", func(i ring.Info) bool { return i.NextSeq > c.want })
			proctest.Until(t, "the disk was waited for", func() bool { return syncs(t, calls) > 0 })
			info, err := ring.Inspect(path)
			require.NoError(t, err)
			require.True(t, info.Writer.Alive)
		})
	}
}

func TestWhatAnInterruptedPubHasPublishedIsOnTheDisk(t *testing.T) {
	path := newRing(t)
	p, calls := underStrace(t, "pub", path, "--sync", "1h")
	p.feed(lines(1, 3))
	until(t, path, "it is published", func(i ring.Info) bool { return i.NextSeq == 4 })
	info, err := ring.Inspect(path)
	require.NoError(t, err)
	pub, err := os.FindProcess(info.Writer.PID)
	require.NoError(t, err)
	require.NoError(t, pub.Signal(os.Interrupt))
	require.Equal(t, 130, p.result().code)
	require.Equal(t, 1, syncs(t, calls))
}
