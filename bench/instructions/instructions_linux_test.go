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

func TestMoreReadersCostTheWriterNothingBeforeTheEndOfAStride(t *testing.T) {
	calls := []string{"Publish 64 B, 1 reader", "Publish 64 B, 8 readers", "Publish 64 B, 1 reader, the end of a stride", "Publish 64 B, 8 readers, the end of a stride"}
	least := make([]float64, len(calls))
	for range 3 { // Go's scheduler may be counted with a call: the least of several is the library's
		counts, err := instructions.Counts(ringtest.Dir(t), calls...)
		here(t, err)
		require.Len(t, counts, len(calls))
		for i, c := range counts {
			if n := float64(c.Typical); least[i] == 0 || n < least[i] {
				least[i] = n
			}
		}
	}
	require.InDelta(t, least[0], least[1], 1)
	require.Greater(t, least[2], 2*least[0])
	require.Greater(t, least[3], 2*least[1])
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
