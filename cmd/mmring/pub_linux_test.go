package main_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
	"github.com/mmring/mmring/ring/ringtest"
)

// payloads are all records of a ring that has ended.
func payloads(t *testing.T, path string) []string {
	t.Helper()
	o, err := ring.Observe(context.Background(), path, ring.ObserverOptions{})
	require.NoError(t, err)
	defer o.Close()
	all := []string{}
	for rec := range o.Records(context.Background()) {
		require.Zero(t, rec.Lost)
		all = append(all, string(rec.Payload))
	}
	require.NoError(t, o.Err())
	return all
}

const largest = 32752 // bytes of payload in a ring of 64 KiB

func TestPubCutsRecords(t *testing.T) {
	for name, c := range map[string]struct {
		framing, input string
		want           []string
	}{
		"lines":                       {"lines", "a\nbb\n\nccc\n", []string{"a", "bb", "", "ccc"}},
		"a last line without newline": {"lines", "a\nb", []string{"a", "b"}},
		"no lines":                    {"lines", "", []string{}},
		"an empty line":               {"lines", "\n", []string{""}},
		"lines keep all other bytes":  {"lines", "a\r\n\x00\xff\n", []string{"a\r", "\x00\xff"}},
		"the longest line":            {"lines", strings.Repeat("x", largest) + "\n", []string{strings.Repeat("x", largest)}},
		"NUL bytes":                   {"nul", "a\x00b\nb\x00\x00c", []string{"a", "b\nb", "", "c"}},
		"lengths":                     {"u32le", "\x01\x00\x00\x00a\x00\x00\x00\x00\x02\x00\x00\x00b\n", []string{"a", "", "b\n"}},
		"no length":                   {"u32le", "", []string{}},
		"the largest length":          {"u32le", "\xf0\x7f\x00\x00" + strings.Repeat("x", largest), []string{strings.Repeat("x", largest)}},
		"a whole input":               {"whole", "a\nb\n", []string{"a\nb\n"}},
		"a whole input of nothing":    {"whole", "", []string{""}},
		"the largest whole input":     {"whole", strings.Repeat("x", largest), []string{strings.Repeat("x", largest)}},
	} {
		t.Run(name, func(t *testing.T) {
			path := newRing(t)
			fed(t, c.input, "pub", path, "--framing", c.framing, "--end")
			require.Equal(t, c.want, payloads(t, path), "in one piece")

			path = newRing(t)
			p := start(t, "pub", path, "--framing", c.framing, "--end")
			for _, b := range []byte(c.input[:min(len(c.input), 100)]) {
				p.feed(string([]byte{b}))
			}
			p.feed(c.input[min(len(c.input), 100):])
			require.Equal(t, result{}, p.end())
			require.Equal(t, c.want, payloads(t, path), "in pieces")
		})
	}
}

func TestPubPublishesFilesInTheirOrder(t *testing.T) {
	path, dir := newRing(t), t.TempDir()
	for _, name := range []string{"a", "b"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(name+"1\n"+name+"2"), 0o600))
	}
	fed(t, "c1\nc2", "pub", path, dir+"/b", "-", dir+"/a", dir+"/b", "--end")
	require.Equal(t, []string{"b1", "b2", "c1", "c2", "a1", "a2", "b1", "b2"}, payloads(t, path))

	path = newRing(t)
	done(t, "pub", path, dir+"/b", dir+"/a", "--framing", "whole", "--end")
	require.Equal(t, []string{"b1\nb2", "a1\na2"}, payloads(t, path))
}

