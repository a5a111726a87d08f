package ring_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
	"github.com/mmring/mmring/shm"
)

func anonymous(t testing.TB, c ring.Config) *os.File {
	t.Helper()
	if c.Capacity == 0 {
		c.Capacity = small
	}
	f, err := ring.CreateAnonymous("prices", c)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func writerOf(t testing.TB, f *os.File, o ring.WriterOptions) *ring.Writer {
	t.Helper()
	w, err := ring.OpenWriterFile(background, f, o)
	require.NoError(t, err)
	t.Cleanup(func() { w.Close() })
	return w
}

func readerOf(t testing.TB, f *os.File, o ring.ReaderOptions) *ring.Reader {
	t.Helper()
	r, err := ring.OpenReaderFile(background, f, o)
	require.NoError(t, err)
	t.Cleanup(func() { r.Close() })
	return r
}

func observerOf(t testing.TB, f *os.File) *ring.Observer {
	t.Helper()
	v, err := ring.ObserveFile(background, f, ring.ObserverOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { v.Close() })
	return v
}

const memfd = "memfd:prices"

func TestAnAnonymousRingIsOneLikeAnyOther(t *testing.T) {
	for mode, config := range modes {
		for _, shared := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, shared %t", mode, shared), func(t *testing.T) {
				config.Shared = shared
				f := anonymous(t, config)
				require.Equal(t, memfd, f.Name())
				w := writerOf(t, f, ring.WriterOptions{})
				if shared {
					other := writerOf(t, f, ring.WriterOptions{})
					require.NoError(t, other.Close())
				}
				r, v := readerOf(t, f, ring.ReaderOptions{Name: "keep", Durable: true}), observerOf(t, f)
				require.Equal(t, memfd, w.Path())
				const last = 3000
				for seq := uint64(1); seq <= last; seq++ { // some times round it
					_, err := w.Publish(background, fmt.Append(nil, seq))
					require.NoError(t, err)
					next(t, r, seq)
					next(t, v, seq)
				}
				require.NoError(t, r.Close())
				require.NoError(t, w.Sync())
				info, err := ring.InspectFile(f)
				require.NoError(t, err)
				require.Equal(t, memfd, info.Path)
				require.True(t, info.Writer.Alive)
				require.Equal(t, "keep", info.Readers[0].Name)
				require.NoError(t, w.Close())
				report, err := ring.VerifyFile(f)
				require.NoError(t, err)
				require.Empty(t, report.Faults)
				require.EqualValues(t, last+1-info.FirstSeq, report.Records)
				w = writerOf(t, f, ring.WriterOptions{})
				require.False(t, w.Recovery().Dirty)
				require.NoError(t, f.Close(), "everybody has a description of its own")
				require.EqualValues(t, last+1, publish(t, w, 1))
				require.NoError(t, w.End())
			})
		}
	}
}

// partnerRole opens the ring at descriptor 3 and does as it hears.
func partnerRole([]string) {
	f := os.NewFile(3, "handed over")
	r, err := ring.OpenReaderFile(background, f, ring.ReaderOptions{Name: "partner"})
	proctest.Die(err)
	proctest.Say("ready %s", r.Path())
	for {
		switch order := proctest.Hear(); order {
		case "read":
			rec, err := r.Next(background)
			proctest.Die(err)
			proctest.Say("record %d %s", rec.Seq, rec.Payload)
		case "truncate":
			proctest.Say("answer %v %v", f.Truncate(0), f.Truncate(1<<30))
		case "write":
			w, err := ring.OpenWriterFile(background, f, ring.WriterOptions{})
			proctest.Say("answer %v", err)
			if err == nil {
				_, err = w.Publish(background, []byte("from the partner"))
				proctest.Die(err)
			}
		case "wait":
			proctest.Say("waiting")
			w, err := ring.OpenWriterFile(background, f, ring.WriterOptions{Wait: true})
			proctest.Die(err)
			seq, err := w.Publish(background, []byte("from the partner"))
			proctest.Die(err)
			proctest.Say("published %d", seq)
		}
	}
}

