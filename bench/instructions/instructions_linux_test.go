package instructions_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/bench/instructions"
	"github.com/mmring/mmring/ring/ringtest"
)

func TestMain(m *testing.M) {
	if instructions.IsChild() {
		instructions.Child()
	}
	os.Exit(m.Run())
}

// here skips a test where a process may not trace its child, as in containers whose filter forbids it.
func here(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, instructions.ErrNotHere) {
		t.Skipf("%v", err)
	}
	require.NoError(t, err)
}

func TestTheSameCallsTakeTheSameInstructions(t *testing.T) {
	dir := ringtest.Dir(t)
	names := []string{"Publish 64 B", "Publish 224 B"}
	first, err := instructions.Counts(dir, names...)
	here(t, err)
	require.Len(t, first, 2)
	require.Equal(t, names, []string{first[0].Call, first[1].Call})
	require.Greater(t, first[0].Typical, 20.0)
	require.Greater(t, first[1].Typical, first[0].Typical, "it copies more")
	second, err := instructions.Counts(dir, names...)
	require.NoError(t, err)
	require.InDelta(t, first[0].Typical, second[0].Typical, 1)
	require.InDelta(t, first[1].Typical, second[1].Typical, 1)
	var b strings.Builder
	require.NoError(t, instructions.Write(&b, first))
	require.Contains(t, b.String(), "| Publish 224 B |")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestEveryCallIsMarkedBeforeAndAfter(t *testing.T) {
	dir := ringtest.Dir(t)
	marks, err := instructions.Perform(dir)
	require.NoError(t, err)
	for call, n := range marks {
		require.True(t, n >= 32 && n%2 == 0, "%s: %d marks", call, n)
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestMoreReadersCostTheWriterOnlyAtTheEndOfAStride(t *testing.T) {
	counts, err := instructions.Counts(ringtest.Dir(t), "Publish 64 B, 1 reader", "Publish 64 B, 8 readers",
		"Publish 64 B, 1 reader, the end of a stride", "Publish 64 B, 8 readers, the end of a stride")
	here(t, err)
	require.Len(t, counts, 4)
	require.InDelta(t, counts[0].Typical, counts[1].Typical, 1)
	require.Greater(t, counts[2].Typical, 2*counts[0].Typical)
	require.Greater(t, counts[3].Typical, counts[2].Typical)
}

func TestFunctionsAreThoseOfTheCall(t *testing.T) {
	dir := ringtest.Dir(t)
	counts, err := instructions.Counts(dir, "Publish 64 B")
	here(t, err)
	functions, err := instructions.Functions(dir, "Publish 64 B")
	require.NoError(t, err)
	ours := 0.0
	for name, n := range functions {
		if strings.Contains(name, "/ring.") {
			ours += n
		}
	}
	require.Greater(t, ours, 10.0)
	require.Less(t, ours, counts[0].Mean+100, "without the marks")
	var b strings.Builder
	require.NoError(t, instructions.WriteFunctions(&b, functions))
	require.Contains(t, b.String(), "/ring.")
}

func TestWhatCannotBeCounted(t *testing.T) {
	_, err := instructions.Functions(ringtest.Dir(t), "Publish nothing")
	require.ErrorContains(t, err, `no call "Publish nothing"`)
	_, err = instructions.Counts("/dev/null", "Publish 64 B")
	require.Error(t, err)
}
