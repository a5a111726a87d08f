package shm_test

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/shm"
)

func TestAnyRangeShowsTheFilesBytes(t *testing.T) {
	content := pattern(3*page + 100)
	f := file(t, content)
	for _, off := range []int{0, 1, 14, page - 1, page, page + 1, 2*page + 17, 3 * page, len(content) - 1} {
		for _, n := range []int{0, 1, min(page, len(content)-off), len(content) - off} {
			m, err := shm.MapFile(f, shm.ReadOnly, shm.Options{Offset: int64(off), Length: n})
			require.NoError(t, err)
			want := content[off:]
			if n > 0 {
				want = want[:n]
			}
			require.Equal(t, want, m.Bytes(), "offset %d, length %d", off, n)
			require.Equal(t, len(want), cap(m.Bytes()), "a slice of the map must not reach past its range")
			require.Equal(t, len(want), m.Len())
			require.Equal(t, int64(off), m.Offset())
			require.Equal(t, shm.ReadOnly, m.Access())
			require.False(t, m.Closed())
			size, err := m.FileSize()
			require.NoError(t, err)
			require.Equal(t, int64(len(content)), size)
			require.NoError(t, m.Close())
			require.NoError(t, m.Close(), "closing twice is no error")
			require.Zero(t, m.Len())
			require.True(t, m.Closed())
		}
	}
}

// Overlapping regions, pread and pwrite are all the same bytes.
func TestRegionsOfOneFileAreCoherent(t *testing.T) {
	f := file(t, make([]byte, 4*page))
	whole := mapped(t, f, shm.ReadWrite, shm.Options{})
	from14 := mapped(t, f, shm.ReadWrite, shm.Options{Offset: 14, Length: 2 * page})
	late := mapped(t, f, shm.ReadOnly, shm.Options{Offset: int64(page) + 1})
	at := page + 100
	for i, store := range []func(b byte){
		func(b byte) { whole.Bytes()[at] = b },
		func(b byte) { from14.Bytes()[at-14] = b },
		func(b byte) {
			_, err := f.WriteAt([]byte{b}, int64(at))
			require.NoError(t, err)
		},
	} {
		b := byte(i + 1)
		store(b)
		var read [1]byte
		_, err := f.ReadAt(read[:], int64(at))
		require.NoError(t, err)
		require.Equal(t, []byte{b, b, b, b}, []byte{whole.Bytes()[at], from14.Bytes()[at-14], late.Bytes()[at-page-1], read[0]})
	}
}

func TestStoresReachTheFileOnlyWhenReadWrite(t *testing.T) {
	f := file(t, pattern(100))
	before := onDisk(t, f)
	shared := mapped(t, f, shm.ReadWrite, shm.Options{Offset: 14})
	private := mapped(t, f, shm.CopyOnWrite, shm.Options{Offset: 3})
	private.Bytes()[0] = ^before[3]
	shared.Bytes()[0] = ^before[14]
	require.NoError(t, shared.Flush())
	require.NoError(t, private.Flush())
	require.Equal(t, ^before[3], private.Bytes()[0])
	before[14] = ^before[14]
	require.Equal(t, before, onDisk(t, f))
}

func TestACopyOnWriteMapIsNoSnapshot(t *testing.T) {
	f := file(t, make([]byte, 2*page))
	m := mapped(t, f, shm.CopyOnWrite, shm.Options{})
	m.Bytes()[0] = 1
	for _, off := range []int64{0, int64(page)} {
		_, err := f.WriteAt([]byte{6}, off)
		require.NoError(t, err)
	}
	require.Equal(t, byte(1), m.Bytes()[0], "a page that was changed stays as it is")
	require.Equal(t, byte(6), m.Bytes()[page], "one that was not shows the file")
}

func TestAMapOutlivesDescriptorAndName(t *testing.T) {
	f := file(t, pattern(100))
	m := mapped(t, f, shm.ReadWrite, shm.Options{})
	require.NoError(t, f.Close())
	require.NoError(t, os.Remove(f.Name()))
	require.Equal(t, pattern(100), m.Bytes())
	require.NoError(t, m.Resize(200))
	size, err := m.FileSize()
	require.NoError(t, err)
	require.Equal(t, int64(200), size)
}

func TestTheFilesPositionIsNotTheMaps(t *testing.T) {
	f := file(t, pattern(100))
	_, err := f.Seek(50, 0)
	require.NoError(t, err)
	m := mapped(t, f, shm.ReadOnly, shm.Options{})
	require.Zero(t, m.Tell())
	_, err = m.Read(make([]byte, 20))
	require.NoError(t, err)
	at, err := f.Seek(0, 1)
	require.NoError(t, err)
	require.Equal(t, int64(50), at)
}

