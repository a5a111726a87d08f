package ring_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEveryErrorIsProducedByATest: each exported error of errors.go is what some test requires, in a call of ErrorIs or in
// a row of a table.
func TestEveryErrorIsProducedByATest(t *testing.T) {
	source, err := os.ReadFile("errors.go")
	require.NoError(t, err)
	names := regexp.MustCompile(`(?m)^\t(Err\w+) += `).FindAllStringSubmatch(string(source), -1)
	require.NotEmpty(t, names)
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	var tests strings.Builder
	for _, file := range files {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		tests.Write(b)
	}
	lines := strings.Split(tests.String(), "\n")
	for _, name := range names {
		named := regexp.MustCompile(`\bring\.` + name[1] + `\b`)
		required := slices.ContainsFunc(lines, func(line string) bool {
			return (strings.Contains(line, "ErrorIs(t, ") || strings.Contains(line, "\": ")) && named.MatchString(line)
		})
		require.True(t, required, "%s is required by no test", name[1])
	}
}
