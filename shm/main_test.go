package shm_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/shm"
)

func TestMain(m *testing.M) { proctest.Main(m, roles) }

// roles are what children of these tests do; the files with the tests fill it.
var roles = map[string]func(args []string){}

var page = os.Getpagesize()

// file returns a new file, open for reading and writing, until the test ends.
func file(t testing.TB, content []byte) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	_, err = f.Write(content)
	require.NoError(t, err)
	return f
}

// mapped maps a range of the file until the test ends.
func mapped(t testing.TB, f *os.File, a shm.Access, o shm.Options) *shm.Map {
	t.Helper()
	m, err := shm.MapFile(f, a, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// anonymous maps memory until the test ends.
func anonymous(t testing.TB, n int, o shm.Options) *shm.Map {
	t.Helper()
	m, err := shm.Anonymous(n, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// holding maps memory with these bytes in it, its cursor at the start.
func holding(t testing.TB, content string) *shm.Map {
	t.Helper()
	m := anonymous(t, len(content), shm.Options{})
	require.Equal(t, len(content), copy(m.Bytes(), content))
	return m
}

// pattern returns n bytes of which neighbours differ, and pages too.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7/3 + i/page)
	}
	return b
}

// onDisk returns what is in the file, read without any map.
func onDisk(t testing.TB, f *os.File) []byte {
	t.Helper()
	b, err := os.ReadFile(f.Name())
	require.NoError(t, err)
	return b
}

// sizeOf returns the file's size without any map.
func sizeOf(t testing.TB, f *os.File) int {
	t.Helper()
	info, err := f.Stat()
	require.NoError(t, err)
	return int(info.Size())
}

// says requires that the error is what the documentation says: a *fs.PathError with operation and path whose text has all
// the words.
func says(t testing.TB, err, want error, op string, words ...string) {
	t.Helper()
	require.ErrorIs(t, err, want)
	var e *fs.PathError
	require.ErrorAs(t, err, &e)
	require.Equal(t, op, e.Op)
	require.NotEmpty(t, e.Path)
	for _, w := range words {
		require.ErrorContains(t, err, w)
	}
}