func TestAChildOpensARingThatItWasHandedAndCannotSpoilIt(t *testing.T) {
	f := anonymous(t, ring.Config{})
	w := writerOf(t, f, ring.WriterOptions{})
	p := proctest.Config{Files: []*os.File{f}}.Start(t, "partner")
	require.Equal(t, memfd, p.Expect("ready"))
	r := readerOf(t, f, ring.ReaderOptions{})
	for seq := range uint64(3) {
		publish(t, w, 1)
		p.Send("read")
		require.Equal(t, fmt.Sprintf("%d %[1]d", seq+1), p.Expect("record"))
		next(t, r, seq+1)
	}
	p.Send("truncate")
	require.Equal(t, "truncate handed over: operation not permitted truncate handed over: operation not permitted", p.Expect("answer"))
	publish(t, w, 1)
	next(t, r, 4)

	p.Send("write")
	answer := p.Expect("answer")
	require.Contains(t, answer, "open writer "+memfd+": busy")
	require.Contains(t, answer, fmt.Sprintf("process %d", os.Getpid()))
	p.Send("wait")
	p.Expect("waiting")
	require.NoError(t, w.Close())
	require.Equal(t, "5", p.Expect("published"))
	rec, err := r.Next(background)
	require.NoError(t, err)
	require.Equal(t, "from the partner", string(rec.Payload))

	p.Kill()
	require.Error(t, p.Wait())
	w = writerOf(t, f, ring.WriterOptions{Wait: true})
	require.True(t, w.Recovery().Dirty)
	require.EqualValues(t, 6, w.Recovery().Next)
	_, err = w.Publish(background, []byte("6"))
	require.NoError(t, err)
	next(t, r, 6)
	_, err = w.Publish(background, make([]byte, w.MaxPayload())) // the dead reader is in the way
	require.NoError(t, err)
}

// A wait of whoever has an anonymous ring looks whether it is still there: it is, though no path leads to it.
func TestAnAnonymousRingIsNeverLost(t *testing.T) {
	f := anonymous(t, ring.Config{})
	w, r, v := writerOf(t, f, ring.WriterOptions{}), readerOf(t, f, ring.ReaderOptions{}), observerOf(t, f)
	answers := make(chan error, 2)
	for _, s := range []nexter{r, v} {
		go func() {
			rec, err := s.Next(background)
			if err == nil && rec.Seq != 1 {
				err = fmt.Errorf("record %d", rec.Seq)
			}
			answers <- err
		}()
	}
	asleep(t, 2)
	require.NoError(t, errors.Join(w.Look(), r.Look(), v.Look()), "what those who wait find when they look")
	require.NoError(t, w.Sync())
	publish(t, w, 1)
	require.NoError(t, errors.Join(<-answers, <-answers))
}

// socketRole receives a ring through the Unix socket at descriptor 3.
func socketRole([]string) {
	conn, err := net.FileConn(os.NewFile(3, "socket"))
	proctest.Die(err)
	m, err := shm.Receive(conn.(*net.UnixConn), shm.ReadWrite, shm.Options{})
	proctest.Die(err)
	f, err := m.File()
	proctest.Die(errors.Join(err, m.Close()))
	w, err := ring.OpenWriterFile(background, f, ring.WriterOptions{})
	proctest.Die(err)
	_, err = w.Publish(background, []byte("through a socket"))
	proctest.Die(errors.Join(err, w.Close()))
	proctest.Say("published")
	proctest.Hear()
}

func TestAnyProcessOpensARingThatItWasSentThroughASocket(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	mine, theirs := os.NewFile(uintptr(pair[0]), "mine"), os.NewFile(uintptr(pair[1]), "theirs")
	defer theirs.Close()
	conn, err := net.FileConn(mine)
	require.NoError(t, errors.Join(err, mine.Close()))
	defer conn.Close()
	p := proctest.Config{Files: []*os.File{theirs}}.Start(t, "socket")
	f := anonymous(t, ring.Config{})
	m, err := shm.MapFile(f, shm.ReadWrite, shm.Options{})
	require.NoError(t, err)
	require.NoError(t, errors.Join(m.Send(conn.(*net.UnixConn)), m.Close()))
	p.Expect("published")
	rec, err := readerOf(t, f, ring.ReaderOptions{}).Next(background)
	require.NoError(t, err)
	require.Equal(t, "through a socket", string(rec.Payload))
}