func TestOpenOpensAsTheAccessNeeds(t *testing.T) {
	f := file(t, pattern(10))
	for _, c := range []struct {
		name   string
		access shm.Access
		write  bool
	}{
		{"reading only", shm.ReadOnly, false},
		{"reading and writing", shm.ReadWrite, true},
		{"a copy needs reading only", shm.CopyOnWrite, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := shm.Open(f.Name(), c.access, shm.Options{Offset: 3})
			require.NoError(t, err)
			defer m.Close()
			require.Equal(t, pattern(10)[3:], m.Bytes())
			own, err := m.File()
			require.NoError(t, err)
			defer own.Close()
			require.Equal(t, f.Name(), own.Name())
			_, err = own.WriteAt([]byte{1}, 0)
			require.Equal(t, c.write, err == nil)
		})
	}
}

func TestWhatCannotBeMappedSaysWhy(t *testing.T) {
	f := file(t, pattern(100))
	empty := file(t, nil)
	for _, c := range []struct {
		name string
		f    *os.File
		a    shm.Access
		o    shm.Options
		want error
		word string
	}{
		{"a negative offset", f, shm.ReadOnly, shm.Options{Offset: -1}, shm.ErrRange, "offset -1"},
		{"the smallest offset", f, shm.ReadOnly, shm.Options{Offset: math.MinInt64}, shm.ErrRange, ""},
		{"a negative length", f, shm.ReadOnly, shm.Options{Length: -1}, shm.ErrRange, "length -1"},
		{"offset and length overflow", f, shm.ReadOnly, shm.Options{Offset: math.MaxInt64, Length: 1}, shm.ErrRange, ""},
		{"the largest length", f, shm.ReadWrite, shm.Options{Length: math.MaxInt, Grow: true}, shm.ErrRange, "address"},
		{"the largest offset", f, shm.ReadOnly, shm.Options{Offset: math.MaxInt64}, shm.ErrBeyondEOF, "100 bytes"},
		{"an offset at the end", f, shm.ReadOnly, shm.Options{Offset: 100}, shm.ErrBeyondEOF, "100 bytes"},
		{"an offset behind the end", f, shm.ReadOnly, shm.Options{Offset: 101, Length: 1}, shm.ErrBeyondEOF, "offset 101"},
		{"a length behind the end", f, shm.ReadWrite, shm.Options{Offset: 1, Length: 100}, shm.ErrBeyondEOF, "length 100"},
		{"a length behind the end in the last page", f, shm.CopyOnWrite, shm.Options{Length: 101}, shm.ErrBeyondEOF, ""},
		{"an empty file", empty, shm.ReadOnly, shm.Options{}, shm.ErrEmpty, "/proc"},
		{"an empty file with a length", empty, shm.ReadOnly, shm.Options{Length: 1}, shm.ErrEmpty, ""},
		{"an empty file that may grow and is not told how long", empty, shm.ReadWrite, shm.Options{Grow: true}, shm.ErrEmpty, ""},
		{"an unknown access", f, shm.CopyOnWrite + 1, shm.Options{}, fs.ErrInvalid, "access 3"},
		{"a negative access", f, -1, shm.Options{}, fs.ErrInvalid, "access -1"},
		{"a read-only map that should grow", f, shm.ReadOnly, shm.Options{Length: 200, Grow: true}, shm.ErrReadOnly, "read-write"},
		{"a copy that should grow", f, shm.CopyOnWrite, shm.Options{Length: 200, Grow: true}, fs.ErrPermission, ""},
		{"a negative reservation", f, shm.ReadOnly, shm.Options{Reserve: -1}, shm.ErrRange, ""},
		{"the largest reservation", f, shm.ReadOnly, shm.Options{Reserve: math.MaxInt}, shm.ErrRange, "address"},
		{"a reservation for less than is mapped", f, shm.ReadOnly, shm.Options{Length: 50, Reserve: 49}, shm.ErrRange, "49"},
		{"flags that say what is mapped", f, shm.ReadOnly, shm.Options{Flags: syscall.MAP_ANON}, fs.ErrInvalid, "flags"},
		{"flags that say where", f, shm.ReadOnly, shm.Options{Flags: syscall.MAP_FIXED}, fs.ErrInvalid, "flags"},
		{"flags that say how it is shared", f, shm.ReadOnly, shm.Options{Flags: syscall.MAP_PRIVATE}, fs.ErrInvalid, "flags"},
		{"Private for a file", f, shm.ReadOnly, shm.Options{Private: true}, fs.ErrInvalid, "Anonymous"},
		{"a name for a file", f, shm.ReadOnly, shm.Options{Name: "x"}, fs.ErrInvalid, "Anonymous"},
		{"no file", nil, shm.ReadOnly, shm.Options{}, os.ErrInvalid, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := shm.MapFile(c.f, c.a, c.o)
			require.Nil(t, m)
			says(t, err, c.want, "map", c.word, "offset", "length")
		})
	}
	require.Equal(t, 100, sizeOf(t, f), "what was refused left the file alone")
}

