package main_test

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
	"github.com/mmring/mmring/ring/ringtest"
)

// shared are the lines of several outputs together, in the order of their numbers.
func shared(t *testing.T, outs ...string) []int {
	t.Helper()
	var all []int
	for line := range strings.Lines(strings.Join(outs, "")) {
		var n int
		_, err := fmt.Sscan(line, &n)
		require.NoError(t, err, line)
		all = append(all, n)
	}
	slices.Sort(all)
	return all
}

func upTo(last int) (all []int) {
	for n := 1; n <= last; n++ {
		all = append(all, n)
	}
	return all
}

func TestSubsOfAGroupShareTheRecords(t *testing.T) {
	path := newRing(t)
	a, b := start(t, "sub", path, "--group", "workers"), start(t, "sub", path, "--group", "workers", "--from", "newest")
	p := start(t, "pub", path, "--end", "--min-readers", "2")
	p.feed(lines(1, 20000))
	require.Zero(t, p.end().code)
	first, second := a.result(), b.result()
	require.Zero(t, first.code+second.code, "%s%s", first.said, second.said)
	require.Empty(t, first.said+second.said)
	require.Equal(t, upTo(20000), shared(t, first.out, second.out), "each to one of them")
	require.Empty(t, done(t, "sub", path, "--group", "workers"), "nothing is left")
}

func TestAGroupGoesOnWhereItStood(t *testing.T) {
	path := nine(t)
	sub := func(args string) string { return done(t, strings.Fields("sub "+path+" --group g "+args)...) }
	require.Equal(t, lines(3, 4), sub("--from 3 --count 2"))
	require.Equal(t, "5\n", sub("--from oldest --count 1"), "it is there already")
	require.Equal(t, "6", sub("-o raw --count 1"))
	require.Equal(t, `{"v":1,"seq":7,"tag":1,"size":1,"payload":"7"}`+"\n", sub("-o json --count 1"))
	r := mmring(t, "sub", path, "--group", "g", "--idle-timeout", "20ms")
	require.Equal(t, result{out: lines(8, 9), said: "mmring: read " + path + ": timed out: no record for 20ms\n", code: 4}, r)
	require.Empty(t, done(t, "sub", ended(t, path), "--group", "g", "--from", "1"))
}

func TestWhatAKilledSubHadComesToAnother(t *testing.T) {
	path := ended(t, nine(t))
	m, err := ring.JoinGroup(t.Context(), path, "g", ring.GroupOptions{Window: 2})
	require.NoError(t, err)
	for range 2 {
		_, err = m.Next(t.Context())
		require.NoError(t, err)
	}
	s := start(t, "sub", path, "--group", "g")
	s.await(&s.out, "9\n")
	until(t, path, "all is done but what another one has", func(i ring.Info) bool { return len(i.Groups[0].Members) > 0 && i.Groups[0].LagRecords == 0 })
	require.NoError(t, m.Close()) // and says of neither that it is done
	r := s.result()
	require.Zero(t, r.code)
	require.Equal(t, upTo(9), shared(t, r.out))
	require.Contains(t, r.said, "again, from number 1 on: a process that had them did not finish\n")

	path = ended(t, nine(t))
	m, err = ring.JoinGroup(t.Context(), path, "g", ring.GroupOptions{})
	require.NoError(t, err)
	_, err = m.Next(t.Context())
	require.NoError(t, err)
	require.NoError(t, m.Close())
	require.Equal(t, `{"v":1,"seq":1,"tag":1,"size":1,"payload":"1","delivery":2}`+"\n", done(t, "sub", path, "--group", "g", "--count", "1", "-o", "json", "-q"))
}

func TestASubThatIsSentAwayLeavesTheRestToOthers(t *testing.T) {
	path := newRing(t)
	s := start(t, "sub", path, "--group", "g")
	fed(t, lines(1, 5), "pub", path)
	s.await(&s.out, "5\n")
	s.signal(syscall.SIGTERM)
	r := s.result()
	require.Equal(t, 143, r.code)
	fed(t, lines(6, 9), "pub", path, "--end")
	require.Equal(t, upTo(9), shared(t, r.out, done(t, "sub", path, "--group", "g")))
}

// crowded makes a ring with a group that holds the writer back, one member who works and one who has left something.
func crowded(t *testing.T) string {
	t.Helper()
	path := ringtest.Path(t, ring.Config{Capacity: 64 << 10})
	done(t, "readers", "add", path, "workers", "--group")
	fed(t, strings.Repeat(strings.Repeat("x", 1007)+"\n", 64), "pub", path)
	for i := range 2 {
		m, err := ring.JoinGroup(t.Context(), path, "workers", ring.GroupOptions{Window: 2})
		require.NoError(t, err)
		t.Cleanup(func() { m.Close() })
		_, err = m.Next(t.Context())
		require.NoError(t, err)
		if i == 0 {
			_, err = m.Next(t.Context())
			require.NoError(t, err)
			require.NoError(t, m.Close())
		}
	}
	return path
}

func TestStatAndReadersShowGroups(t *testing.T) {
	path := crowded(t)
	golden(t, "stat-group.json", path, done(t, "stat", path, "-o", "json"))
	golden(t, "stat-group.txt", path, done(t, "stat", path))
	golden(t, "readers-group.json", path, done(t, "readers", path, "-o", "json"))
	golden(t, "readers-group.txt", path, done(t, "readers", path))
	require.Contains(t, done(t, "ls", strings.TrimSuffix(path, "/test.ring"), "-o", "json"), `"readers":1,`)
}

func TestAGroupIsMadeAndRemovedAsACursorIs(t *testing.T) {
	path := nine(t)
	require.Empty(t, done(t, "readers", "add", path, "g", "--group", "--from", "-2"))
	r := mmring(t, "readers", "add", path, "g", "--group")
	require.Equal(t, 1, r.code)
	require.Equal(t, "mmring: add group "+path+": group \"g\": file already exists\nhint: it stays where it is; mmring readers rm removes it\n", r.said)
	require.Equal(t, 1, mmring(t, "readers", "add", path, "g").code)
	s := start(t, "sub", path, "--group", "g")
	s.await(&s.out, lines(8, 9))
	r = mmring(t, "readers", "rm", path, "g")
	require.Equal(t, 6, r.code)
	require.Regexp(t, `process \d+ is a member\nhint: --force removes it all the same, and its reader gets an error\n$`, r.said)
	r = mmring(t, "rm", path)
	require.Equal(t, 6, r.code)
	require.Regexp(t, `process \d+ is a member of group "g"`, r.said)
	require.Empty(t, done(t, "readers", "rm", path, "g", "--force"))
	r = s.result()
	require.Equal(t, 1, r.code)
	require.Contains(t, r.said, "mmring: read "+path+": reader was evicted: ")
	require.Empty(t, done(t, "readers", "rm", path, "g"), "its name is free when its members have gone")
	require.Equal(t, "no registered readers\n", done(t, "readers", path))
	require.Equal(t, 1, mmring(t, "readers", "rm", path, "g").code)
}

func TestAWriterNamesTheGroupThatItWaitsFor(t *testing.T) {
	path := crowded(t)
	p := start(t, "pub", path)
	p.feed(strings.Repeat("x", 4000) + "\n")
	p.await(&p.said, `mmring: waiting for space in `+path+`: group "workers" (1 member) is `)
	p.signal(syscall.SIGTERM)
	require.Equal(t, 143, p.result().code)
}
