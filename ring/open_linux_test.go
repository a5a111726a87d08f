package ring_test

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
	"github.com/mmring/mmring/ring/ringtest"
)

func TestWhatIsNotARingIsRefused(t *testing.T) {
	dir := ringtest.Dir(t)
	target := newRing(t, ring.Config{})
	at := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.Mkdir(at("directory"), 0o700))
	require.NoError(t, unix.Mkfifo(at("FIFO"), 0o600))
	require.NoError(t, os.Symlink(target, at("symlink")))
	require.NoError(t, os.Symlink("nowhere", at("dangling")))
	require.NoError(t, os.WriteFile(at("empty"), nil, 0o600))
	require.NoError(t, os.WriteFile(at("text"), []byte("this is no ring but a text\n"), 0o600))
	socket, err := net.Listen("unix", at("socket"))
	require.NoError(t, err)
	defer socket.Close()
	cases := map[string]struct {
		path string
		want error
		text string
	}{
		"a directory":             {at("directory"), ring.ErrNotRing, "a directory"},
		"a FIFO":                  {at("FIFO"), ring.ErrNotRing, "pipe"},
		"a symlink to a ring":     {at("symlink"), ring.ErrNotRing, "symbolic link"},
		"a dangling symlink":      {at("dangling"), ring.ErrNotRing, "symbolic link"},
		"a socket":                {at("socket"), ring.ErrNotRing, "a socket"},
		"a device":                {"/dev/null", ring.ErrNotRing, "a device"},
		"an empty file":           {at("empty"), ring.ErrNotRing, "0 bytes"},
		"a text":                  {at("text"), ring.ErrNotRing, `"this is "`},
		"nothing":                 {at("nothing"), fs.ErrNotExist, "no such file"},
		"a missing directory":     {at("missing/r"), fs.ErrNotExist, "no such file"},
		"a file as a directory":   {at("text/r"), unix.ENOTDIR, "not a directory"},
		"a name that is too long": {at(long(256)), unix.ENAMETOOLONG, "too long"},
		"no name":                 {"", fs.ErrNotExist, "no such file"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for way, err := range everyWay(c.path, false) {
				require.ErrorIs(t, err, c.want, way)
				require.ErrorContains(t, err, c.text, way)
				require.ErrorContains(t, err, c.path, way)
			}
			require.ErrorIs(t, ring.Remove(c.path, true), c.want, "remove")
		})
	}
	require.NoFileExists(t, at("nowhere"), "a dangling symlink's target is not made")
	require.NoFileExists(t, at("nothing"))
}

func TestAFileOnProcIsRefused(t *testing.T) {
	for way, err := range everyWay("/proc/self/comm", false) {
		if way == "inspect" || way == "verify" || way == "remove reader" { // they look everywhere
			require.ErrorIs(t, err, ring.ErrNotRing, way)
			continue
		}
		require.ErrorIs(t, err, ring.ErrFS, way)
		require.ErrorContains(t, err, "proc", way)
	}
	for way, err := range everyWay("/proc/self/comm", true) {
		require.ErrorIs(t, err, ring.ErrNotRing, way)
	}
}

// root skips a test that needs a second user.
func root(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can play two users")
	}
}

func TestARingOfSomebodyElseIsOnlyReadUnlessAllowed(t *testing.T) {
	root(t)
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	publish(t, w, 1)
	require.NoError(t, w.Close())
	require.NoError(t, os.Chown(path, 4711, 4711))

	next(t, observe(t, path, ring.ObserverOptions{}), 1)
	sound(t, path)
	require.NotZero(t, inspect(t, path).NextSeq)
	for _, way := range []string{"reader", "writer", "remove reader"} {
		err := everyWay(path, false)[way]
		require.ErrorIs(t, err, ring.ErrOwner, way)
		require.ErrorContains(t, err, "owned by user 4711, this process runs as 0", way)
	}
	w, err := ring.OpenWriter(background, path, ring.WriterOptions{AllowOwner: true})
	require.NoError(t, err)
	defer w.Close()
	r, err := ring.OpenReader(background, path, ring.ReaderOptions{AllowOwner: true})
	require.NoError(t, err)
	defer r.Close()
	next(t, r, 1)
}

