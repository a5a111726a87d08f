package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
	"github.com/mmring/mmring/ring/ringtest"
)

// The commands that only look: info, stat, ls, readers.

// busy makes a ring that has everything: records of all kinds, a writer that waits, a reader, a durable cursor that is
// behind.
func busy(t *testing.T) string {
	t.Helper()
	path := ringtest.Path(t, ring.Config{
		Capacity: 64 << 10, Timestamps: true, Checksums: true, ContentType: "text/plain", Description: "numbers, one a record",
	})
	fed(t, lines(1, 9), "pub", path, "--tag", "7")
	done(t, "readers", "add", path, "archive", "--from", "4")
	s := start(t, "sub", path)
	s.await(&s.out, "9\n")
	start(t, "pub", path)
	until(t, path, "there is a writer, and the reader has read all", func(i ring.Info) bool {
		return i.Writer.Alive && len(i.Readers) == 2 && i.Readers[1].LagRecords == 0
	})
	return path
}

func TestInfoSaysWhatARingIs(t *testing.T) {
	path := busy(t)
	golden(t, "info.json", path, done(t, "info", path, "-o", "json"))
	golden(t, "info.txt", path, done(t, "info", path))
}

func TestStatSaysHowARingStands(t *testing.T) {
	path := newRing(t)
	golden(t, "stat-empty.json", path, done(t, "stat", path, "-o", "json"))
	golden(t, "stat-empty.txt", path, done(t, "stat", path))
	path = busy(t)
	golden(t, "stat.json", path, done(t, "stat", path, "-o", "json"))
	golden(t, "stat.txt", path, done(t, "stat", path))
	path = full(t)
	golden(t, "stat-full.txt", path, done(t, "stat", path))
	path = ended(t, newRing(t))
	golden(t, "stat-ended.txt", path, done(t, "stat", path))
}

func TestStatSaysThatAWriterHasDied(t *testing.T) {
	path := newRing(t)
	p := start(t, "pub", path)
	p.feed("one\n")
	until(t, path, "the record is there", func(i ring.Info) bool { return i.NextSeq == 2 })
	p.signal(syscall.SIGKILL)
	p.result()
	require.Regexp(t, `(?m)^writer +dead: process \d+ \(mmring on \S+\) did not close; the next one goes on$`, done(t, "stat", path))
	require.Contains(t, done(t, "stat", path, "-o", "json"), `"clean":false`)
	require.Contains(t, done(t, "ls", filepath.Dir(path), "-o", "json"), `"writer":"dead"`)
	fed(t, "two\n", "pub", path)
	require.Regexp(t, `(?m)^deaths +1 writer, 0 readers in the way, 0 bad cursors dropped$`, done(t, "stat", path))
}

func TestStatLooksAgainAndAgain(t *testing.T) {
	path := newRing(t)
	for _, output := range []string{"text", "json"} {
		s := start(t, "stat", path, "--watch", "1ms", "-o", output)
		p := start(t, "pub", path)
		p.feed("one\n")
		s.await(&s.out, map[string]string{"text": "alive: process", "json": `"alive":true`}[output])
		require.Zero(t, p.end().code)
		s.signal(syscall.SIGTERM)
		r := s.result()
		require.Equal(t, 143, r.code)
		if output == "json" {
			for _, line := range strings.Split(strings.TrimSuffix(r.out, "\n"), "\n") {
				require.True(t, strings.HasPrefix(line, `{"v":1,"path":`) && strings.HasSuffix(line, "}"), line)
			}
		}
	}
	s := start(t, "stat", path, "--watch", "1ms")
	s.await(&s.out, "ring ")
	done(t, "rm", path)
	r := s.result()
	require.Equal(t, 1, r.code)
	require.Contains(t, r.said, "mmring: inspect "+path+": no such file or directory\n")
}

func TestReadersListsWhoReads(t *testing.T) {
	path := newRing(t)
	require.Equal(t, "no registered readers\n", done(t, "readers", path))
	require.Equal(t, `{"v":1,"path":"`+path+`","readers":[]}`+"\n", done(t, "readers", path, "-o", "json"))
	path = busy(t)
	golden(t, "readers.json", path, done(t, "readers", path, "-o", "json"))
	golden(t, "readers.txt", path, done(t, "readers", path))
}

