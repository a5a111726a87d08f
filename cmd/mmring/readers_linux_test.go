package main_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
	"github.com/mmring/mmring/ring/ringtest"
)

func TestACursorIsMadeAheadOfItsReader(t *testing.T) {
	for from, want := range map[string]string{
		"": lines(1, 12), "--from oldest": lines(1, 12), "--from newest": lines(10, 12), "--from 4": lines(4, 12), "--from -2": lines(8, 12),
	} {
		path := nine(t)
		require.Empty(t, done(t, strings.Fields("readers add "+path+" keep "+from)...))
		fed(t, lines(10, 12), "pub", path, "--end")
		require.Equal(t, want, done(t, "sub", path, "--name", "keep"), from)
	}
}

func TestACursorHoldsTheWriterBackUntilItIsRemoved(t *testing.T) {
	path := full(t)
	p := start(t, "pub", path, "--end")
	p.feed("more\n")
	p.stdin.Close()
	until(t, path, "the writer waits", func(i ring.Info) bool { return i.Stats.Blocked > 0 })
	require.Empty(t, done(t, "readers", "rm", path, "keep"))
	require.Equal(t, result{}, p.result())
	require.Equal(t, "no registered readers\n", done(t, "readers", path))
}

func TestReadersSeekMovesACursor(t *testing.T) {
	path := nine(t)
	done(t, "readers", "add", path, "a")
	for _, c := range []struct {
		from string
		next int
	}{{"5", 5}, {"newest", 10}, {"next", 10}, {"-3", 7}, {"oldest", 1}, {"9", 9}, {"2", 2}} {
		require.Empty(t, done(t, "readers", "seek", path, "a", "--from", c.from))
		require.Regexp(t, fmt.Sprintf(`(?m)^a +durable +none +%d +%d `, c.next, 10-c.next), done(t, "readers", path), c.from)
	}
	require.Equal(t, lines(2, 9), done(t, "sub", path, "--name", "a", "--count", "8"))
}

func TestReadersRefuses(t *testing.T) {
	path := nine(t)
	done(t, "readers", "add", path, "free")
	held := start(t, "sub", path, "--name", "held")
	held.await(&held.out, "9\n")
	for args, want := range map[string]result{
		"add R free":                               {code: 1, said: "file already exists\nhint: it stays where it is; mmring readers rm removes it\n"},
		"add R held":                               {code: 1, said: "file already exists\nhint: it stays where it is; mmring readers rm removes it\n"},
		"add R a/b":                                {code: 2, said: `bad name "a/b": letters, digits and ._:@+- are allowed` + "\n"},
		"add R " + strings.Repeat("x", 41):         {code: 2, said: "bad name"},
		"add R x --from @2024-01-01T00:00:00Z":     {code: 1, said: "ring has no timestamps: no start at 2024-01-01T00:00:00Z\nhint: only rings made with --timestamps know when"},
		"seek R free --from @2024-01-01T00:00:00Z": {code: 1, said: "ring has no timestamps: no start at 2024-01-01T00:00:00Z\nhint: only rings made with --timestamps know when"},
		"seek R held --from 1":                     {code: 6, said: "reader \"held\" is attached, process "},
		"seek R nobody --from 1":                   {code: 1, said: "no durable reader \"nobody\": file does not exist\nhint: mmring readers R lists them; mmring readers add makes one\n"},
		"rm R nobody":                              {code: 1, said: "\nhint: mmring readers R lists them\n"},
		"rm R held":                                {code: 6, said: "\nhint: --force removes it all the same, and its reader gets an error\n"},
	} {
		r := mmring(t, append([]string{"readers"}, strings.Fields(strings.ReplaceAll(args, "R", path))...)...)
		require.Equal(t, want.code, r.code, "%s: %s", args, r.said)
		require.Contains(t, r.said, strings.ReplaceAll(want.said, "R", path), args)
	}
	require.Empty(t, done(t, "readers", "rm", path, "held", "--force"))
	fed(t, "next\n", "pub", path)
	r := held.result()
	require.Equal(t, 1, r.code)
	require.Contains(t, r.said, "mmring: read "+path+": reader was evicted: ")
	require.Regexp(t, `(?m)^free +durable +none +1 +10 `, done(t, "readers", path))
}

func TestARingHasOnlySoManySlots(t *testing.T) {
	path := ringtest.Path(t, ring.Config{Capacity: 64 << 10, Slots: 1})
	done(t, "readers", "add", path, "one")
	r := mmring(t, "sub", path)
	require.Equal(t, 1, r.code)
	require.Contains(t, r.said, "no free slot")
	require.Contains(t, r.said, "\nhint: mmring readers PATH shows who has them; a ring made with more --readers has more\n")
}

func TestRmDeletesARingThatNobodyUses(t *testing.T) {
	for name, use := range map[string]func(path string) *proc{
		"a writer": func(path string) *proc { return start(t, "pub", path) },
		"a reader": func(path string) *proc { return start(t, "sub", path) },
	} {
		path := ringtest.Dir(t) + "/r"
		require.NoError(t, ring.Create(path, ring.Config{Capacity: 64 << 10}))
		user := use(path)
		until(t, path, name+" is attached", func(i ring.Info) bool { return i.Writer.Alive || len(i.Readers) > 0 })
		r := mmring(t, "rm", path)
		require.Equal(t, 6, r.code, name)
		require.Contains(t, r.said, "\nhint: --force deletes it all the same, and who is attached gets an error\n")
		require.FileExists(t, path)
		user.signal(syscall.SIGTERM)
		require.Equal(t, 143, user.result().code)
		require.Empty(t, done(t, "rm", path))
		require.NoFileExists(t, path)
	}
	path := ringtest.Dir(t) + "/r"
	fed(t, lines(1, 3), "pub", path, "--create")
	p := start(t, "pub", path)
	until(t, path, "a writer is attached", func(i ring.Info) bool { return i.Writer.Alive })
	require.Empty(t, done(t, "rm", path, "--force"))
	require.NoFileExists(t, path)
	require.Equal(t, 0, p.end().code, "a writer with nothing to do does not notice")
}
