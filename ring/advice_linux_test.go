package ring_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

// openWith opens a ring in every way that keeps its memory, and returns how to close it.
var openWith = map[string]func(path string, m ring.Memory) (handle, error){
	"writer": func(path string, m ring.Memory) (handle, error) {
		w, err := ring.OpenWriter(background, path, ring.WriterOptions{Memory: m})
		return w, err
	},
	"reader": func(path string, m ring.Memory) (handle, error) {
		r, err := ring.OpenReader(background, path, ring.ReaderOptions{Memory: m})
		return r, err
	},
	"observer": func(path string, m ring.Memory) (handle, error) {
		v, err := ring.Observe(background, path, ring.ObserverOptions{Memory: m})
		return v, err
	},
}

// keptMemory says how this process keeps the memory of the file at path: kB in its page tables, kB locked, and whether huge pages
// were asked for.
func keptMemory(t *testing.T, path string) (resident, locked int, huge bool) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/smaps")
	require.NoError(t, err)
	ours := false
	for line := range strings.Lines(string(b)) {
		var n int
		switch {
		case regexp.MustCompile(`^[0-9a-f]+-[0-9a-f]+ `).MatchString(line):
			ours = strings.HasSuffix(line, path+"\n")
		case !ours:
		case strings.HasPrefix(line, "VmFlags:"):
			huge = huge || strings.Contains(line, " hg")
		default:
			if _, err := fmt.Sscanf(line, "Rss: %d kB", &n); err == nil {
				resident += n
			}
			if _, err := fmt.Sscanf(line, "Locked: %d kB", &n); err == nil {
				locked += n
			}
		}
	}
	return resident, locked, huge
}

func TestAHandleKeepsMemoryAsItIsTold(t *testing.T) {
	const size = 1 << 20 >> 10 // kB of data
	for who, open := range openWith {
		for name, m := range map[string]ring.Memory{
			"as the kernel likes": {}, "populated": {Populate: true}, "locked": {Lock: true}, "in huge pages": {HugePages: true},
			"all of it": {Populate: true, Lock: true, HugePages: true},
		} {
			t.Run(who+" "+name, func(t *testing.T) {
				path := newRing(t, ring.Config{Capacity: size << 10})
				h, err := open(path, m)
				require.NoError(t, err)
				resident, locked, huge := keptMemory(t, path)
				require.Equal(t, m.Populate || m.Lock, resident >= size, "%d kB are there", resident)
				require.Equal(t, m.Lock, locked >= size, "%d kB are locked", locked)
				require.Equal(t, m.HugePages, huge)
				require.NoError(t, h.Close())
			})
		}
	}
}

// lockedRole opens a ring as a user without rights who may lock nothing.
func lockedRole(args []string) {
	proctest.Die(proctest.BecomeNobody())
	proctest.Die(unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{}))
	for _, who := range []string{"writer", "reader", "observer"} {
		h, err := openWith[who](args[0], ring.Memory{Lock: true})
		if err == nil {
			h.Close()
		}
		proctest.Say("answer %v", err)
	}
	_, err := ring.Observe(context.Background(), args[0], ring.ObserverOptions{Memory: ring.Memory{Populate: true, HugePages: true}})
	proctest.Say("answer %v", err)
}

func TestMemoryThatCannotBeLockedIsAnError(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may become nobody")
	}
	path := newRing(t, ring.Config{Mode: 0o666})
	require.NoError(t, os.Chmod(path[:strings.LastIndex(path, "/")], 0o755))
	p := proctest.Start(t, "locked", path)
	for _, op := range []string{"open writer", "open reader", "observe"} {
		require.Regexp(t, "^"+op+" "+regexp.QuoteMeta(path)+": locking its memory: .*(cannot allocate memory|operation not permitted)", p.Expect("answer"))
	}
	require.Equal(t, "<nil>", p.Expect("answer"))
}

func TestARingBelongsToTheGroupAskedFor(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may give a file to any group")
	}
	path := newRing(t, ring.Config{Group: 12345, Mode: 0o660})
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.EqualValues(t, 12345, info.Sys().(*syscall.Stat_t).Gid)
	require.Equal(t, os.FileMode(0o660), info.Mode())
	f := anonymous(t, ring.Config{Group: 12345, Mode: 0o660})
	info, err = f.Stat()
	require.NoError(t, err)
	require.EqualValues(t, 12345, info.Sys().(*syscall.Stat_t).Gid)

	err = ring.Create(path+"2", ring.Config{Group: -1})
	require.ErrorIs(t, err, ring.ErrConfig)
	require.ErrorContains(t, err, "group -1")
	p := proctest.Start(t, "grouped", t.TempDir())
	require.Contains(t, p.Expect("answer"), "ErrPermission create memfd:ring: giving it to group 12345: ")
}

// groupedRole makes a ring for a group that it is not in.
func groupedRole([]string) {
	proctest.Die(proctest.BecomeNobody())
	_, err := ring.CreateAnonymous("", ring.Config{Capacity: small, Group: 12345})
	proctest.Say("answer %s %v", kind(err), err)
}
