package main_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
	"github.com/mmring/mmring/ring/ringtest"
)

// nine makes a ring with the records 1 to 9; odd ones have tag 1.
func nine(t *testing.T) string {
	t.Helper()
	path := newRing(t)
	for i := 1; i <= 9; i++ {
		fed(t, fmt.Sprintln(i), "pub", path, "--tag", fmt.Sprint(i%2))
	}
	return path
}

// ended makes the ring's end.
func ended(t *testing.T, path string) string {
	t.Helper()
	done(t, "pub", path, "--end", "/dev/null")
	return path
}

func TestSubStartsAndStopsWhereItIsTold(t *testing.T) {
	path := ended(t, nine(t))
	for args, want := range map[string]string{
		"":                           lines(1, 9),
		"--from oldest":              lines(1, 9),
		"--from next":                lines(1, 9),
		"--from newest":              "",
		"--from 3":                   lines(3, 9),
		"--from -2":                  lines(8, 9),
		"--from -0":                  "",
		"--from -100":                lines(1, 9),
		"--from 9":                   "9\n",
		"--from 10":                  "",
		"--count 4":                  lines(1, 4),
		"--count 4 --from 2":         lines(2, 5),
		"--count 9":                  lines(1, 9),
		"--count 99":                 lines(1, 9),
		"--tag 1":                    "1\n3\n5\n7\n9\n",
		"--tag 0":                    "2\n4\n6\n8\n",
		"--tag 7":                    "",
		"--tag 1 --count 2":          "1\n3\n",
		"--tag 0 --from -3":          "8\n",
		"-o raw":                     "123456789",
		"-o u32le --count 2":         "\x01\x00\x00\x001\x01\x00\x00\x002",
		"-o hex --from -1":           "record 9, tag 1, 1 bytes\n00000000  39                                                |9|\n",
		"-o json --from 4 --count 1": `{"v":1,"seq":4,"tag":0,"size":1,"payload":"4"}` + "\n",
	} {
		for _, how := range []string{"sub", "sub --observe", "cat"} {
			require.Equal(t, want, done(t, strings.Fields(how+" "+path+" "+args)...), "%s %s", how, args)
		}
	}
}

func TestCatStopsAtThePresentEnd(t *testing.T) {
	path := newRing(t)
	require.Empty(t, done(t, "cat", path))
	p := start(t, "pub", path)
	p.feed("1\n2\n")
	until(t, path, "two records are there", func(i ring.Info) bool { return i.NextSeq == 3 })
	require.Equal(t, "1\n2\n", done(t, "cat", path), "the writer goes on")
	require.Empty(t, done(t, "cat", path, "--from", "newest"))
	require.Empty(t, done(t, "cat", path, "--from", "3"))
}

func TestSubFollowsUntilTheEnd(t *testing.T) {
	for _, how := range []string{"", "--observe", "--name keep"} {
		path := newRing(t)
		s := start(t, strings.Fields("sub "+path+" "+how)...)
		p := start(t, "pub", path, "--end")
		for i := 1; i <= 3; i++ {
			p.feed(fmt.Sprintln(i))
			s.await(&s.out, fmt.Sprintln(i)) // at once, not when there are more
		}
		require.Zero(t, p.end().code)
		require.Equal(t, result{out: lines(1, 3)}, s.result())
	}
}

func TestADurableReaderGoesOnWhereItStopped(t *testing.T) {
	for name, signal := range map[string]syscall.Signal{"asked to": syscall.SIGINT, "killed": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			path := newRing(t)
			s := start(t, "sub", path, "--name", "keep")
			fed(t, lines(1, 5), "pub", path)
			s.await(&s.out, "5\n")
			until(t, path, "all is consumed", func(i ring.Info) bool { return len(i.Readers) == 1 && i.Readers[0].LagRecords == 0 })
			s.signal(signal)
			require.Equal(t, lines(1, 5), s.result().out)
			fed(t, lines(6, 9), "pub", path)
			require.Equal(t, lines(6, 7), done(t, "sub", path, "--name", "keep", "--count", "2"))
			require.Equal(t, "8\n", done(t, "sub", path, "--name", "keep", "--count", "1"))
			require.Equal(t, lines(2, 3), done(t, "sub", path, "--name", "keep", "--from", "2", "--count", "2"), "moved by hand")
			require.Equal(t, lines(4, 9), done(t, "sub", ended(t, path), "--name", "keep"))
			require.Empty(t, done(t, "sub", path, "--name", "keep"), "nothing is left")
		})
	}
}

func TestWhatWasNotWrittenComesAgain(t *testing.T) {
	path := ended(t, rich(t))
	r := shell(t, `set +o pipefail; mmring sub `+path+` --name keep | head -n 1000`)
	require.Equal(t, lines(1, 1000), r.out)
	rest := done(t, "sub", path, "--name", "keep")
	var first int
	_, err := fmt.Sscan(rest, &first)
	require.NoError(t, err)
	require.Equal(t, lines(first, 200000), rest)
	require.Less(t, first, 40000, "no more than a pipe and a piece of output are ahead")
}

