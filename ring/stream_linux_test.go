package ring_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

func TestARecordIsReadStraightIntoTheRing(t *testing.T) {
	for mode, config := range modes {
		for _, shared := range []bool{false, true} {
			config.Shared = shared
			path := newRing(t, config)
			w, r := openWriter(t, path), openReader(t, path, ring.ReaderOptions{})
			seq := uint64(0)
			for _, n := range []int{0, 1, 17, 5000, w.MaxPayload()} {
				for how, from := range map[string]func(io.Reader) io.Reader{
					"at once":        func(r io.Reader) io.Reader { return r },
					"byte by byte":   iotest.OneByteReader,
					"with its error": iotest.DataErrReader,
				} {
					seq++
					want := pattern(seq, n)
					more := strings.NewReader("what follows")
					got, err := w.PublishFrom(background, from(io.MultiReader(bytes.NewReader(want), more)), n)
					require.NoError(t, err, "%s, %s, %d", mode, how, n)
					require.Equal(t, seq, got)
					rec, err := r.Next(background)
					require.NoError(t, err)
					require.True(t, bytes.Equal(want, rec.Payload))
					require.NoError(t, r.Ack())
				}
			}
			sound(t, path)
		}
	}
}

func TestWhatCannotBeReadWholeIsNotPublished(t *testing.T) {
	for _, shared := range []bool{false, true} {
		path := newRing(t, ring.Config{Shared: shared})
		w := openWriter(t, path)
		publish(t, w, 1)
		for _, c := range []struct {
			name string
			from io.Reader
			n    int
			is   error
			says string
		}{
			{"an early end", strings.NewReader("short"), 6, io.ErrUnexpectedEOF, "read 5 of 6 bytes"},
			{"nothing at all", strings.NewReader(""), 6, io.ErrUnexpectedEOF, "read 0 of 6 bytes"},
			{"an error", io.MultiReader(strings.NewReader("some"), iotest.ErrReader(errEnough)), 6, errEnough, "read 4 of 6 bytes"},
			{"too much", strings.NewReader("x"), w.MaxPayload() + 1, ring.ErrTooLarge, "at most"},
			{"less than nothing", strings.NewReader("x"), -1, ring.ErrTooLarge, "claim of -1 bytes"},
			{"a closed file", closedFile(t), 6, os.ErrClosed, "read 0 of 6 bytes"},
		} {
			_, err := w.PublishFrom(background, c.from, c.n)
			require.ErrorIs(t, err, c.is, c.name)
			require.ErrorContains(t, err, c.says, c.name)
			named(t, err, "publish", path)
		}
		require.PanicsWithValue(t, "broken", func() { _, _ = w.PublishFrom(background, panicking{}, 6) })
		left := make(chan struct{})
		go func() {
			defer close(left)
			_, _ = w.PublishFrom(background, leavingEarly{}, 6)
		}()
		<-left
		require.EqualValues(t, 2, publish(t, w, 1))
		require.EqualValues(t, 2, sound(t, path).Records)
	}
}

func closedFile(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Open(os.DevNull)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	return f
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("broken") }

type leavingEarly struct{}

func (leavingEarly) Read([]byte) (int, error) {
	runtime.Goexit()
	return 0, nil
}

// during is a Reader that does something first.
type during struct {
	do   func()
	then io.Reader
}

func (d *during) Read(b []byte) (int, error) {
	if d.do != nil {
		d.do()
		d.do = nil
	}
	return d.then.Read(b)
}

func TestWhileARecordIsReadTheWriterDoesNothingElse(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	seq, err := w.PublishFrom(background, &during{func() {
		for name, call := range writerCalls(w) {
			require.ErrorIs(t, call(), ring.ErrClaimed, name)
		}
	}, strings.NewReader("1")}, 1)
	require.NoError(t, err)
	require.EqualValues(t, 1, seq)
	_, err = w.PublishFrom(background, &during{func() { require.NoError(t, w.Close()) }, strings.NewReader("2")}, 1)
	require.ErrorIs(t, err, os.ErrClosed)
	named(t, err, "publish", path)
	maps, descriptors := mappings(t, path)
	require.Zero(t, maps+descriptors)
	require.EqualValues(t, 1, sound(t, path).Records)
}

func TestARecordReadIntoATruncatedFileIsAnError(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	_, err := w.PublishFrom(background, &during{func() { require.NoError(t, os.Truncate(path, 0)) }, strings.NewReader("1")}, 1)
	require.ErrorIs(t, err, ring.ErrLost)
	named(t, err, "publish", path)
	require.NoError(t, w.Close())
}

