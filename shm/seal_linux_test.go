package shm_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/shm"
)

func TestTheNameOfAnonymousMemoryIsShown(t *testing.T) {
	m := anonymous(t, 100, shm.Options{Name: "shm-name-test"})
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	require.Contains(t, string(maps), "/memfd:shm-name-test")
	require.Contains(t, m.String(), "shm-name-test")
}

func TestSealsForbidWhatTheySay(t *testing.T) {
	m := anonymous(t, 2*page, shm.Options{})
	have, err := m.Seals()
	require.NoError(t, err)
	require.Zero(t, have)

	require.NoError(t, m.Seal(shm.SealShrink))
	says(t, m.Resize(page), fs.ErrPermission, "resize")
	require.Equal(t, 2*page, m.Len())
	m.Bytes()[2*page-1] = 1 // all is there still
	require.NoError(t, m.Resize(3*page), "to grow is not sealed")

	require.NoError(t, m.Seal(shm.SealGrow|shm.SealFutureWrite))
	says(t, m.Resize(4*page), fs.ErrPermission, "resize")
	require.Equal(t, 3*page, m.Len())
	m.Bytes()[0] = 2 // maps that exist may write
	f, err := m.File()
	require.NoError(t, err)
	defer f.Close()
	_, err = shm.MapFile(f, shm.ReadWrite, shm.Options{})
	says(t, err, fs.ErrPermission, "map")
	_, err = shm.MapFile(f, shm.ReadWrite, shm.Options{Length: 4 * page, Grow: true})
	says(t, err, fs.ErrPermission, "map")
	reader := mapped(t, f, shm.ReadOnly, shm.Options{})
	require.Equal(t, byte(2), reader.Bytes()[0])
	require.Error(t, f.Truncate(0))

	require.NoError(t, m.Seal(shm.SealSeals))
	have, err = m.Seals()
	require.NoError(t, err)
	require.Equal(t, shm.SealShrink|shm.SealGrow|shm.SealFutureWrite|shm.SealSeals, have)
	says(t, m.Seal(shm.SealShrink), fs.ErrPermission, "seal")
}

func TestOnlyMemoryFilesHaveSeals(t *testing.T) {
	disk := mapped(t, file(t, pattern(10)), shm.ReadWrite, shm.Options{})
	err := disk.Seal(shm.SealGrow)
	require.Error(t, err)
	require.True(t, errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission), err)
	segment := create(t, 10, shm.Options{})
	says(t, segment.Seal(shm.SealGrow), fs.ErrPermission, "seal")
	says(t, anonymous(t, 1, shm.Options{}).Seal(1<<10), fs.ErrInvalid, "seal", "0x400")
}
