package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	command "github.com/mmring/mmring/cmd/mmring"
	"github.com/mmring/mmring/internal/proctest"
)

// These make the test binary the tool, and the tool that of a user without rights.
const (
	toolVariable   = "MMRING_TEST_TOOL"
	nobodyVariable = "MMRING_TEST_NOBODY"
)

// TestMain runs the tests with a mmring on the PATH, which is the test binary itself: what is tested is what was compiled,
// in processes of its own.
func TestMain(m *testing.M) {
	if os.Getenv(toolVariable) != "" {
		if os.Getenv(nobodyVariable) != "" {
			proctest.Die(proctest.BecomeNobody())
		}
		os.Exit(command.Tool(os.Args[1:]))
	}
	code, err := withTool(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withTool(run func() int) (code int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "mmring-test-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if err := os.Symlink(self, filepath.Join(dir, "mmring")); err != nil {
		return 0, err
	}
	if err := os.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH")); err != nil {
		return 0, err
	}
	return run(), nil
}
