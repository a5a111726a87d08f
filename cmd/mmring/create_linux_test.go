package main_test

import (
	"fmt"
	"os"
	"os/user"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
	"github.com/mmring/mmring/ring/ringtest"
)

func TestCreateMakesWhatIsAskedFor(t *testing.T) {
	path := ringtest.Dir(t) + "/r"
	require.Empty(t, done(t, "create", path))
	i, err := ring.Inspect(path)
	require.NoError(t, err)
	require.Equal(t, []any{int64(16 << 20), 64, false, false, false, false, "", ""},
		[]any{i.Capacity, i.Slots, i.Shared, i.Timestamps, i.Checksums, i.WakeAlways, i.ContentType, i.Description})
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	require.GreaterOrEqual(t, info.Sys().(*syscall.Stat_t).Blocks*512, info.Size(), "all its blocks are there")

	path += "2"
	require.Empty(t, done(t, strings.Fields("create "+path+" --capacity 64KiB --readers 4096 --mode 666 --timestamps --checksums --wake always --force-fs --content-type a/b --description text")...))
	i, err = ring.Inspect(path)
	require.NoError(t, err)
	require.Equal(t, []any{int64(64 << 10), 4096, true, true, true, "a/b", "text"},
		[]any{i.Capacity, i.Slots, i.Timestamps, i.Checksums, i.WakeAlways, i.ContentType, i.Description})
	info, err = os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o666), info.Mode(), "whatever the umask says")

	path += "3"
	require.Empty(t, done(t, "create", path, "--capacity", "64KiB", "--chgrp", fmt.Sprint(os.Getgid()), "--mode", "0640"))
	info, err = os.Stat(path)
	require.NoError(t, err)
	require.EqualValues(t, os.Getgid(), info.Sys().(*syscall.Stat_t).Gid)
	if os.Getuid() == 0 { // who may give it to any group, by name too
		require.Empty(t, done(t, "create", path+"4", "--capacity", "64KiB", "--chgrp", "daemon", "--mode", "0640"))
		info, err = os.Stat(path + "4")
		require.NoError(t, err)
		daemon, err := user.LookupGroup("daemon")
		require.NoError(t, err)
		require.Equal(t, daemon.Gid, fmt.Sprint(info.Sys().(*syscall.Stat_t).Gid))
	}
}

func TestCreateReadsSizesAsPeopleWriteThem(t *testing.T) {
	for size, bytes := range map[string]int64{"65536": 1 << 16, "64KiB": 1 << 16, "1MiB": 1 << 20, "128 KiB": 1 << 17} {
		path := ringtest.Dir(t) + "/r"
		done(t, "create", path, "--capacity", size)
		i, err := ring.Inspect(path)
		require.NoError(t, err)
		require.Equal(t, bytes, i.Capacity)
	}
}

func TestCreateLeavesAloneWhatIsThere(t *testing.T) {
	dir := ringtest.Dir(t)
	for _, kind := range []struct {
		name string
		make func(path string) error
	}{
		{"a ring", func(path string) error { return ring.Create(path, ring.Config{Capacity: 64 << 10}) }},
		{"an empty file", func(path string) error { return os.WriteFile(path, nil, 0o600) }},
		{"a directory", func(path string) error { return os.Mkdir(path, 0o700) }},
		{"a dangling link", func(path string) error { return os.Symlink(dir+"/nowhere", path) }},
		{"a FIFO", func(path string) error { return syscall.Mkfifo(path, 0o600) }},
	} {
		path := dir + "/" + strings.ReplaceAll(kind.name, " ", "-")
		require.NoError(t, kind.make(path))
		before, err := os.Lstat(path)
		require.NoError(t, err)
		require.Equal(t, result{code: 1, said: "mmring: create " + path + ": file already exists\n" +
			"hint: remove what is there (mmring rm PATH), or use it: mmring pub PATH\n"}, mmring(t, "create", path))
		after, err := os.Lstat(path)
		require.NoError(t, err)
		require.Equal(t, before, after)
	}
	require.NoFileExists(t, dir+"/nowhere")
}

func TestCreateSaysWhatIsMissing(t *testing.T) {
	dir := ringtest.Dir(t)
	for args, says := range map[string]string{
		dir + "/nowhere/r": "no such file or directory\nhint: make the directory first\n",
		"/proc/sys/r":      "\nhint: ",
	} {
		r := mmring(t, append([]string{"create"}, strings.Fields(args)...)...)
		require.Equal(t, 1, r.code)
		require.Contains(t, r.said, says)
	}
	r := mmring(t, "create", dir+"/r", "--capacity", "1TiB")
	require.Equal(t, 1, r.code)
	require.Regexp(t, `^mmring: create \S+: needs 1099511693312 bytes, \d+ are free: no space left on device\nhint: ask for a smaller --capacity, or make room\n$`, r.said)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries, "nothing is half made")
}

func TestWhoMayNotIsToldWhatIsNeeded(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become somebody without rights")
	}
	dir := ringtest.Dir(t)
	require.NoError(t, os.Chmod(dir, 0o755))
	secret, public := dir+"/secret", dir+"/public"
	fed(t, lines(1, 3), "pub", secret, "--create", "--capacity", "64KiB")
	fed(t, lines(1, 3), "pub", public, "--create", "--capacity", "64KiB", "--mode", "0644")
	read := "hint: permission to read is enough for sub --observe and cat\n"
	for args, want := range map[string]result{
		"cat " + public:                {out: lines(1, 3)},
		"ls " + dir:                    {out: public + " "},
		"cat " + secret:                {code: 1, said: "permission denied\n"},
		"sub " + public:                {code: 1, said: read},
		"stat " + secret:               {code: 1, said: "permission denied\n"},
		"pub " + public + " /dev/null": {code: 1, said: "hint: to publish, permission to read and write is needed\n"},
		"create " + dir + "/r":         {code: 1, said: "hint: take a directory that you may write to\n"},
		"rm " + public:                 {code: 1, said: "permission denied"},
		"readers add " + public + " x": {code: 1, said: "permission denied"},
	} {
		p := &proc{t: t, cmd: toolCommand(strings.Fields(args)...)}
		p.cmd.Env = append(p.cmd.Env, nobodyVariable+"=1")
		p.start()
		r := p.end()
		require.Equal(t, want.code, r.code, "%s: %s", args, r.said)
		require.Contains(t, r.out, want.out, args)
		require.Contains(t, r.said, want.said, args)
	}
}
