package house_test

import (
	"encoding/json"
	"go/build/constraint"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// goTool runs go in the root for another machine ("linux/arm64"; "": this one).
func goTool(t *testing.T, target string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if system, machine, ok := strings.Cut(target, "/"); ok {
		cmd.Env = append(cmd.Env, "GOOS="+system, "GOARCH="+machine)
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// refusal is what the compiler says of package host, which ring imports for this.
const refusal = "package_ring_needs_a_64_bit_little_endian_machine_such_as_amd64_or_arm64"

func TestWhereARingCannotBeRightItDoesNotBuildAndOneLineSaysWhy(t *testing.T) {
	for target, pkg := range map[string]string{
		"linux/386": "./ring", // all of it once; of the others what decides, which is built in no time
		"linux/arm": "./internal/host", "linux/mips": "./internal/host", "linux/mipsle": "./internal/host",
		"linux/mips64": "./internal/host", "linux/ppc64": "./internal/host", "linux/s390x": "./internal/host",
	} {
		t.Run(target, func(t *testing.T) {
			out, err := goTool(t, target, "build", pkg)
			require.Error(t, err)
			lines := slices.DeleteFunc(strings.Split(strings.TrimSpace(out), "\n"), func(line string) bool {
				return strings.HasPrefix(line, "# ") // the package
			})
			require.Len(t, lines, 1, out)
			require.Contains(t, lines[0], refusal)
			out, err = goTool(t, target, "list", "-deps", "./ring")
			require.NoError(t, err, out)
			require.Contains(t, strings.Fields(out), module+"/internal/host")
		})
	}
}

func TestTheHouseBuildsForOtherSystems(t *testing.T) {
	for _, target := range []string{"linux/arm64", "darwin/arm64", "freebsd/amd64"} {
		t.Run(target, func(t *testing.T) {
			out, err := goTool(t, target, "build", "./ring/...", "./cmd/...", "./lock/...", "./shm/...")
			require.NoError(t, err, out)
		})
	}
	t.Run("and shm and lock also where ring refuses", func(t *testing.T) {
		out, err := goTool(t, "linux/386", "build", "./lock/...", "./shm/...")
		require.NoError(t, err, out)
	})
}

// What package ring is on systems other than Linux runs here as well: the build is told that the files for Linux are not
// there, and that those for the others have no condition.
func TestOnOtherSystemsRingAnswersUnsupported(t *testing.T) {
	replace := map[string]string{}
	names, err := filepath.Glob(filepath.Join(root, "ring", "*.go"))
	require.NoError(t, err)
	for _, name := range names {
		path, err := filepath.Abs(name)
		require.NoError(t, err)
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		condition, rest, ok := cutCondition(string(text))
		switch {
		case strings.HasSuffix(strings.TrimSuffix(strings.TrimSuffix(name, ".go"), "_test"), "_linux"), ok && !condition.Eval(elsewhere):
			replace[path] = ""
		case ok:
			replace[path] = filepath.Join(t.TempDir(), filepath.Base(path))
			require.NoError(t, os.WriteFile(replace[path], []byte(rest), 0o600))
		}
	}
	overlay := filepath.Join(t.TempDir(), "overlay.json")
	b, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, b, 0o600))
	out, err := goTool(t, "", "test", "-count=1", "-v", "-overlay", overlay, "-run", "OtherSystems", "./ring")
	require.NoError(t, err, out)
	require.Contains(t, out, "--- PASS: TestOnOtherSystemsEveryDoorSaysUnsupported")
}

// elsewhere says which words of a condition hold on a system that is not Linux.
func elsewhere(tag string) bool { return tag == "darwin" || tag == "unix" || tag == "amd64" }

// cutCondition takes the line //go:build off a file.
func cutCondition(text string) (condition constraint.Expr, rest string, ok bool) {
	first, rest, _ := strings.Cut(text, "\n")
	condition, err := constraint.Parse(first)
	return condition, rest, err == nil
}

// notEmulated are tests that start processes, which the emulator does not, or need futex_waitv, or to know the address of a fault.
const notEmulated = "Process|ASet|Garbage|Signal|Truncated|Lost|Gone|Without|Wait|Woken|Reboot"

// Tests that run in one process, on a machine with weaker order than this one, as far as an emulator shows it: what the
// compiler and the assembler make of the code is the code of arm64.
func TestTheCoreRunsOnArm64(t *testing.T) {
	emulator := ""
	for _, name := range []string{"qemu-aarch64", "qemu-aarch64-static"} {
		if path, err := exec.LookPath(name); err == nil {
			emulator = path
		}
	}
	require.NotEmpty(t, emulator, "qemu-aarch64 is missing; make test installs it")
	for _, c := range []struct {
		name, run string
		packages  []string
		enough    int // tests, at least
	}{
		{"words, stores and pauses", ".", []string{"./internal/spin", "./internal/view", "./internal/release"}, 8},
		{"sleeps", "Sleep|Cancel|Changed", []string{"./internal/futex"}, 3},
		{"records", "Records|Header|Batch|Claim|Position|Padding|Overrun|Consum|Documented", []string{"./ring"}, 25},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := []string{"test", "-count=1", "-v", "-timeout", "5m", "-exec", emulator, "-run", c.run, "-skip", notEmulated}
			out, err := goTool(t, "linux/arm64", append(args, c.packages...)...)
			require.NoError(t, err, out)
			require.GreaterOrEqual(t, strings.Count(out, "\n--- PASS: "), c.enough, out)
		})
	}
}
