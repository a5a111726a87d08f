package ring_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/ring"
	"github.com/mmring/mmring/ring/ringtest"
)

func TestAConfigThatCannotBeIsRefused(t *testing.T) {
	cases := map[string]struct {
		config ring.Config
		want   error
		text   string
	}{
		"a negative capacity":                 {ring.Config{Capacity: -1}, ring.ErrConfig, "capacity -1"},
		"a capacity too small":                {ring.Config{Capacity: 32 << 10}, ring.ErrConfig, "capacity 32768"},
		"a capacity one below the smallest":   {ring.Config{Capacity: small - 1}, ring.ErrConfig, "power of two"},
		"a capacity that is no power of two":  {ring.Config{Capacity: 100_000}, ring.ErrConfig, "power of two"},
		"a capacity too large":                {ring.Config{Capacity: 1 << 41}, ring.ErrConfig, "capacity"},
		"the most negative capacity":          {ring.Config{Capacity: -1 << 63}, ring.ErrConfig, "capacity"},
		"negative slots":                      {ring.Config{Slots: -1}, ring.ErrConfig, "-1 readers"},
		"too many slots":                      {ring.Config{Slots: 4097}, ring.ErrConfig, "4097 readers"},
		"a mode with more than permissions":   {ring.Config{Mode: fs.ModeSetuid | 0o600}, ring.ErrConfig, "mode"},
		"a mode that its owner cannot write":  {ring.Config{Mode: 0o444}, ring.ErrConfig, "0444"},
		"a mode that its owner cannot read":   {ring.Config{Mode: 0o222}, ring.ErrConfig, "0222"},
		"a content type too long":             {ring.Config{ContentType: strings.Repeat("x", 128)}, ring.ErrConfig, "128 bytes: at most 127"},
		"a content type with a line feed":     {ring.Config{ContentType: "text\n"}, ring.ErrConfig, "control"},
		"a description too long":              {ring.Config{Description: strings.Repeat("x", 1024)}, ring.ErrConfig, "1024 bytes: at most 1023"},
		"a description that is not UTF-8":     {ring.Config{Description: "\xff"}, ring.ErrConfig, "UTF-8"},
		"a description that moves the cursor": {ring.Config{Description: "\x1b[2J"}, ring.ErrConfig, "control"},
		"a description with a zero":           {ring.Config{Description: "a\x00b"}, ring.ErrConfig, "control"},
		"eviction before one can be late":     {ring.Config{EvictAfter: time.Microsecond}, ring.ErrConfig, "eviction after 1µs"},
		"eviction in the past":                {ring.Config{EvictAfter: -1}, ring.ErrConfig, "eviction after -1ns"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := ringtest.Dir(t)
			path := filepath.Join(dir, "r")
			err := ring.Create(path, c.config)
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.text)
			named(t, err, "create", path)
			empty(t, dir)
			_, err = ring.OpenWriter(background, path, ring.WriterOptions{Create: &c.config})
			require.ErrorIs(t, err, c.want)
			empty(t, dir)
		})
	}
}

// named requires that err names operation and path, once.
func named(t *testing.T, err error, op, path string) {
	t.Helper()
	var pe *fs.PathError
	require.ErrorAs(t, err, &pe)
	require.Equal(t, [2]string{op, path}, [2]string{pe.Op, pe.Path})
	require.Equal(t, 1, strings.Count(err.Error(), path), err.Error())
}

// empty requires that nothing was left behind in dir.
func empty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestTheLimitsOfAConfigAreAllowed(t *testing.T) {
	for _, c := range []ring.Config{
		{Capacity: small, Slots: 1, Mode: 0o600},
		{Capacity: small, Slots: 4096, Mode: 0o777, ContentType: strings.Repeat("t", 127), Description: strings.Repeat("d", 1023)},
	} {
		info := inspect(t, newRing(t, c))
		require.Equal(t, c.ContentType, info.ContentType)
		require.Equal(t, c.Description, info.Description)
	}
}

