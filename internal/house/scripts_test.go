package house_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// script runs one of scripts/ in dir with the environment given besides PATH and what go needs, and returns what it said.
func script(t *testing.T, dir string, env []string, name string, args ...string) (string, error) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, "scripts", name))
	require.NoError(t, err)
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "CI=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// testModule makes a module of one package whose one test has the given body.
func testModule(t *testing.T, body string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/m\n\ngo 1.24\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "m_test.go"),
		[]byte("package m\n\nimport \"testing\"\n\nfunc TestIt(t *testing.T) { "+body+" }\n"), 0o600))
	return dir
}

func TestASkippedTestFailsInCI(t *testing.T) {
	const skip, inner = `t.Skip("no rights")`, `t.Run("inner", func(t *testing.T) { t.Skip("no rights") })`
	for _, c := range []struct {
		name, body string
		env        []string
		fails      bool
		says       string
	}{
		{"a test that passes passes", ``, nil, false, "ok"},
		{"a test that passes passes in CI", ``, []string{"CI=true"}, false, "ok"},
		{"a test that fails fails", `t.Error("broken")`, nil, true, "broken"},
		{"a test that fails fails in CI", `t.Error("broken")`, []string{"CI=true"}, true, "broken"},
		{"a test that skips passes elsewhere", skip, nil, false, "ok"},
		{"a test that skips fails in CI", skip, []string{"CI=true"}, true, "in CI nothing may be skipped"},
		{"one inside of another as well", inner, []string{"CI=true"}, true, "--- SKIP: TestIt/inner"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := script(t, testModule(t, c.body), c.env, "test.sh", "-count=1", "./...")
			require.Equal(t, c.fails, err != nil, out)
			require.Contains(t, out, c.says)
		})
	}
}

func TestWhatIsMissingIsInstalledOrNamed(t *testing.T) {
	// A machine of its own: a folder with nothing but go, what a shell script calls, and perhaps a package manager.
	machine := func(t *testing.T, aptGet string) []string {
		bin := t.TempDir()
		for _, name := range []string{"go", "id", "sh"} {
			path, err := exec.LookPath(name)
			require.NoError(t, err)
			require.NoError(t, os.Symlink(path, filepath.Join(bin, name)))
		}
		if aptGet != "" {
			require.NoError(t, os.WriteFile(filepath.Join(bin, "apt-get"), []byte("#!/bin/sh\n"+aptGet+"\n"), 0o700))
		}
		return []string{"PATH=" + bin}
	}
	const install = `for p in "$@"; do case $p in git|shellcheck) echo "#!/bin/sh" >"${0%/*}/$p"; /bin/chmod +x "${0%/*}/$p" ;; esac; done`
	for _, c := range []struct {
		name, aptGet, says string
		root               bool // only root installs
		fails              bool
	}{
		{"without a package manager it is named", "", "missing: git shellcheck", false, true},
		{"with one it is installed", install, "installing git shellcheck", true, false},
		{"a package list that cannot be had is loud", `test "$1" != update`, "apt-get could not install git shellcheck", true, true},
		{"a package that cannot be had is loud", `test "$1" != install`, "apt-get could not install git shellcheck", true, true},
		{"a package that does not bring it is loud", "true", "git is missing, and git shellcheck did not bring it", true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.root && os.Getuid() != 0 {
				t.Skip("only root installs packages")
			}
			out, err := script(t, root, machine(t, c.aptGet), "needs.sh", "lint")
			require.Equal(t, c.fails, err != nil, out)
			require.Contains(t, out, c.says)
		})
	}
	t.Run("without go it says where to get it", func(t *testing.T) {
		bin := machine(t, install)
		require.NoError(t, os.Remove(filepath.Join(strings.TrimPrefix(bin[0], "PATH="), "go")))
		out, err := script(t, root, bin, "needs.sh", "lint")
		require.Error(t, err)
		require.Contains(t, out, "go is missing")
	})
	t.Run("a target that has no needs is wrong use", func(t *testing.T) {
		_, err := script(t, root, nil, "needs.sh", "bake")
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		require.Equal(t, 2, exit.ExitCode())
	})
}