func TestLsListsRings(t *testing.T) {
	dir := ringtest.Dir(t)
	require.Empty(t, done(t, "ls", dir))
	path := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"alive", "damaged", "ended", "new"} {
		require.NoError(t, ring.Create(path(name), ring.Config{Capacity: 64 << 10, Description: name + " ring"}))
	}
	start(t, "pub", path("alive"))
	until(t, path("alive"), "there is a writer", func(i ring.Info) bool { return i.Writer.Alive })
	fed(t, lines(1, 1234), "pub", path("ended"), "--end")
	done(t, "readers", "add", path("new"), "keep")
	require.NoError(t, os.Truncate(path("damaged"), 70000))
	require.NoError(t, os.WriteFile(path("text"), []byte("not a ring"), 0o600))
	require.NoError(t, os.WriteFile(path("empty"), nil, 0o600))
	require.NoError(t, os.Mkdir(path("directory"), 0o700))
	require.NoError(t, syscall.Mkfifo(path("fifo"), 0o600))
	require.NoError(t, os.Symlink(path("new"), path("link")))
	golden(t, "ls.json", dir, done(t, "ls", dir, "-o", "json"))
	require.Equal(t, strings.Repeat(done(t, "ls", dir, "-o", "json"), 2), done(t, "ls", dir, dir, "-o", "json"))

	p := &proc{t: t, cmd: toolCommand("ls")}
	p.cmd.Dir = dir
	p.start()
	r := p.end()
	require.Zero(t, r.code)
	require.Regexp(t, `(?m)^new +64KiB +0 +1 +none `, r.out, "the current directory, if none is named")
	p = &proc{t: t, cmd: toolCommand("ls", ".")}
	p.cmd.Dir = dir
	p.start()
	golden(t, "ls.txt", "PATH", p.end().out)

	r = mmring(t, "ls", dir+"/nowhere", dir)
	require.Equal(t, 1, r.code)
	require.Contains(t, r.out, path("ended"), "the others are listed")
	require.Equal(t, "mmring: open "+dir+"/nowhere: no such file or directory\nhint: ls takes directories; mmring stat PATH looks at one ring\n", r.said)
	r = mmring(t, "ls", path("new"))
	require.Equal(t, 1, r.code)
	require.Contains(t, r.said, "not a directory\nhint: ls takes directories; mmring stat PATH looks at one ring\n")
}

func TestVersionSaysWhatItIs(t *testing.T) {
	golden(t, "version.json", "PATH", done(t, "version", "-o", "json"))
	require.Regexp(t, `^mmring \S+, commit .+, ring format 1, go\S+, linux/\w+\n$`, done(t, "version"))
}

func TestAFileThatIsNoRingIsRefusedByAll(t *testing.T) {
	dir := ringtest.Dir(t)
	path := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.WriteFile(path("empty"), nil, 0o600))
	require.NoError(t, os.WriteFile(path("text"), []byte("just a text that is longer than a magic"), 0o600))
	require.NoError(t, syscall.Mkfifo(path("fifo"), 0o600))
	require.NoError(t, os.Mkdir(path("directory"), 0o700))
	require.NoError(t, os.Symlink(path("nowhere"), path("dangling")))
	for name, says := range map[string]string{
		"empty": "not a ring: ", "text": `not a ring: starts with "just a t" instead of "MMRING\x00\x01"`, "fifo": "not a ring: ", "directory": "not a ring: a directory",
		"dangling": "", "nowhere": "no such file or directory",
	} {
		for _, args := range []string{"info R", "stat R", "verify R", "readers R", "cat R", "sub R", "sub R --observe", "pub R /dev/null", "readers add R x", "readers rm R x", "rm R", "rm R --force"} {
			r := mmring(t, strings.Fields(strings.ReplaceAll(args, "R", path(name)))...)
			require.Equal(t, 1, r.code, "%s: %s", args, r.said)
			require.Empty(t, r.out)
			require.Contains(t, r.said, path(name)+": "+says, args)
			require.Contains(t, r.said, "\nhint: ", args)
		}
		_, err := os.Lstat(path(name))
		require.Equal(t, name == "nowhere", err != nil, "%s is still there", name)
	}
}
