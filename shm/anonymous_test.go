package shm_test

import (
	"errors"
	"io/fs"
	"math"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/shm"
)

func TestAnonymousMemoryIsZeroAndCanBeWritten(t *testing.T) {
	for name, o := range map[string]shm.Options{"shared": {}, "private": {Private: true}, "populated": {Populate: true}, "reserved": {Reserve: 1 << 30}} {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{1, 13, page, page + 1, 100 * page} {
				m := anonymous(t, n, o)
				require.Equal(t, n, m.Len())
				require.Equal(t, n, cap(m.Bytes()))
				require.Equal(t, shm.ReadWrite, m.Access())
				require.Equal(t, make([]byte, n), m.Bytes())
				m.Bytes()[n-1] = 1
				size, err := m.FileSize()
				require.NoError(t, err)
				require.Equal(t, int64(n), size)
			}
		})
	}
}

func TestAnonymousMemoryGrowsAndShrinks(t *testing.T) {
	for name, o := range map[string]shm.Options{"shared": {}, "private": {Private: true}} {
		t.Run(name, func(t *testing.T) {
			m := anonymous(t, 5, o)
			copy(m.Bytes(), "first")
			for _, n := range []int{6, page + 1, 3000 * page, 4, 100 * page} {
				require.NoError(t, m.Resize(n))
				require.Equal(t, "firs", string(m.Bytes()[:4]))
				m.Bytes()[n-1] = 's'
				size, err := m.FileSize()
				require.NoError(t, err)
				require.Equal(t, int64(n), size)
			}
		})
	}
}

func TestWhatAnonymousMemoryCannotBe(t *testing.T) {
	for _, c := range []struct {
		name string
		n    int
		o    shm.Options
		want error
	}{
		{"nothing", 0, shm.Options{}, shm.ErrRange},
		{"less than nothing", -1, shm.Options{}, shm.ErrRange},
		{"the smallest number", math.MinInt, shm.Options{}, shm.ErrRange},
		{"the largest number", math.MaxInt, shm.Options{}, shm.ErrRange},
		{"the largest number, private", math.MaxInt, shm.Options{Private: true}, shm.ErrRange},
		{"more than can be addressed", math.MaxInt / 4, shm.Options{Private: true}, syscall.ENOMEM},
		{"with an offset", 1, shm.Options{Offset: 1}, fs.ErrInvalid},
		{"with a second length", 1, shm.Options{Length: 1}, fs.ErrInvalid},
		{"that grows", 1, shm.Options{Grow: true}, fs.ErrInvalid},
		{"with too long a name", 1, shm.Options{Name: strings.Repeat("x", 201)}, fs.ErrInvalid},
		{"with a zero byte in its name", 1, shm.Options{Name: "a\x00b"}, fs.ErrInvalid},
		{"private with too long a name", 1, shm.Options{Name: strings.Repeat("x", 201), Private: true}, fs.ErrInvalid},
		{"with less reserved", 100, shm.Options{Reserve: 10}, shm.ErrRange},
		{"private with less reserved", 100, shm.Options{Reserve: 10, Private: true}, shm.ErrRange},
		{"with foreign flags", 1, shm.Options{Flags: syscall.MAP_FIXED, Private: true}, fs.ErrInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := shm.Anonymous(c.n, c.o)
			require.Nil(t, m)
			says(t, err, c.want, "map", "length")
		})
	}
}

func TestPrivateMemoryCannotBeHandedOn(t *testing.T) {
	m := anonymous(t, 100, shm.Options{Private: true})
	_, err := m.File()
	says(t, err, errors.ErrUnsupported, "file")
	says(t, m.Seal(shm.SealShrink), errors.ErrUnsupported, "seal")
	says(t, m.Send(nil), errors.ErrUnsupported, "send")
}

func TestASecondMapOfAnonymousMemoryIsTheSame(t *testing.T) {
	m := anonymous(t, 100, shm.Options{})
	f, err := m.File()
	require.NoError(t, err)
	defer f.Close()
	second := mapped(t, f, shm.ReadOnly, shm.Options{Offset: 14})
	copy(m.Bytes()[14:], "hello")
	require.Equal(t, "hello", string(second.Bytes()[:5]))
}