func TestAnotherUserReadsWhatTheModeAllows(t *testing.T) {
	root(t)
	cases := map[fs.FileMode]map[string]string{
		0o600: {"observe": "ErrPermission", "inspect": "ErrPermission", "verify": "ErrPermission", "reader": "ErrPermission", "writer": "ErrPermission"},
		0o644: {"observe": "ok 1", "inspect": "ok", "verify": "ok", "reader": "ErrPermission", "writer": "ErrPermission"},
		0o666: {"observe": "ok 1", "inspect": "ok", "verify": "ok", "reader": "ok", "writer": "ErrBusy"}, // root's are trusted
	}
	for mode, answers := range cases {
		path := newRing(t, ring.Config{Mode: mode})
		require.NoError(t, os.Chmod(filepath.Dir(path), 0o755))
		publish(t, openWriter(t, path), 1)
		checkNobody(t, path, answers)
	}
	for _, mode := range []fs.FileMode{0o440, 0o444} { // made read-only behind the writer's back
		path := newRing(t, ring.Config{})
		require.NoError(t, os.Chmod(filepath.Dir(path), 0o755))
		publish(t, openWriter(t, path), 1)
		require.NoError(t, os.Chown(path, 0, 65534))
		require.NoError(t, os.Chmod(path, mode))
		checkNobody(t, path, cases[0o644])
	}
}

func checkNobody(t *testing.T, path string, answers map[string]string) {
	t.Helper()
	stat, err := os.Stat(path)
	require.NoError(t, err)
	p := proctest.Start(t, "nobody", path)
	for _, way := range []string{"observe", "inspect", "verify", "reader", "writer"} {
		require.Equal(t, answers[way], trim(p.Expect(way)), "%s, mode %s", way, stat.Mode())
	}
	require.NoError(t, p.Wait())
}

func trim(s string) string {
	var a, b string
	_, _ = fmt.Sscan(s, &a, &b) // b may be missing
	if b == "" {
		return a
	}
	return a + " " + b
}

func TestHolesAreFilledBeforeWriting(t *testing.T) {
	path := newRing(t, ring.Config{})
	sparse := copied(t, path)
	info := inspect(t, path)
	require.NoError(t, raw(t, sparse).Truncate(info.DataOffset))
	require.NoError(t, raw(t, sparse).Truncate(info.FileSize))
	observe(t, sparse, ring.ObserverOptions{})
	require.Less(t, allocated(t, sparse), info.FileSize, "who only reads fills nothing")
	publish(t, openWriter(t, sparse), 1)
	require.GreaterOrEqual(t, allocated(t, sparse), info.FileSize)
}

func allocated(t *testing.T, path string) int64 {
	t.Helper()
	var st unix.Stat_t
	require.NoError(t, unix.Stat(path, &st))
	return st.Blocks * 512
}

func TestAReaderThatComesFirstWaitsForTheRing(t *testing.T) {
	path := filepath.Join(ringtest.Dir(t), "r")
	type answer struct {
		c   nexter
		err error
	}
	readers, observers := make(chan answer), make(chan answer)
	go func() {
		r, err := ring.OpenReader(background, path, ring.ReaderOptions{WaitForRing: true})
		readers <- answer{r, err}
	}()
	go func() {
		v, err := ring.Observe(background, path, ring.ObserverOptions{WaitForRing: true})
		observers <- answer{v, err}
	}()
	waitInotify(t, 2)
	require.NoError(t, os.WriteFile(path+"other", nil, 0o600), "another file wakes nobody up for good")
	w, err := ring.OpenWriter(background, path, ring.WriterOptions{Create: &ring.Config{Capacity: small}})
	require.NoError(t, err)
	defer w.Close()
	r, v := <-readers, <-observers
	require.NoError(t, r.err)
	require.NoError(t, v.err)
	publish(t, w, 1)
	next(t, r.c, 1)
	next(t, v.c, 1)
	require.NoError(t, r.c.(*ring.Reader).Close())
	require.NoError(t, v.c.(*ring.Observer).Close())
}

// waitInotify waits until this process has n inotify descriptors with a watch.
func waitInotify(t *testing.T, n int) {
	t.Helper()
	proctest.Until(t, "somebody waits for a file", func() bool {
		found := 0
		fds, err := filepath.Glob("/proc/self/fdinfo/*")
		require.NoError(t, err)
		for _, fd := range fds {
			if b, err := os.ReadFile(fd); err == nil && len(b) > 0 && containsLine(b, "inotify wd:") {
				found++
			}
		}
		return found == n
	})
}

func TestWaitingForARingEndsWithTheContext(t *testing.T) {
	path := filepath.Join(ringtest.Dir(t), "r")
	ctx, cause := ended()
	_, err := ring.OpenReader(ctx, path, ring.ReaderOptions{WaitForRing: true})
	require.ErrorIs(t, err, cause)
	named(t, err, "open reader", path)
	_, err = ring.Observe(ctx, filepath.Join(path, "missing", "r"), ring.ObserverOptions{WaitForRing: true})
	require.ErrorIs(t, err, fs.ErrNotExist)

	ctx, cancel := withCause()
	done := make(chan error)
	go func() {
		_, err := ring.Observe(ctx, path, ring.ObserverOptions{WaitForRing: true})
		done <- err
	}()
	waitInotify(t, 1)
	cancel(cause)
	require.ErrorIs(t, <-done, cause)
}
