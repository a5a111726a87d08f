package lock_test

import (
	"io/fs"
	"math"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/lock"
)

func TestAByteIsHeldThroughOneDescription(t *testing.T) {
	for _, c := range []struct {
		name string
		off  int64
	}{
		{"at the start", 0},
		{"far beyond the end", far},
		{"at the last offset there is", math.MaxInt64},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := newFile(t)
			one, two, reader := open(t, path, os.O_RDWR), open(t, path, os.O_WRONLY), open(t, path, os.O_RDONLY)
			l, err := lock.TryHold(one, c.off)
			require.NoError(t, err)
			_, err = lock.TryHold(two, c.off)
			require.ErrorIs(t, err, lock.ErrBusy)
			requireHeld(t, true, two, c.off)
			requireHeld(t, true, reader, c.off)
			requireHeld(t, false, one, c.off) // it is our own
			require.NoError(t, lock.WaitFree(t.Context(), one, c.off))

			require.NoError(t, l.Close())
			require.NoError(t, l.Close(), "the second Close")
			requireHeld(t, false, reader, c.off)
			l, err = lock.TryHold(two, c.off)
			require.NoError(t, err)
			requireHeld(t, true, one, c.off)
			require.NoError(t, l.Close())
		})
	}
}

func requireHeld(t testing.TB, want bool, f *os.File, off int64) {
	t.Helper()
	got, err := lock.Held(f, off)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestNeighbouringBytesAreHeldApart(t *testing.T) {
	path := newFile(t)
	f, reader := open(t, path, os.O_RDWR), open(t, path, os.O_RDONLY)
	lives := map[int64]*lock.Life{}
	for off := int64(far); off < far+16; off += 2 {
		l, err := lock.TryHold(f, off)
		require.NoError(t, err)
		lives[off] = l
	}
	require.NoError(t, lives[far+4].Close())
	for off := int64(far); off < far+16; off++ {
		requireHeld(t, lives[off] != nil && off != far+4, reader, off)
	}
	for _, l := range lives {
		require.NoError(t, l.Close())
	}
}

func TestAByteIsHeldOnceThroughOneFile(t *testing.T) {
	path := newFile(t)
	f := open(t, path, os.O_RDWR)
	l, err := lock.TryHold(f, far)
	require.NoError(t, err)
	_, err = lock.TryHold(f, far) // the kernel would allow it, and either Close would end both
	require.ErrorIs(t, err, lock.ErrBusy)
	require.True(t, held(t, path))
	require.NoError(t, l.Close())
	l, err = lock.TryHold(f, far)
	require.NoError(t, err)
	require.NoError(t, l.Close())
}

func TestWhatCannotBeHeldIsRefused(t *testing.T) {
	path := newFile(t)
	reader := open(t, path, os.O_RDONLY)
	_, err := lock.TryHold(reader, 5)
	require.ErrorIs(t, err, syscall.EBADF)
	require.ErrorContains(t, err, "hold byte 5 of "+path)
	require.ErrorContains(t, err, "not open for writing")

	_, err = lock.TryHold(reader, -1)
	require.ErrorIs(t, err, fs.ErrInvalid)
	_, err = lock.Held(reader, -1)
	require.ErrorIs(t, err, fs.ErrInvalid)
	require.ErrorIs(t, lock.WaitFree(t.Context(), reader, -1), fs.ErrInvalid)

	require.NoError(t, reader.Close())
	_, err = lock.TryHold(reader, 5)
	require.ErrorIs(t, err, os.ErrClosed)
	_, err = lock.Held(reader, 5)
	require.ErrorIs(t, err, os.ErrClosed)
	require.ErrorIs(t, lock.WaitFree(t.Context(), reader, 5), os.ErrClosed)
	_, err = lock.TryHold(nil, 5)
	require.ErrorIs(t, err, fs.ErrInvalid)
}

func TestALifeEndsWithItsFile(t *testing.T) {
	path := newFile(t)
	f := open(t, path, os.O_RDWR)
	l, err := lock.TryHold(f, far)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.False(t, held(t, path))
	require.ErrorIs(t, l.Close(), os.ErrClosed)
	require.NoError(t, l.Close(), "the second Close")
}

func TestADescriptionPassedToAChildKeepsTheByteHeld(t *testing.T) {
	path := newFile(t)
	f := open(t, path, os.O_RDWR)
	l, err := lock.TryHold(f, far)
	require.NoError(t, err)
	p := proctest.Config{Files: []*os.File{f}}.Start(t, "keeper")
	p.Expect("keeping")
	require.NoError(t, f.Close())
	require.ErrorIs(t, l.Close(), os.ErrClosed)
	require.True(t, held(t, path), "the caveat of the package documentation")
	p.Kill()
	require.NoError(t, lock.WaitFree(t.Context(), open(t, path, os.O_RDONLY), far))
}

func TestTheEndOfALifeWakesThoseWhoWait(t *testing.T) {
	eachFileSystem(t, func(t *testing.T, path string) {
		holder := proctest.Start(t, "life", path)
		holder.Expect("holding")
		one, two := proctest.Start(t, "wait-free", path), proctest.Start(t, "wait-free", path)
		asleep(t, stat(t, path), 2)
		holder.Kill()
		one.Expect("free")
		two.Expect("free")
		l, err := lock.TryHold(open(t, path, os.O_RDWR), far)
		require.NoError(t, err)
		require.NoError(t, l.Close())
	})
}

func TestWaitersThatPassThroughDoNotMakeAByteBusy(t *testing.T) {
	path := newFile(t)
	f, reader := open(t, path, os.O_RDWR), open(t, path, os.O_RDONLY)
	for range 100 {
		l, err := lock.TryHold(f, far)
		require.NoError(t, err)
		done := make(chan error, 4)
		for range cap(done) {
			go func() { done <- lock.WaitFree(t.Context(), reader, far) }()
		}
		asleep(t, stat(t, path), cap(done))
		require.NoError(t, l.Close())
		requireHeld(t, false, open(t, path, os.O_RDONLY), far)
		l, err = lock.TryHold(f, far) // while the waiters wake up
		require.NoError(t, err)
		require.NoError(t, l.Close())
		for range cap(done) {
			require.NoError(t, <-done)
		}
	}
}

func TestAStoppedProcessIsAlive(t *testing.T) {
	path := newFile(t)
	holder := proctest.Start(t, "life", path)
	holder.Expect("holding")
	waiter := proctest.Start(t, "wait-free", path)
	for range 3 {
		holder.Stop()
		require.True(t, held(t, path))
		asleep(t, stat(t, path), 1)
		_, err := lock.TryHold(open(t, path, os.O_RDWR), far)
		require.ErrorIs(t, err, lock.ErrBusy)
		holder.Cont()
	}
	holder.Stop()
	holder.Kill()
	waiter.Expect("free")
}

func TestAHolderMayOpenAndCloseTheFileAgain(t *testing.T) {
	path := newFile(t)
	holder := proctest.Start(t, "life", path)
	holder.Expect("holding")
	holder.Send("open and close")
	holder.Expect("done")
	require.True(t, held(t, path))
	holder.Send("end")
	holder.Expect("done")
	require.False(t, held(t, path))
}

func TestAChildOfTheHolderIsNotItsLife(t *testing.T) {
	path := newFile(t)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer w.Close()
	holder := proctest.Config{Files: []*os.File{r}}.Start(t, "life", path)
	require.NoError(t, r.Close())
	holder.Expect("holding")
	holder.Send("start a child")
	require.ElementsMatch(t, []string{"done", "child"}, []string{holder.Line(), holder.Line()})
	holder.Kill()
	require.NoError(t, lock.WaitFree(t.Context(), open(t, path, os.O_RDONLY), far))
	_, err = w.WriteString("are you alive?\n")
	require.NoError(t, err)
	holder.Expect("child") // it is
}

func TestALifeIsSeenAcrossPidNamespaces(t *testing.T) {
	path := newFile(t)
	inside := proctest.Config{Attr: proctest.PidNamespace()}
	holder := inside.Start(t, "life", path)
	holder.Expect("holding")
	waiter := inside.Start(t, "wait-free", path) // both are number 1
	asleep(t, stat(t, path), 1)
	require.True(t, held(t, path))
	holder.Kill()
	waiter.Expect("free")
	require.False(t, held(t, path))
}

func TestALifeOutlivesTheNameOfItsFile(t *testing.T) {
	path := newFile(t)
	f, reader := open(t, path, os.O_RDWR), open(t, path, os.O_RDONLY)
	l, err := lock.TryHold(f, far)
	require.NoError(t, err)
	require.NoError(t, os.Remove(path))
	requireHeld(t, true, reader, far)
	done := make(chan error, 1)
	go func() { done <- lock.WaitFree(t.Context(), reader, far) }()
	info, err := reader.Stat()
	require.NoError(t, err)
	asleep(t, info, 1)
	require.NoError(t, l.Close())
	require.NoError(t, <-done)
}

func TestAPosixLockOfAnotherProcessIsALifeAsWell(t *testing.T) {
	path := newFile(t)
	p := proctest.Start(t, "posix", path)
	p.Expect("locked")
	require.True(t, held(t, path), "the caveat of the package documentation")
	_, err := lock.TryHold(open(t, path, os.O_RDWR), far)
	require.ErrorIs(t, err, lock.ErrBusy)
	p.Send("open and close") // which gives up a POSIX lock, unlike ours
	p.Expect("done")
	require.False(t, held(t, path))
}
