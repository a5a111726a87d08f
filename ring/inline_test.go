package ring_test

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What docs/performance.md says of the compiler's work: on the way of a record these calls are none.
func TestTheFastPathsSmallCallsAreInlined(t *testing.T) {
	out, err := exec.Command("go", "build", "-gcflags=-m", ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, name := range []string{
		"(*gate).enter", "(*gate).leave", "(*handle).due", "(*Writer).seal", "(*consumer).poll", "(*consumer).pass",
		"(*consumer).Next", "(*consumer).Read", "(*Writer).Publish", "(*Writer).TryPublish", "align16", "loadInside", "storeInside",
	} {
		require.Regexp(t, `can inline `+regexp.QuoteMeta(name)+"\n", string(out), "see docs/performance.md")
	}
	for _, name := range []string{"payload", "payloads", "p", "buf", "into"} {
		for line := range strings.Lines(string(out)) {
			require.NotRegexp(t, `(writer|consumer|loop|window)\.go.*moved to heap: `+name+`\b`, line)
		}
	}
}