func TestAMissingFileIsNotMapped(t *testing.T) {
	_, err := shm.Open(filepath.Join(t.TempDir(), "none"), shm.ReadOnly, shm.Options{})
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorIs(t, err, syscall.ENOENT)
}

func TestTheErrorsAreTheStandardOnes(t *testing.T) {
	require.ErrorIs(t, shm.ErrClosed, os.ErrClosed)
	require.ErrorIs(t, shm.ErrReadOnly, fs.ErrPermission)
}

func TestGrowMakesTheFileLongEnough(t *testing.T) {
	for _, sparse := range []bool{false, true} {
		f := file(t, []byte("head"))
		o := shm.Options{Offset: 2, Length: 3 * page, Grow: true, Sparse: sparse}
		m := mapped(t, f, shm.ReadWrite, o)
		require.Equal(t, 2+3*page, sizeOf(t, f))
		require.Equal(t, append([]byte("ad"), make([]byte, 3*page-2)...), m.Bytes())
		shorter := mapped(t, f, shm.ReadWrite, shm.Options{Length: 1, Grow: true, Sparse: sparse})
		require.Equal(t, 1, shorter.Len())
		require.Equal(t, 2+3*page, sizeOf(t, f), "a file that is long enough stays")
	}
}

func TestANoTrackMapKeepsNoDescriptor(t *testing.T) {
	f := file(t, pattern(2*page))
	m := mapped(t, f, shm.ReadWrite, shm.Options{Offset: 14, NoTrack: true})
	require.NoError(t, f.Close())
	_, err := m.FileSize()
	says(t, err, errors.ErrUnsupported, "stat", "descriptor")
	_, err = m.File()
	says(t, err, errors.ErrUnsupported, "file")
	says(t, m.Resize(10), errors.ErrUnsupported, "resize")
	says(t, m.Resize(4*page), errors.ErrUnsupported, "resize")
	says(t, m.Seal(shm.SealGrow), errors.ErrUnsupported, "seal")
	_, err = m.Seals()
	says(t, err, errors.ErrUnsupported, "seals")
	_, err = m.WriteAt([]byte("all else works"), 0)
	require.NoError(t, err)
	require.NoError(t, m.Flush())
	require.NoError(t, m.FlushRange(1, 2, shm.FlushAsync))
	require.NoError(t, m.Advise(shm.WillNeed))
	require.Contains(t, string(onDisk(t, f)), "all else works")
}

func TestOptionsThatOnlyTuneChangeNoByte(t *testing.T) {
	content := pattern(2*page + 5)
	f := file(t, content)
	for name, o := range map[string]shm.Options{
		"populate":    {Populate: true},
		"no reserve":  {NoReserve: true},
		"reservation": {Reserve: 10 * page},
		"exec":        {Exec: true},
		"all of them": {Populate: true, NoReserve: true, Reserve: 1 << 30, Exec: true, NoTrack: true},
	} {
		for _, a := range []shm.Access{shm.ReadOnly, shm.ReadWrite, shm.CopyOnWrite} {
			o.Offset = 14
			m := mapped(t, f, a, o)
			require.Equal(t, content[14:], m.Bytes(), name)
			require.Equal(t, m.Len(), cap(m.Bytes()), name)
		}
	}
}

func TestAccessesHaveNames(t *testing.T) {
	require.Equal(t, "read-only read-write copy-on-write access 7",
		shm.ReadOnly.String()+" "+shm.ReadWrite.String()+" "+shm.CopyOnWrite.String()+" "+shm.Access(7).String())
}

func TestStringTellsWhatThereIs(t *testing.T) {
	f := file(t, pattern(100))
	m := mapped(t, f, shm.ReadOnly, shm.Options{Offset: 14})
	_, err := m.Seek(3, 0)
	require.NoError(t, err)
	for _, word := range []string{f.Name(), "read-only", "offset 14", "length 86", "position 3"} {
		require.Contains(t, m.String(), word)
	}
	require.NoError(t, m.Close())
	require.Contains(t, m.String(), "closed")
}