// pipedRole publishes a record of what it is told in bytes from its standard input.
func pipedRole(args []string) {
	w, err := ring.OpenWriter(background, args[0], ring.WriterOptions{})
	proctest.Die(err)
	r, out, err := os.Pipe()
	proctest.Die(err)
	_, err = out.WriteString("through a pipe")
	proctest.Die(err)
	seq, err := w.PublishFrom(background, r, len("through a pipe"))
	proctest.Die(errors.Join(err, w.Close()))
	proctest.Say("published %d", seq)
	proctest.Hear()
}

func TestARecordGoesFromADescriptorIntoTheRingAndOutToAnother(t *testing.T) {
	path := newRing(t, ring.Config{})
	p := proctest.Start(t, "piped", path)
	p.Expect("published 1")
	in, out, err := os.Pipe()
	require.NoError(t, err)
	defer in.Close()
	l := lease(t, openReader(t, path, ring.ReaderOptions{}), 1)
	n, err := l.WriteTo(out) // from the ring, by one system call
	require.NoError(t, errors.Join(err, out.Close(), l.Release()))
	require.EqualValues(t, len("through a pipe"), n)
	b, err := io.ReadAll(in)
	require.NoError(t, err)
	require.Equal(t, "through a pipe", string(b))

	rec := only(t, path)
	for says, to := range map[string]io.Writer{"short write": shortWriter(3), "enough": failing{}} {
		n, err := rec.WriteTo(to)
		require.ErrorContains(t, err, says)
		require.LessOrEqual(t, n, int64(3))
	}
	require.NoError(t, iotest.TestReader(payloadOf(t, rec), rec.Payload))
}

func only(t *testing.T, path string) ring.Record {
	t.Helper()
	rec, err := observe(t, path, ring.ObserverOptions{}).Next(background)
	require.NoError(t, err)
	return rec
}

// payloadOf copies by io.Copy, which asks a Record to write itself.
func payloadOf(t *testing.T, rec ring.Record) io.Reader {
	t.Helper()
	var b bytes.Buffer
	_, err := rec.WriteTo(&b)
	require.NoError(t, err)
	return bytes.NewReader(b.Bytes())
}

type shortWriter int

func (n shortWriter) Write([]byte) (int, error) { return int(n), nil }

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, fmt.Errorf("%w", errEnough) }

// badReads is a reader each of whose calls is the next of these functions, and the last one for ever.
type badReads []func(b []byte) (int, error)

func (r *badReads) Read(b []byte) (int, error) {
	f := (*r)[0]
	if len(*r) > 1 {
		*r = (*r)[1:]
	}
	return f(b)
}

func TestAReaderThatBreaksTheRulesPublishesNothing(t *testing.T) {
	reads := 0
	nothing := func([]byte) (int, error) { reads++; return 0, nil }
	some := func(b []byte) (int, error) { return copy(b, "ab"), nil }
	cases := map[string]struct {
		from badReads
		err  string
	}{
		"it reads nothing":               {badReads{nothing}, "read 0 of 5 bytes: " + io.ErrNoProgress.Error()},
		"it reads nothing any more":      {badReads{nothing, some, nothing}, "read 2 of 5 bytes: " + io.ErrNoProgress.Error()},
		"it says more than it can":       {badReads{some, func(b []byte) (int, error) { return len(b) + 1, nil }}, "a read into 3 bytes says that it read 4"},
		"it says less than nothing":      {badReads{func([]byte) (int, error) { return -1, io.EOF }}, "a read into 5 bytes says that it read -1"},
		"it says more, and that it ends": {badReads{func(b []byte) (int, error) { return len(b) + 1, io.EOF }}, "a read into 5 bytes says that it read 6"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := newRing(t, ring.Config{})
			w := openWriter(t, path)
			reads = 0
			_, err := w.PublishFrom(background, &c.from, 5)
			require.ErrorContains(t, err, c.err)
			named(t, err, "publish", path)
			require.LessOrEqual(t, reads, 101)
			require.Zero(t, inspect(t, path).Published)
			publish(t, w, 1)
			sound(t, path)
		})
	}
}

func TestNothingIsReadForAContextThatIsDone(t *testing.T) {
	path := newRing(t, ring.Config{})
	ctx, cause := ended()
	from := strings.NewReader("hello")
	_, err := openWriter(t, path).PublishFrom(ctx, from, 5)
	require.ErrorIs(t, err, cause)
	named(t, err, "publish", path)
	require.Equal(t, 5, from.Len())
}
