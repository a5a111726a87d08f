package shm_test

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"testing"

	"github.com/mmring/mmring/internal/fault"
	"github.com/mmring/mmring/shm"
	"github.com/stretchr/testify/require"
)

func file(t *testing.T, content []byte) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	_, err = f.Write(content)
	require.NoError(t, err)
	return f
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7 / 3)
	}
	return b
}

func TestAnyRangeShowsTheFilesBytes(t *testing.T) {
	page := os.Getpagesize()
	content := pattern(3*page + 100)
	f := file(t, content)
	for _, off := range []int{0, 1, 14, page - 1, page, page + 1, 2*page + 17, len(content) - 1} {
		for _, n := range []int{0, 1, min(page, len(content)-off)} {
			m, err := shm.MapFile(f, shm.ReadOnly, shm.Options{Offset: int64(off), Length: n})
			require.NoError(t, err)
			want := content[off:]
			if n > 0 {
				want = want[:n]
			}
			require.Equal(t, want, m.Bytes(), "offset %d, length %d", off, n)
			require.Equal(t, len(want), cap(m.Bytes()), "a slice of the map must not reach past its range")
			require.Equal(t, int64(off), m.Offset())
			require.NoError(t, m.Close())
			require.NoError(t, m.Close())
			require.Zero(t, m.Len())
		}
	}
}

func TestStoresReachTheFileOnlyWhenReadWrite(t *testing.T) {
	f := file(t, pattern(100))
	shared, err := shm.MapFile(f, shm.ReadWrite, shm.Options{Offset: 14})
	require.NoError(t, err)
	defer shared.Close()
	private, err := shm.MapFile(f, shm.CopyOnWrite, shm.Options{})
	require.NoError(t, err)
	defer private.Close()
	private.Bytes()[0] = 'p'
	shared.Bytes()[0] = 's'
	require.NoError(t, shared.Flush())
	require.NoError(t, private.Flush())
	b := make([]byte, 15)
	_, err = f.ReadAt(b, 0)
	require.NoError(t, err)
	require.Equal(t, byte('s'), b[14])
	require.NotEqual(t, byte('p'), b[0])
}

func TestWhatCannotBeMappedSaysWhy(t *testing.T) {
	f := file(t, pattern(100))
	empty := file(t, nil)
	dir, err := os.Open(t.TempDir())
	require.NoError(t, err)
	defer dir.Close()
	readOnly, err := os.Open(f.Name())
	require.NoError(t, err)
	defer readOnly.Close()
	closed := file(t, pattern(1))
	closed.Close()
	for name, c := range map[string]struct {
		f    *os.File
		a    shm.Access
		o    shm.Options
		want error
	}{
		"negative offset":              {f, shm.ReadOnly, shm.Options{Offset: -1}, shm.ErrRange},
		"negative length":              {f, shm.ReadOnly, shm.Options{Length: -1}, shm.ErrRange},
		"length that overflows":        {f, shm.ReadOnly, shm.Options{Offset: math.MaxInt64, Length: 1}, shm.ErrRange},
		"offset at the end":            {f, shm.ReadOnly, shm.Options{Offset: 100}, shm.ErrBeyondEOF},
		"length past the end":          {f, shm.ReadOnly, shm.Options{Offset: 1, Length: 100}, shm.ErrBeyondEOF},
		"empty file":                   {empty, shm.ReadOnly, shm.Options{}, shm.ErrEmpty},
		"directory":                    {dir, shm.ReadOnly, shm.Options{}, syscall.ENODEV},
		"read-write of a read-only fd": {readOnly, shm.ReadWrite, shm.Options{}, fs.ErrPermission},
		"closed file":                  {closed, shm.ReadOnly, shm.Options{}, os.ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := shm.MapFile(c.f, c.a, c.o)
			require.ErrorIs(t, err, c.want)
			var pe *fs.PathError
			require.ErrorAs(t, err, &pe)
			require.Equal(t, "map", pe.Op)
		})
	}
	m, err := shm.MapFile(readOnly, shm.CopyOnWrite, shm.Options{})
	require.NoError(t, err, "a private copy needs no permission to write")
	require.NoError(t, m.Close())
	require.ErrorIs(t, m.Flush(), os.ErrClosed)
	require.ErrorIs(t, m.Advise(shm.DontFork), os.ErrClosed)
	_, err = shm.Open(filepath.Join(t.TempDir(), "none"), shm.ReadOnly, shm.Options{})
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestATruncatedFileFaultsInsideTheMap(t *testing.T) {
	f := file(t, pattern(4*os.Getpagesize()))
	m, err := shm.MapFile(f, shm.ReadWrite, shm.Options{Offset: 14})
	require.NoError(t, err)
	defer m.Close()
	require.NoError(t, f.Truncate(1))
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	addr, ok := func() (addr uintptr, ok bool) {
		defer func() { addr, ok = fault.Addr(recover()) }()
		m.Bytes()[m.Len()-1] = 1
		return 0, false
	}()
	require.True(t, ok)
	require.True(t, m.Contains(addr))
	require.False(t, m.Contains(1))
}

func TestAdvice(t *testing.T) {
	f := file(t, pattern(10))
	m, err := shm.MapFile(f, shm.ReadWrite, shm.Options{})
	require.NoError(t, err)
	defer m.Close()
	for _, a := range []shm.Advice{shm.DontFork, shm.DontDump, shm.PopulateRead, shm.PopulateWrite} {
		require.NoError(t, m.Advise(a))
	}
	require.ErrorIs(t, m.Advise(99), errors.ErrUnsupported)
}