// A ring at a path is opened by its descriptor as well, and then its path does not matter any more.
func TestARingAtAPathIsOpenedByItsDescriptor(t *testing.T) {
	for _, how := range []int{os.O_RDWR, os.O_RDONLY} {
		path := newRing(t, ring.Config{})
		f, err := os.OpenFile(path, how, 0)
		require.NoError(t, err)
		defer f.Close()
		w := openWriter(t, path)
		v := observerOf(t, f)
		require.Equal(t, path, v.Path())
		publish(t, w, 1)
		next(t, v, 1)
		info, err := ring.InspectFile(f)
		require.NoError(t, err)
		require.Equal(t, path, info.Path)
		if how == os.O_RDONLY {
			continue
		}
		_, err = ring.OpenWriterFile(background, f, ring.WriterOptions{})
		require.ErrorIs(t, err, ring.ErrBusy)
		named(t, err, "open writer", path)
		require.NoError(t, w.Close())
		require.NoError(t, os.Remove(path))
		w, r := writerOf(t, f, ring.WriterOptions{}), readerOf(t, f, ring.ReaderOptions{})
		_, err = w.Publish(background, []byte("2"))
		require.NoError(t, err)
		next(t, r, 1)
		next(t, r, 2)
		require.NoError(t, w.Sync())
		require.NoError(t, os.WriteFile(path, nil, 0o600), "so that the test's dump has something to look at")
	}
}

func TestWhatIsNoRingOrCannotBeOpenedAgainIsRefused(t *testing.T) {
	path := newRing(t, ring.Config{})
	open := func(name string, flags int) *os.File {
		f, err := os.OpenFile(name, flags, 0)
		require.NoError(t, err)
		t.Cleanup(func() { f.Close() })
		return f
	}
	pipe, out, err := os.Pipe()
	require.NoError(t, err)
	defer out.Close()
	defer pipe.Close()
	empty, err := shm.Anonymous(100, shm.Options{Name: "other"})
	require.NoError(t, err)
	defer empty.Close()
	other, err := empty.File()
	require.NoError(t, err)
	defer other.Close()
	short := truncatedCopy(t, path)
	for _, c := range []struct {
		name  string
		f     *os.File
		is    error
		says  string
		looks bool // who only looks is refused as well
	}{
		{"nothing", nil, os.ErrInvalid, "", true},
		{"a closed file", closedFile(t), os.ErrClosed, "", true},
		{"a ring open for reading", open(path, os.O_RDONLY), fs.ErrPermission, "the descriptor is open for reading only", false},
		{"a ring open for writing", open(path, os.O_WRONLY), fs.ErrPermission, "the descriptor is open for writing only", true},
		{"a directory", open(os.TempDir(), os.O_RDONLY), nil, "", true},
		{"a pipe", pipe, nil, "", true},
		{"a device", open(os.DevNull, os.O_RDWR), ring.ErrNotRing, "a device", true},
		{"other memory", other, ring.ErrNotRing, "starts with", true},
		{"a short file", open(short, os.O_RDWR), ring.ErrCorrupt, "its header says", true},
	} {
		for way, err := range everyWayByFile(c.f) {
			if !c.looks && (way == "observe" || way == "inspect" || way == "verify") {
				require.NoError(t, err, "%s, %s", c.name, way)
				continue
			}
			require.Error(t, err, "%s, %s", c.name, way)
			if c.is != nil {
				require.ErrorIs(t, err, c.is, "%s, %s", c.name, way)
			}
			require.ErrorContains(t, err, c.says, "%s, %s", c.name, way)
			var pe *fs.PathError
			require.ErrorAs(t, err, &pe, "%s, %s", c.name, way)
		}
	}
	f := open(path, os.O_RDWR)
	_, err = ring.OpenWriterFile(background, f, ring.WriterOptions{Create: &ring.Config{}})
	require.ErrorIs(t, err, ring.ErrConfig)
	for _, o := range []ring.ReaderOptions{{Follow: true}, {WaitForRing: true}} {
		_, err = ring.OpenReaderFile(background, f, o)
		require.ErrorIs(t, err, ring.ErrConfig)
		require.ErrorContains(t, err, "need a path")
		_, err = ring.ObserveFile(background, f, ring.ObserverOptions{Follow: o.Follow, WaitForRing: o.WaitForRing})
		require.ErrorIs(t, err, ring.ErrConfig)
	}
	_, err = ring.JoinGroupFile(background, f, "workers", ring.GroupOptions{WaitForRing: true})
	require.ErrorIs(t, err, ring.ErrConfig)
	for _, c := range []struct {
		name string
		c    ring.Config
	}{
		{strings.Repeat("x", 201), ring.Config{}}, {"new\nline", ring.Config{}}, {"zero\x00", ring.Config{}}, {"x", ring.Config{Capacity: 1}},
	} {
		f, err := ring.CreateAnonymous(c.name, c.c)
		require.ErrorIs(t, err, ring.ErrConfig)
		require.Nil(t, f)
	}
}