func TestLossIsTold(t *testing.T) {
	path := newRing(t)
	fed(t, lines(1, 10000), "pub", path, "--end")
	info, err := ring.Inspect(path)
	require.NoError(t, err)
	require.Greater(t, info.FirstSeq, uint64(1))
	lost := info.FirstSeq - 1
	told := fmt.Sprintf("mmring: lost %d,%03d records before record %d\n", lost/1000, lost%1000, info.FirstSeq)
	rest := lines(int(info.FirstSeq), 10000)
	for _, how := range []string{"sub", "sub --observe", "cat", "sub --name keep"} {
		args := strings.Fields(how + " " + path + " --from 1")
		require.Equal(t, result{out: rest, said: told}, mmring(t, args...), how)
		require.Equal(t, result{out: rest}, mmring(t, append(args, "-q")...), how)

		r := mmring(t, append(args, "--fail-on-loss")...)
		require.Equal(t, 3, r.code, how)
		require.Empty(t, r.out, how)
		require.Contains(t, r.said, fmt.Sprintf("%s: records were lost: %d before record %d\n", path, lost, info.FirstSeq), how)

		r = mmring(t, append(args, "-o", "json", "--count", "2", "-q")...)
		require.Equal(t, fmt.Sprintf(`{"v":1,"seq":%d,"tag":0,"size":4,"payload":"%[1]d","lost":%d}`+"\n"+`{"v":1,"seq":%d,"tag":0,"size":4,"payload":"%[3]d"}`+"\n",
			info.FirstSeq, lost, info.FirstSeq+1), r.out, how)
	}
}

func TestSubGivesUpInTime(t *testing.T) {
	t.Parallel()
	path := nine(t)
	for _, how := range []string{"", "--observe", "--name keep"} {
		r := mmring(t, strings.Fields("sub "+path+" --idle-timeout 20ms "+how)...)
		require.Equal(t, 4, r.code)
		require.Equal(t, lines(1, 9), r.out)
		require.Equal(t, "mmring: read "+path+": timed out: no record for 20ms\n", r.said)
	}
	gone := ringtest.Dir(t) + "/gone"
	r := mmring(t, "sub", gone, "--wait", "20ms")
	require.Equal(t, result{said: "mmring: open reader " + gone + ": timed out: no ring after 20ms\n", code: 4}, r)
}

func TestSubWaitsForTheRing(t *testing.T) {
	for _, how := range []string{"", "--observe"} {
		path := ringtest.Dir(t) + "/late.ring"
		s := start(t, strings.Fields("sub "+path+" -q --wait 1h "+how)...)
		fed(t, lines(1, 3), "pub", path, "--create", "--end")
		require.Equal(t, result{out: lines(1, 3)}, s.result())
	}
}

func TestSubRefuses(t *testing.T) {
	path := nine(t)
	gone := ringtest.Dir(t) + "/gone"
	held := start(t, "sub", path, "--name", "held")
	attached(t, path, 1)
	for args, want := range map[string]result{
		"R --observe --name x":           {code: 2, said: "mmring: --observe and --name exclude each other: an observer has no cursor\nhint: usage: mmring sub PATH [flags]; mmring sub --help says more\n"},
		"R --name /":                     {code: 2, said: `mmring: open reader R: bad name "/": letters, digits and ._:@+- are allowed`},
		"R --name held":                  {code: 6, said: "hint: two readers cannot share a cursor; give this one another --name, or none\n"},
		"R --group g --observe":          {code: 2, said: "mmring: --group and --observe exclude each other: an observer takes nothing from others\nhint: usage: "},
		"R --group g --name x":           {code: 2, said: "mmring: --group and --name exclude each other: a group has one cursor for all its members\nhint: usage: "},
		"R --group g --warn-at 9":        {code: 2, said: "mmring: --group and --warn-at exclude each other: mmring stat PATH shows what a group has still to do\nhint: usage: "},
		"R --group g --tag 1":            {code: 2, said: "mmring: --group and --tag exclude each other: what a member passes over, no other one gets\nhint: usage: "},
		"R --group /":                    {code: 2, said: `mmring: join group R: bad name "/": letters, digits and ._:@+- are allowed`},
		"R --group held":                 {code: 2, said: `mmring: join group R: bad name: "held" is a durable reader's` + "\n"},
		"R --from @2024-01-01T00:00:00Z": {code: 1, said: "mmring: open reader R: ring has no timestamps: no start at 2024-01-01T00:00:00Z\nhint: only rings made with --timestamps know when"},
		gone:                             {code: 1, said: "mmring: open reader " + gone + ": no such file or directory\nhint: mmring ls lists the rings that are there; --wait 1m waits for this one\n"},
		gone + " --observe":              {code: 1, said: "mmring: observe " + gone + ": no such file or directory\nhint: "},
		"/etc/passwd":                    {code: 1, said: "mmring: open reader /etc/passwd: not a ring: starts with "},
		"/":                              {code: 1, said: "mmring: open reader /: not a ring: a directory\n"},
	} {
		r := mmring(t, append([]string{"sub"}, strings.Fields(strings.ReplaceAll(args, "R", path))...)...)
		require.Equal(t, want.code, r.code, "%s: %s", args, r.said)
		require.Empty(t, r.out)
		require.Contains(t, r.said, strings.ReplaceAll(want.said, "R", path), args)
	}
	held.signal(syscall.SIGTERM)
	require.Equal(t, 143, held.result().code)
}

