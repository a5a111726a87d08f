package shm_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/shm"
)

var segments atomic.Int32

// unused returns a segment name of this test alone; the segment is removed at its end.
func unused(t testing.TB) string {
	name := fmt.Sprintf("shm-test-%d-%d", os.Getpid(), segments.Add(1))
	t.Cleanup(func() { _ = os.Remove(filepath.Join(shm.SegmentDir(), name)) })
	return name
}

func create(t testing.TB, n int, o shm.Options) *shm.Map {
	t.Helper()
	m, err := shm.Create(unused(t), n, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

func TestASegmentIsOneMemoryForAllWhoOpenItsName(t *testing.T) {
	name := unused(t)
	m, err := shm.Create(name, 3*page+7, shm.Options{})
	require.NoError(t, err)
	defer m.Close()
	require.Equal(t, make([]byte, 3*page+7), m.Bytes())
	copy(m.Bytes()[14:], "hello")

	second, err := shm.OpenNamed(name, shm.ReadWrite, shm.Options{Offset: 14})
	require.NoError(t, err)
	defer second.Close()
	require.Equal(t, "hello", string(second.Bytes()[:5]))
	second.Bytes()[0] = 'J'
	require.Equal(t, byte('J'), m.Bytes()[14])

	info, err := os.Stat(filepath.Join(shm.SegmentDir(), name))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	own, err := m.File()
	require.NoError(t, err)
	defer own.Close()
	require.Equal(t, filepath.Join(shm.SegmentDir(), name), own.Name())

	require.NoError(t, shm.Remove(name))
	_, err = shm.OpenNamed(name, shm.ReadOnly, shm.Options{})
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorIs(t, shm.Remove(name), fs.ErrNotExist)
	require.NoError(t, second.Resize(m.Len()+100), "those who have it mapped keep it")
	require.Equal(t, "Jello", string(m.Bytes()[14:19]))
}

func TestOneOfManyCreatorsWins(t *testing.T) {
	for range 20 {
		name := unused(t)
		var won atomic.Int32
		var all sync.WaitGroup
		for range 8 {
			all.Add(1)
			go func() {
				defer all.Done()
				m, err := shm.Create(name, 100*page, shm.Options{})
				if err == nil {
					won.Add(1)
					_ = m.Close()
					return
				}
				if _, e := shm.OpenNamed(name, shm.ReadOnly, shm.Options{Length: 100 * page}); e != nil {
					t.Errorf("not complete when its name was taken (%v): %v", err, e)
				}
				if !errors.Is(err, fs.ErrExist) {
					t.Errorf("%v is not what a second creator gets", err)
				}
			}()
		}
		all.Wait()
		require.Equal(t, int32(1), won.Load())
	}
}

func TestWhatCannotBeASegment(t *testing.T) {
	bad := []string{"", ".", "..", "a/b", "/", "../x", "a\x00b"}
	for _, name := range bad {
		_, err := shm.Create(name, 1, shm.Options{})
		says(t, err, fs.ErrInvalid, "map")
		_, err = shm.OpenNamed(name, shm.ReadOnly, shm.Options{})
		says(t, err, fs.ErrInvalid, "map")
		says(t, shm.Remove(name), fs.ErrInvalid, "remove")
	}
	for _, c := range []struct {
		name string
		n    int
		o    shm.Options
		want error
	}{
		{"nothing", 0, shm.Options{}, shm.ErrRange},
		{"less than nothing", -1, shm.Options{}, shm.ErrRange},
		{"the largest number", math.MaxInt, shm.Options{}, shm.ErrRange},
		{"with an offset", 1, shm.Options{Offset: 1}, fs.ErrInvalid},
		{"with a length", 1, shm.Options{Length: 1}, fs.ErrInvalid},
		{"private", 1, shm.Options{Private: true}, fs.ErrInvalid},
		{"with a second name", 1, shm.Options{Name: "x"}, fs.ErrInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := unused(t)
			_, err := shm.Create(name, c.n, c.o)
			says(t, err, c.want, "map", name)
			_, err = shm.OpenNamed(name, shm.ReadOnly, shm.Options{})
			require.ErrorIs(t, err, fs.ErrNotExist, "nothing was made")
		})
	}
}

func TestALinkInTheWayIsNotFollowed(t *testing.T) {
	name := unused(t)
	victim := file(t, pattern(10))
	require.NoError(t, os.Symlink(victim.Name(), filepath.Join(shm.SegmentDir(), name)))
	_, err := shm.OpenNamed(name, shm.ReadWrite, shm.Options{})
	require.ErrorIs(t, err, syscall.ELOOP)
	_, err = shm.Create(name, 10, shm.Options{})
	require.ErrorIs(t, err, fs.ErrExist)
	require.Equal(t, pattern(10), onDisk(t, victim))
}

func TestAFIFOInTheWayIsNotWaitedFor(t *testing.T) {
	name := unused(t)
	require.NoError(t, syscall.Mkfifo(filepath.Join(shm.SegmentDir(), name), 0o600))
	for _, a := range []shm.Access{shm.ReadOnly, shm.ReadWrite} {
		_, err := shm.OpenNamed(name, a, shm.Options{})
		says(t, err, syscall.ENODEV, "map", "a pipe")
	}
}
