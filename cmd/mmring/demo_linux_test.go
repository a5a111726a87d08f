package main_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// tree writes a small tree with so many lines and returns its path and the SHA-256 of its lines as the demo prints it.
func tree(t *testing.T, n int) (dir, sum string) {
	t.Helper()
	dir = t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "b", "c"), 0o700))
	h := sha256.New()
	for i, name := range []string{"a.txt", "b/b.txt", "b/c/c.txt", "d.txt"} {
		var text strings.Builder
		for line := range n / 4 {
			fmt.Fprintf(&text, "%s line %d %s\n", name, line, strings.Repeat("x", line%97))
		}
		h.Write([]byte(text.String()))
		s := text.String()
		if i == 2 {
			s = strings.TrimSuffix(s, "\n") // a last line without its newline is a line
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(s), 0o600))
	}
	return dir, hex.EncodeToString(h.Sum(nil))[:16]
}

// demoDir is the directory of a demo's ring, from what it has said.
func demoDir(t *testing.T, said string) string {
	t.Helper()
	m := regexp.MustCompile(`mmring sub (/\S+)/demo\.ring `).FindStringSubmatch(said)
	require.NotNil(t, m, said)
	return m[1]
}

// nothingLeft requires that a demo has left no file and no process.
func nothingLeft(t *testing.T, p *proc) {
	t.Helper()
	require.NoDirExists(t, demoDir(t, p.said.text()))
	require.Empty(t, p.members())
}

func TestAllOfADemoAgree(t *testing.T) {
	t.Parallel()
	dir, sum := tree(t, 400000)
	p := start(t, "demo", dir)
	p.await(&p.said, "%  ") // progress
	r := p.end()
	require.Zero(t, r.code, r.said)
	nothingLeft(t, p)

	require.Contains(t, r.out, "400,000 lines")
	for _, name := range []string{"input", "steady", "keeper"} {
		require.Regexp(t, `(?m)^`+name+` +400,000 .*`+sum, r.out)
	}
	require.Regexp(t, `(?m)^pipeline +`+sum+` +agrees`, r.out)
	require.Regexp(t, `(?m)^observer .* agrees \(received \+ lost = published\)`, r.out)
	m := regexp.MustCompile(`(?m)^observer +([\d,]+) +([\d,]+) `).FindStringSubmatch(r.out)
	require.NotNil(t, m, r.out)
	require.Equal(t, 400000, counted(t, m[1])+counted(t, m[2]))

	require.Regexp(t, `SIGKILL for the durable reader, record [\d,]+ is published\n(.*\n)?.*the durable reader is back.*\n`+
		`.*SIGKILL for the writer, record [\d,]+ is published\n.*the standby goes on with record [\d,]+, `, r.out)
	killed := regexp.MustCompile(`SIGKILL for the writer, record ([\d,]+) `).FindStringSubmatch(r.out)[1]
	goesOn := regexp.MustCompile(`goes on with record ([\d,]+),`).FindStringSubmatch(r.out)[1]
	require.LessOrEqual(t, counted(t, killed), counted(t, goesOn)-1)
	require.Regexp(t, `records/s, .*B/s`, r.out)
	require.Regexp(t, `FROM PUBLICATION TO RECEIPT +p50 +p99 +p99.9 +MAX`, r.out)
	require.Regexp(t, `the ring at the end:\n\[[-.P]{64}\]\n`, r.out)
	require.True(t, strings.HasSuffix(r.out, "\nall agree\n"))
}

// counted reads a number with commas.
func counted(t *testing.T, s string) (n int) {
	t.Helper()
	_, err := fmt.Sscan(strings.ReplaceAll(s, ",", ""), &n)
	require.NoError(t, err)
	return n
}

func TestADemoTakesWhatHasLines(t *testing.T) {
	dir, _ := tree(t, 4000)
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(dir, link))
	one := filepath.Join(t.TempDir(), "one")
	require.NoError(t, os.WriteFile(one, []byte("the only line"), 0o600))
	binary := filepath.Join(t.TempDir(), "binary")
	require.NoError(t, os.WriteFile(binary, append(make([]byte, 1<<20+1), "\na line\n"...), 0o600))
	goroot := t.TempDir()
	require.NoError(t, os.Rename(dir, filepath.Join(goroot, "src")))
	require.NoError(t, os.Symlink(filepath.Join(goroot, "src"), dir))

	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"a file":                {[]string{filepath.Join(dir, "a.txt")}, "1,000 lines"},
		"a file of one line":    {[]string{one}, "1 line, 14B"},
		"a link to a directory": {[]string{link}, "4,000 lines"},
		"lines too long":        {[]string{binary}, "without 1 line of more than 1MiB"},
		"the Go source tree, if nothing is named": {nil, "from 4 files of " + goroot + "/src"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &proc{t: t, cmd: toolCommand(append([]string{"demo"}, c.args...)...)}
			p.cmd.Env = append(p.cmd.Env, "GOROOT="+goroot)
			p.start()
			r := p.end()
			require.Zero(t, r.code, r.said)
			require.Contains(t, r.said, c.says)
			require.Contains(t, r.out, "\nall agree\n")
			nothingLeft(t, p)
		})
	}
}

func TestADemoRefusesWhatHasNoLines(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	nothing := filepath.Join(t.TempDir(), "nothing")
	require.NoError(t, os.WriteFile(nothing, nil, 0o600))
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	hint := "\nhint: name a file or a directory"
	for input, says := range map[string]string{
		empty:              "mmring: " + empty + ": no regular file" + hint,
		nothing:            "mmring: " + nothing + ": no line to publish" + hint,
		fifo:               "mmring: " + fifo + ": no regular file" + hint,
		empty + "/missing": "mmring: lstat " + empty + "/missing: no such file or directory" + hint,
		"/proc/self/mem":   "/mem: input/output error\n",
	} {
		r := mmring(t, "demo", input)
		require.Equal(t, 1, r.code, "%s: %s", input, r.said)
		require.Empty(t, r.out)
		require.Contains(t, r.said, says)
	}
}