func TestPubSaysWhichRecordIsTooLarge(t *testing.T) {
	long := strings.Repeat("x", largest+1)
	for framing, c := range map[string]struct{ input, says string }{
		"lines": {"one\n" + long + "\nthree\n" + long + "\n", "stdin: line %d: record too large: more than 32752 bytes\n"},
		"nul":   {"one\x00" + long + "\x00three\x00" + long, "stdin: record %d: record too large: more than 32752 bytes\n"},
		"u32le": {"\x03\x00\x00\x00one\xf1\x7f\x00\x00" + long + "\x05\x00\x00\x00three\xf1\x7f\x00\x00" + long,
			"stdin: record %d: record too large: 32753 bytes, at most 32752\n"},
	} {
		path := newRing(t)
		p := start(t, "pub", path, "--framing", framing)
		p.feed(c.input)
		hint := "hint: --skip-too-large goes on without it; a ring with a larger --capacity takes it\n"
		require.Equal(t, result{code: 1, said: "mmring: " + fmt.Sprintf(c.says, 2) + hint}, p.end())
		require.Equal(t, []string{"one"}, payloads(t, ended(t, path)), "what came before is published")

		path = newRing(t)
		p = start(t, "pub", path, "--framing", framing, "--skip-too-large", "--end")
		p.feed(c.input)
		require.Equal(t, result{said: "mmring: skipped: " + fmt.Sprintf(c.says, 2) + "mmring: skipped: " + fmt.Sprintf(c.says, 4)}, p.end())
		require.Equal(t, []string{"one", "three"}, payloads(t, path))
	}
	path, file := newRing(t), filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte(long), 0o600))
	r := mmring(t, "pub", path, "--framing", "whole", file)
	require.Equal(t, 1, r.code)
	require.Contains(t, r.said, "mmring: "+file+": record too large: more than 32752 bytes\nhint: ")
	r = mmring(t, "pub", path, "--framing", "whole", "--skip-too-large", "--end", file, "/dev/null")
	require.Equal(t, result{said: "mmring: skipped: " + file + ": record too large: more than 32752 bytes\n"}, r)
	require.Equal(t, []string{""}, payloads(t, path))
}

func TestPubRefusesInputThatIsCutOff(t *testing.T) {
	for input, says := range map[string]string{
		"\x01\x00\x00\x00a\x02":              "length prefix: 1 of 4 bytes, record 2",
		"\x01\x00\x00\x00a\x02\x00\x00":      "length prefix: 3 of 4 bytes, record 2",
		"\x01\x00\x00\x00a\x02\x00\x00\x00":  "payload: 0 of 2 bytes, record 2",
		"\x01\x00\x00\x00a\x02\x00\x00\x00b": "payload: 1 of 2 bytes, record 2",
		"\x01\x00\x00\x00a\xff\xff\xff\xff":  "",
	} {
		path := newRing(t)
		p := start(t, "pub", path, "--framing", "u32le")
		p.feed(input)
		r := p.end()
		require.Equal(t, 1, r.code)
		if says != "" {
			require.Equal(t, "mmring: stdin ends in the middle of a "+says+"\nhint: the records before it are published\n", r.said)
		}
		require.Equal(t, []string{"a"}, payloads(t, ended(t, path)))
	}
	path := newRing(t)
	p := start(t, "pub", path, "--framing", "u32le", "--skip-too-large")
	p.feed("\x01\x00\x00\x00a\xff\xff\xff\xffxyz")
	r := p.end()
	require.Equal(t, 1, r.code)
	require.Contains(t, r.said, "mmring: stdin ends in the middle of a payload: 4294967292 bytes are missing, record 3\n")
}

func TestPubRefusesInputThatIsNotThere(t *testing.T) {
	path := ringtest.Dir(t) + "/r"
	for input, says := range map[string]string{
		"/nowhere": "mmring: stat /nowhere: no such file or directory\nhint: nothing was published\n",
		"/etc":     "mmring: open /etc: a directory\nhint: nothing was published; name its files\n",
	} {
		require.Equal(t, result{code: 1, said: says}, mmring(t, "pub", path, "--create", "/dev/null", input))
		require.NoFileExists(t, path, "not even the ring is made")
	}
	r := mmring(t, "pub", path, "--create", "/etc/passwd", "/proc/self/mem")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.said, "mmring: read /proc/self/mem: input/output error\n")
	passwd, err := os.ReadFile("/etc/passwd")
	require.NoError(t, err)
	require.Equal(t, string(passwd), done(t, "cat", path), "what was read is published")
}

func TestPubWaitsForSpaceUnlessToldOtherwise(t *testing.T) {
	path := full(t)
	before := done(t, "cat", path)
	r := mmring(t, "pub", path, "--no-wait", "/etc/passwd")
	require.Equal(t, 1, r.code)
	require.Equal(t, "mmring: publish "+path+": ring is full\n"+
		"hint: without --no-wait pub waits for its readers; mmring stat PATH shows who is behind\n", r.said)
	for _, more := range []string{"", "--tag 3", "--rate 1e9"} {
		r = mmring(t, strings.Fields("pub "+path+" --timeout 20ms "+more+" /etc/passwd")...)
		require.Equal(t, 4, r.code)
		require.Equal(t, "mmring: publish "+path+": timed out after 20ms\n", r.said)
	}
	require.Equal(t, before, done(t, "cat", path))

	p := start(t, "pub", path, "--end")
	p.feed("last\n")
	p.stdin.Close()
	require.Equal(t, before+"last\n", done(t, "sub", path, "--name", "keep"))
	require.Equal(t, result{}, p.end())
}