func TestTheZeroConfigIsSixteenMebibytesForItsOwner(t *testing.T) {
	path := ringtest.Path(t, ring.Config{})
	info := inspect(t, path)
	require.EqualValues(t, 16<<20, info.Capacity)
	require.Equal(t, 64, info.Slots)
	require.Equal(t, 8<<20-16, info.MaxPayload)
	stat, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), stat.Mode())
	var st unix.Stat_t
	require.NoError(t, unix.Stat(path, &st))
	require.GreaterOrEqual(t, st.Blocks*512, info.FileSize, "all of it is allocated")
}

func TestTheModeIsSetWhateverTheUmaskSays(t *testing.T) {
	for _, umask := range []int{0, 0o077, 0o777} {
		for _, mode := range []fs.FileMode{0o600, 0o640, 0o666} {
			was := unix.Umask(umask)
			path := newRing(t, ring.Config{Mode: mode})
			unix.Umask(was)
			stat, err := os.Stat(path)
			require.NoError(t, err)
			require.Equal(t, mode, stat.Mode(), "umask %o", umask)
		}
	}
}

func TestCreateRefusesATakenName(t *testing.T) {
	dir := ringtest.Dir(t)
	taken := map[string]func(path string) error{
		"a ring":             func(path string) error { return ring.Create(path, ring.Config{Capacity: small}) },
		"an empty file":      func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"a directory":        func(path string) error { return os.Mkdir(path, 0o700) },
		"a dangling symlink": func(path string) error { return os.Symlink("nowhere", path) },
		"a FIFO":             func(path string) error { return unix.Mkfifo(path, 0o600) },
	}
	for name, make := range taken {
		path := filepath.Join(dir, name)
		require.NoError(t, make(path))
		before, err := os.Lstat(path)
		require.NoError(t, err)
		err = ring.Create(path, ring.Config{Capacity: small})
		require.ErrorIs(t, err, fs.ErrExist, name)
		named(t, err, "create", path)
		after, err := os.Lstat(path)
		require.NoError(t, err)
		require.True(t, os.SameFile(before, after), name)
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, len(taken))
}

func TestCreateNeedsADirectory(t *testing.T) {
	dir := ringtest.Dir(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	for path, want := range map[string]error{
		dir + "/missing/r":      fs.ErrNotExist,
		dir + "/file/r":         unix.ENOTDIR,
		dir + "/missing/dir/":   fs.ErrNotExist,
		dir + "/" + long(255+1): unix.ENAMETOOLONG,
	} {
		require.ErrorIs(t, ring.Create(path, ring.Config{Capacity: small}), want, path)
	}
}

func long(n int) string { return strings.Repeat("n", n) }

func TestOfManyCreatorsOneWins(t *testing.T) {
	for name, prepare := range map[string]func() func(){
		"nameless files": func() func() { return func() {} }, "hidden names": ring.WithoutTmpfile,
	} {
		t.Run(name, func(t *testing.T) {
			defer prepare()()
			dir := ringtest.Dir(t)
			path := filepath.Join(dir, "r")
			const creators = 8
			errs := make([]error, creators)
			var all sync.WaitGroup
			for i := range creators {
				all.Add(1)
				go func() {
					defer all.Done()
					errs[i] = ring.Create(path, ring.Config{Capacity: small, Slots: i + 1})
				}()
			}
			all.Wait()
			won := 0
			for _, err := range errs {
				if err == nil {
					won++
				} else {
					require.ErrorIs(t, err, fs.ErrExist)
				}
			}
			require.Equal(t, 1, won)
			sound(t, path)
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Len(t, entries, 1)
		})
	}
}

func TestOpenWriterMakesAMissingRingAndTakesOneThatIsThere(t *testing.T) {
	path := filepath.Join(ringtest.Dir(t), "r")
	w, err := ring.OpenWriter(background, path, ring.WriterOptions{Create: &ring.Config{Capacity: small, Description: "first"}})
	require.NoError(t, err)
	publish(t, w, 3)
	require.NoError(t, w.Close())
	w, err = ring.OpenWriter(background, path, ring.WriterOptions{Create: &ring.Config{Capacity: 2 * small, Description: "second"}})
	require.NoError(t, err)
	defer w.Close()
	require.EqualValues(t, 4, publish(t, w, 1))
	require.Equal(t, "first", inspect(t, path).Description)
}