func TestARingThatIsRemovedEndsItsReaders(t *testing.T) {
	for _, how := range []string{"", "--observe"} {
		path := ringtest.Dir(t) + "/r"
		fed(t, lines(1, 3), "pub", path, "--create")
		s := start(t, strings.Fields("sub "+path+" "+how)...)
		s.await(&s.out, "3\n")
		done(t, "rm", path, "--force")
		r := s.result()
		require.Equal(t, 1, r.code)
		require.Equal(t, lines(1, 3), r.out)
		require.Contains(t, r.said, "mmring: read "+path+": ring file was lost: ")
		require.Contains(t, r.said, "\nhint: somebody removed, replaced or truncated the ring's file\n")
	}
}

// Everything that JSON can have to say.
func TestSubWritesJSON(t *testing.T) {
	path := ringtest.Path(t, ring.Config{Capacity: 64 << 10, Timestamps: true})
	fed(t, lines(1, 10000), "pub", path)
	fed(t, "<a> & \"b\" \u00e9\n\xff\xfe\n\n\t\\\x00\n", "pub", path, "--tag", "65535", "--end")
	golden(t, "sub.json", path, done(t, "cat", path, "-o", "json", "--from", "-4"))
	golden(t, "sub-lost.json", path, done(t, "cat", path, "-o", "json", "--from", "1", "--count", "2", "-q"))

	path = ended(t, newRing(t))
	require.Empty(t, done(t, "cat", path, "-o", "json"))
}

func TestSubStartsAtATime(t *testing.T) {
	path := ringtest.Path(t, ring.Config{Capacity: 64 << 10, Timestamps: true})
	fed(t, lines(1, 3), "pub", path)
	between := time.Now()
	fed(t, lines(4, 6), "pub", path, "--end")
	for from, want := range map[string]string{
		between.Format(time.RFC3339Nano):                               lines(4, 6),
		between.In(time.FixedZone("", -3600)).Format(time.RFC3339Nano): lines(4, 6),
		"2000-01-01T00:00:00Z":                                         lines(1, 6),
		"2200-01-01T00:00:00+09:00":                                    "",
	} {
		for _, command := range []string{"cat", "sub", "sub --observe", "sub --name at"} {
			require.Equal(t, want, done(t, append(strings.Fields(command), path, "--from", "@"+from)...), "%s from %s", command, from)
		}
	}
}

func TestSubWritesHex(t *testing.T) {
	path := newRing(t)
	done(t, "pub", path, "--framing", "whole", "--end", "/dev/null")
	require.Equal(t, "record 1, tag 0, 0 bytes\n", done(t, "sub", path, "-o", "hex"))
	path = newRing(t)
	fed(t, "0123456789abcdefX\x00\xff\n", "pub", path, "--tag", "9", "--end")
	require.Equal(t, "record 1, tag 9, 19 bytes\n"+
		"00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|\n"+
		"00000010  58 00 ff                                          |X..|\n", done(t, "sub", path, "-o", "hex"))
}

// What any JSON reader makes of the output is the payload again.
func TestJSONKeepsEveryByte(t *testing.T) {
	path := newRing(t)
	var all []string
	var input strings.Builder
	for c := range 256 {
		all = append(all, fmt.Sprintf("before %c after", c), "before "+string([]byte{byte(c)})+" after")
	}
	all = append(all, "\u2028\u2029\U0001f600", "", "\"", "\\", "</script>", string(rune(0x7f)))
	for _, s := range all {
		input.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(s))))
		input.WriteString(s)
	}
	fed(t, input.String(), "pub", path, "--framing", "u32le", "--end")
	decoder := json.NewDecoder(strings.NewReader(done(t, "cat", path, "-o", "json")))
	for i, s := range all {
		var got struct {
			Seq, Size int
			Payload   *string `json:"payload"`
			Base64    []byte  `json:"payload_b64"`
		}
		require.NoError(t, decoder.Decode(&got), "%q", s)
		require.Equal(t, []int{i + 1, len(s)}, []int{got.Seq, got.Size})
		if utf8.ValidString(s) {
			require.Equal(t, s, *got.Payload)
			require.Nil(t, got.Base64)
		} else {
			require.Equal(t, s, string(got.Base64))
			require.Nil(t, got.Payload)
		}
	}
}