func TestPubWaitsForReaders(t *testing.T) {
	path := newRing(t)
	r := mmring(t, "pub", path, "--min-readers", "2", "--timeout", "20ms", "/etc/passwd")
	require.Equal(t, result{code: 4, said: "mmring: " + path + " has 0 of 2 registered readers: timed out after 20ms\n"}, r)

	p := start(t, "pub", path, "--min-readers", "2", "--end")
	p.feed(lines(1, 9))
	done(t, "readers", "add", path, "nobody") // a cursor without a process is no reader that is attached
	first := start(t, "sub", path)
	attached(t, path, 1)
	second := start(t, "sub", path, "--name", "second")
	require.Equal(t, result{}, p.end())
	require.Equal(t, result{out: lines(1, 9)}, first.result())
	require.Equal(t, result{out: lines(1, 9)}, second.result())
}

func TestAStandbyTakesOver(t *testing.T) {
	for name, signal := range map[string]syscall.Signal{"from a writer that ends": syscall.SIGINT, "from a dead writer": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			path := newRing(t)
			s := start(t, "sub", path)
			first := start(t, "pub", path)
			first.feed("one\n")
			s.await(&s.out, "one\n")
			r := mmring(t, "pub", path, "/dev/null")
			require.Equal(t, 6, r.code)
			require.Regexp(t, fmt.Sprintf("^mmring: open writer %s: .*process %d.*\nhint: --standby waits for the role and takes over\n$", path, first.cmd.Process.Pid), r.said)
			r = mmring(t, "pub", path, "--standby", "--timeout", "20ms", "/dev/null")
			require.Equal(t, 4, r.code)
			require.Contains(t, r.said, "timed out after 20ms")

			standby := start(t, "pub", path, "--standby", "--end")
			standby.feed("two\n")
			first.signal(signal)
			first.result()
			require.Equal(t, result{}, standby.end())
			require.Equal(t, result{out: "one\ntwo\n"}, s.result())
		})
	}
}

func TestPubKeepsTheRate(t *testing.T) {
	path := newRing(t)
	begin := time.Now()
	fed(t, lines(1, 6), "pub", path, "--rate", "100", "--end")
	require.GreaterOrEqual(t, time.Since(begin), 50*time.Millisecond)
	require.Len(t, payloads(t, path), 6)
}

func TestPubTellsItsProgress(t *testing.T) {
	path := newRing(t)
	p := start(t, "pub", path, "--progress")
	p.await(&p.said, "mmring: 0 records, 0B in ")
	p.feed(lines(1, 5))
	r := p.end()
	require.Zero(t, r.code)
	require.Regexp(t, `mmring: 5 records, 5B in \d+\.\ds: .* records/s, .* B/s\n$`, strings.ReplaceAll(r.said, "k", " "))
}

func TestPubMakesTheRingIfAsked(t *testing.T) {
	path := ringtest.Dir(t) + "/r"
	r := mmring(t, "pub", path, "/dev/null")
	require.Equal(t, result{code: 1, said: "mmring: open writer " + path + ": no such file or directory\n" +
		"hint: --create makes the ring; mmring ls lists those that are there\n"}, r)
	fed(t, "a\n", "pub", path, "--create", "--capacity", "128KiB", "--readers", "3", "--mode", "0640", "--timestamps", "--checksums",
		"--content-type", "text/plain", "--description", "letters")
	fed(t, "b\n", "pub", path, "--create", "--capacity", "64KiB") // it is there, and stays as it is
	i, err := ring.Inspect(path)
	require.NoError(t, err)
	require.Equal(t, []any{int64(128 << 10), 3, true, true, "text/plain", "letters"},
		[]any{i.Capacity, i.Slots, i.Timestamps, i.Checksums, i.ContentType, i.Description})
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode())
	require.Equal(t, "a\nb\n", done(t, "cat", path))
	r = mmring(t, "pub", path, "--capacity", "1MiB", "/dev/null")
	require.Equal(t, 2, r.code)
	require.Contains(t, r.said, "mmring: --capacity without --create\n")
}

