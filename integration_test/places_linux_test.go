package integration_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/internal/proctest"
)

// place is where a ring cannot be made or used, and what the tool says there, in order.
type place struct {
	name    string
	prepare func(dir string) error
	left    int // files and folders that are there afterwards
	says    []saying
}

// saying is a command, its exit code and a part of what it writes to stderr.
type saying struct {
	command string
	code    int
	text    string
}

var places = []place{
	{"a tmpfs of 1 MiB", func(dir string) error { return unix.Mount("none", dir, "tmpfs", 0, "size=1m") }, 1, []saying{
		{"create DIR/r", 1, "needs 16842752 bytes, 1048576 are free"},
		{"pub DIR/r --create", 1, "needs 16842752 bytes, 1048576 are free"},
		{"create DIR/r --capacity 512KiB", 0, ""},
		{"create DIR/s --capacity 512KiB", 1, "no space left on device"},
		{"verify DIR/r", 0, ""},
	}},
	{"an overlay", overlay, 4, []saying{
		{"create DIR/on/r", 1, "overlay"},
		{"create DIR/on/r --force-fs", 0, ""},
		{"pub DIR/on/r", 1, "overlay"},
		{"sub DIR/on/r", 1, "overlay"},
	}},
	{"a directory that is read-only", func(dir string) error {
		return errors.Join(unix.Mount("none", dir, "tmpfs", 0, ""),
			unix.Mount("none", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	}, 0, []saying{
		{"create DIR/r", 1, "read-only file system"},
		{"pub DIR/r --create", 1, "read-only file system"},
	}},
	{"a directory without the right to write", func(dir string) error {
		return errors.Join(os.Chmod(dir, 0o555), proctest.BecomeNobody())
	}, 0, []saying{
		{"create DIR/r", 1, "permission denied"},
		{"pub DIR/r --create", 1, "permission denied"},
	}},
	{"a directory with a ring of somebody else", func(dir string) error {
		if err := unix.Mount("none", dir, "tmpfs", 0, "mode=755"); err != nil {
			return err
		}
		path := filepath.Join(dir, "r")
		out, err := exec.Command(filepath.Join(os.Getenv(toolVariable), "mmring"), "create", path, "--mode", "0666").CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		const somebody, other = 12345, 23456
		return errors.Join(os.Chown(path, somebody, somebody), unix.Setgroups(nil), unix.Setgid(other), unix.Setuid(other))
	}, 1, []saying{
		{"pub DIR/r", 1, "owner"},
		{"sub DIR/r", 1, "owner"},
		{"stat DIR/r", 0, ""},
		{"cat DIR/r", 0, ""},
	}},
}

func overlay(dir string) error {
	err := unix.Mount("none", dir, "tmpfs", 0, "")
	for _, sub := range []string{"lower", "upper", "work", "on"} {
		err = errors.Join(err, os.Mkdir(filepath.Join(dir, sub), 0o700))
	}
	options := fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work", dir)
	return errors.Join(err, unix.Mount("none", filepath.Join(dir, "on"), "overlay", 0, options))
}

// toolVariable names the folder of the compiled tool.
const toolVariable = "MMRING_TEST_TOOL"

// visitor N DIR prepares the place of that number on DIR and runs its commands there.
func visitor(args []string) {
	proctest.Die(proctest.Private())
	n, err := strconv.Atoi(args[0])
	proctest.Die(err)
	proctest.Die(places[n].prepare(args[1]))
	for _, s := range places[n].says {
		words := strings.Fields(strings.ReplaceAll(s.command, "DIR", args[1]))
		out, err := exec.Command(filepath.Join(os.Getenv(toolVariable), "mmring"), words...).CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			proctest.Die(err)
		}
		code := 0
		if exit != nil {
			code = exit.ExitCode()
		}
		proctest.Say("%d %q", code, out)
	}
	left, err := filepath.Glob(filepath.Join(args[1], "*"))
	proctest.Die(err)
	proctest.Say("left %d", len(left))
}

// The tool says what is wrong with a place, and leaves nothing half made there.
func TestPlacesWhereARingCannotBe(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root mounts and gives files away")
	}
	tool, err := os.MkdirTemp("", "mmring-tool-") // others may enter it, unlike t.TempDir
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(tool) })
	require.NoError(t, os.Chmod(tool, 0o755))
	build := exec.Command("go", "build", "-o", filepath.Join(tool, "mmring"), "./cmd/mmring")
	build.Dir = ".."
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	for i, place := range places {
		t.Run(place.name, func(t *testing.T) {
			dir, err := os.MkdirTemp(tool, "place-")
			require.NoError(t, err)
			require.NoError(t, os.Chmod(dir, 0o755))
			p := proctest.Config{Attr: proctest.MountNamespace(), Env: []string{toolVariable + "=" + tool}}.Start(t, "visitor", fmt.Sprint(i), dir)
			for _, s := range place.says {
				var code int
				var text string
				_, err := fmt.Sscanf(p.Line(), "%d %q", &code, &text)
				require.NoError(t, err)
				require.Equal(t, s.code, code, "%s: %s", s.command, text)
				require.Contains(t, text, s.text, s.command)
			}
			require.Equal(t, fmt.Sprint(place.left), p.Expect("left"))
			require.NoError(t, p.Wait())
		})
	}
}
