package house_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every rule is kept by every file, and finds what breaks it: a file of the given path and text.
var rules = []struct {
	name       string
	rule       rule
	path, text string
}{
	{"imports run one way", importsOneWay,
		"lock/a.go", "package lock\nimport _ \"github.com/mmring/mmring/ring\"\n"},
	{"lock and shm do not know each other", importsOneWay,
		"lock/a_test.go", "package lock_test\nimport _ \"github.com/mmring/mmring/shm\"\n"},
	{"every folder has its place", importsOneWay,
		"util/a.go", "package util\n"},
	{"other modules are imported where that is agreed", importsAgreedModules,
		"ring/a.go", "package ring\nimport _ \"github.com/spf13/cobra\"\n"},
	{"what is for tests stays in tests", testingStaysInTests,
		"ring/a.go", "package ring\nimport _ \"github.com/mmring/mmring/internal/proctest\"\n"},
	{"unsafe stands in files named for it", unsafeIsNamed,
		"ring/unsafe.go", "package ring\nimport _ \"unsafe\"\n"},
	{"package unix is for platform files", systemCallsHaveTheirPlaces,
		"ring/a.go", "//go:build amd64\n\npackage ring\nimport _ \"golang.org/x/sys/unix\"\n"},
	{"raw system calls are for platform files", systemCallsHaveTheirPlaces,
		"ring/a.go", "package ring\nvar f = syscall.RawSyscall6\n"},
	{"nothing sleeps", nothingSleeps,
		"ring/a_test.go", "package ring\nfunc f() { time.Sleep(1) }\n"},
	{"skipping has a reason", skippingHasAReason,
		"ring/a_test.go", "package ring\nfunc f(t *testing.T) { t.Skip() }\n"},
	{"files are short", filesAndFunctionsAreShort,
		"ring/a.sh", strings.Repeat("true\n", 501)},
	{"functions are short", filesAndFunctionsAreShort,
		"ring/a.go", "package ring\nfunc f() {" + strings.Repeat("\n", 70) + "}\n"},
	{"exported functions are documented", exportedNamesAreDocumented,
		"ring/a.go", "package ring\nfunc F() {}\n"},
	{"exported methods are documented", exportedNamesAreDocumented,
		"ring/a.go", "package ring\nfunc (t *T) F() {}\n"},
	{"exported types are documented", exportedNamesAreDocumented,
		"ring/a.go", "package ring\ntype T int\n"},
	{"exported values are documented", exportedNamesAreDocumented,
		"ring/a.go", "package ring\nvar (\n\tV = 1\n)\n"},
	{"package comments are attached", packageCommentsAreAttached,
		"ring/a.go", "// Package ring is lost.\n\npackage ring\n"},
	{"links lead somewhere", linksLeadSomewhere,
		"docs/a.md", "see [the format](format.md#nowhere)\n"},
	{"nothing is unfinished", nothingUnfinishedNothingPrivate,
		"ring/a.go", "package ring // TO" + "DO: more\n"},
	{"no path belongs to one machine", nothingUnfinishedNothingPrivate,
		"docs/a.md", "see /ho" + "me/somebody/notes\n"},
}

func TestTheRulesOfTheHouse(t *testing.T) {
	files := tree(t)
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			broken, err := parse(r.path, r.text)
			require.NoError(t, err)
			require.NotEmpty(t, r.rule(broken), "the rule does not find what breaks it")
			var wrong []string
			for _, f := range files {
				wrong = append(wrong, r.rule(f)...)
			}
			require.Empty(t, wrong)
		})
	}
}

// The root of the repository: its files, and the folders of the house.
var (
	rootFiles = []string{
		".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "SECURITY.md", "go.mod", "go.sum",
		"staticcheck.conf",
	}
	rootFolders = []string{
		".ci", "bench", "cmd", "docs", "examples", "integration_test", "internal", "lock", "ring", "scripts", "shm",
	}
)

func TestTheRootHoldsWhatIsKnown(t *testing.T) {
	entries, err := os.ReadDir(root)
	require.NoError(t, err)
	var files, folders []string
	for _, e := range entries {
		switch {
		case slices.Contains(notOurs, e.Name()):
		case e.IsDir():
			folders = append(folders, e.Name())
		default:
			files = append(files, e.Name())
		}
	}
	require.ElementsMatch(t, rootFiles, files)
	require.ElementsMatch(t, rootFolders, folders)
}

func TestTheDirectDependenciesAreTheAgreedOnes(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	var direct []string
	for line := range strings.Lines(string(text)) {
		path, version, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "require "), " ")
		if strings.HasPrefix(version, "v") && !strings.Contains(version, "// indirect") {
			direct = append(direct, path)
		}
	}
	require.ElementsMatch(t, []string{
		"golang.org/x/sys", "github.com/gofrs/flock", // the library
		"github.com/stretchr/testify",                                                                 // tests
		"github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/HdrHistogram/hdrhistogram-go", // the tool
	}, direct)
	require.NotContains(t, string(text), "\nreplace ")
}

// What a user of the library gets, down to the last package.
func TestTheLibraryNeedsLittle(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}",
		module+"/ring", module+"/shm", module+"/lock").Output()
	require.NoError(t, err)
	var others []string
	for path := range strings.FieldsSeq(string(out)) {
		if !strings.HasPrefix(path, module+"/") {
			others = append(others, path)
		}
		require.NotContains(t, path, "/measure")
	}
	require.ElementsMatch(t, []string{"golang.org/x/sys/unix", "github.com/gofrs/flock"}, others)
}

func TestEveryMakeTargetIsShortAndHelped(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	found := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z-]+):(.*)\n((?:\t.*\n)*)`).FindAllStringSubmatch(string(text), -1) {
		name, first, body := m[1], m[2], m[3]
		found[name] = true
		require.Contains(t, first, " ## ", "make help knows nothing of %s", name)
		require.LessOrEqual(t, strings.Count(body, "\n"), 5, "make %s: what is longer belongs into a script", name)
	}
	for _, name := range []string{"help", "build", "lint", "race", "bench", "cover", "clean", "demo", "test", "soak", "fuzz"} {
		require.True(t, found[name], "make %s is missing", name)
	}
}