func TestPubThatIsEndedClosesTheRing(t *testing.T) {
	path := newRing(t)
	p := start(t, "pub", path)
	p.feed("one\ntwo\nhalf a li")
	until(t, path, "two records are there", func(i ring.Info) bool { return i.NextSeq == 3 })
	p.signal(syscall.SIGINT)
	require.Equal(t, result{code: 130}, p.result())
	i, err := ring.Inspect(path)
	require.NoError(t, err)
	require.True(t, i.Clean)
	require.False(t, i.Ended)
	require.Equal(t, "one\ntwo\n", done(t, "cat", path))
}

func TestAnEndedRingTakesNoMore(t *testing.T) {
	path := ended(t, newRing(t))
	r := mmring(t, "pub", path, "/etc/passwd")
	require.Equal(t, 1, r.code)
	require.Regexp(t, "^mmring: open writer "+path+": ring has ended.*\nhint: remove the ring and make a new one: mmring rm PATH\n$", r.said)
}

// Gigabytes go through the tests at hand, not here: but more than all buffers together, in pieces that fit none.
func TestPubReadsAPipeOfAnySize(t *testing.T) {
	path := newRing(t)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	go func() {
		defer w.Close()
		for i := range 3000 {
			if _, err := io.WriteString(w, strings.Repeat("y", i*7%30000)+"\n"); errors.Is(err, syscall.EPIPE) {
				return
			}
		}
	}()
	p := &proc{t: t, cmd: toolCommand("pub", path, "--min-readers", "1", "--end")}
	p.input = r
	p.start()
	s := start(t, "sub", path)
	require.Zero(t, p.result().code)
	all := strings.Split(s.result().out, "\n")
	require.Len(t, all, 3001)
	for i, line := range all[:3000] {
		require.Len(t, line, i*7%30000)
	}
}

// Three publish into one ring at a time, each a line and, when that has come out, another one.
func TestSeveralPublishIntoASharedRing(t *testing.T) {
	path := ringtest.Dir(t) + "/r"
	require.Empty(t, done(t, "create", path, "--shared"))
	require.Contains(t, done(t, "info", path), "several\n")
	sub := start(t, "sub", path)
	var pubs []*proc
	for i, flags := range []string{"--create --shared", "--no-wait --tag 7", "--min-readers 1"} {
		p := start(t, append([]string{"pub", path}, strings.Fields(flags)...)...)
		p.feed(fmt.Sprintf("first of %d\n", i))
		sub.await(&sub.out, fmt.Sprintf("first of %d\n", i))
		pubs = append(pubs, p)
	}
	info, err := ring.Inspect(path)
	require.NoError(t, err)
	require.Len(t, info.Writers, 3)
	stat := done(t, "stat", path)
	json := done(t, "stat", path, "-o", "json")
	for _, w := range info.Writers {
		require.Contains(t, stat, fmt.Sprintf("writer     alive: process %d for ", w.PID))
		require.Contains(t, json, fmt.Sprintf(`"alive":true,"pid":%d,`, w.PID))
	}
	pubs[1].signal(syscall.SIGKILL)
	pubs[1].result()
	require.Contains(t, done(t, "stat", path), fmt.Sprintf("writer     dead: process %d did not close; the others go on\n", pubs[1].cmd.Process.Pid))
	for _, i := range []int{0, 2} {
		pubs[i].feed(fmt.Sprintf("second of %d\n", i))
		sub.await(&sub.out, fmt.Sprintf("second of %d\n", i))
		require.Equal(t, result{}, pubs[i].end())
	}
	last := start(t, "pub", path, "--end")
	require.Equal(t, result{}, last.end())
	require.Equal(t, "first of 0\nfirst of 1\nfirst of 2\nsecond of 0\nsecond of 2\n", sub.result().out)
	refused := mmring(t, "pub", path)
	require.Equal(t, 1, refused.code)
	require.Contains(t, refused.said, "ring has ended")
}

func TestSharedOnARingForOneWriterIsRefused(t *testing.T) {
	path := ringtest.Dir(t) + "/r"
	require.Empty(t, done(t, "create", path))
	r := mmring(t, "pub", path, "--create", "--shared")
	require.Equal(t, 2, r.code)
	require.Contains(t, r.said, "the ring that is there is for one at a time")
}