func truncatedCopy(t *testing.T, path string) string {
	t.Helper()
	to := copied(t, path)
	require.NoError(t, os.Truncate(to, 100<<10))
	return to
}

// everyWayByFile opens a file as a ring in every way.
func everyWayByFile(f *os.File) map[string]error {
	ways := map[string]error{}
	w, err := ring.OpenWriterFile(background, f, ring.WriterOptions{})
	if ways["writer"] = err; err == nil {
		w.Close()
	}
	r, err := ring.OpenReaderFile(background, f, ring.ReaderOptions{})
	if ways["reader"] = err; err == nil {
		r.Close()
	}
	v, err := ring.ObserveFile(background, f, ring.ObserverOptions{})
	if ways["observe"] = err; err == nil {
		v.Close()
	}
	_, ways["inspect"] = ring.InspectFile(f)
	_, ways["verify"] = ring.VerifyFile(f)
	return ways
}

// withoutProcRole opens the ring at descriptor 3 where /proc is not mounted.
func withoutProcRole([]string) {
	f := os.NewFile(3, "handed over")
	proctest.Die(proctest.Private())
	proctest.Die(unix.Mount("none", "/proc", "tmpfs", 0, ""))
	for way, err := range everyWayByFile(f) {
		proctest.Say("answer %s %t %v", way, errors.Is(err, errors.ErrUnsupported), err)
	}
	proctest.Say("over")
}

func TestWithoutProcNoDescriptorIsOpened(t *testing.T) {
	f := anonymous(t, ring.Config{})
	p := proctest.Config{Files: []*os.File{f}, Attr: proctest.MountNamespace()}.Start(t, "without-proc")
	for range 5 {
		require.Regexp(t, `^\w+ true \w+( \w+)? handed over: .* needs /proc, which is not mounted here$`, p.Expect("answer"))
	}
	p.Expect("over")
}

// nobodyByFileRole opens the ring at descriptor 3 as a user without rights.
func nobodyByFileRole([]string) {
	proctest.Die(proctest.BecomeNobody())
	f := os.NewFile(3, "handed over")
	for way, err := range everyWayByFile(f) {
		proctest.Say("answer %s %s", way, kind(err))
	}
	proctest.Say("over")
}

func TestAnotherUserNeedsPermissionByTheFilesMode(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may become nobody")
	}
	for mode, want := range map[fs.FileMode]string{0o600: "ErrPermission", 0o666: "ok"} {
		f := anonymous(t, ring.Config{Mode: mode})
		info, err := f.Stat()
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm())
		p := proctest.Config{Files: []*os.File{f}}.Start(t, "nobody-by-file")
		for range 5 {
			require.Contains(t, p.Expect("answer"), want)
		}
		p.Expect("over")
	}
}
