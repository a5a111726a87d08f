package house_test

import (
	"fmt"
	"go/ast"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A rule looks at one file and says what is wrong with it, "path:line: text" each.
type rule func(f file) (wrong []string)

// below lists what each part of the house may import of the house, besides itself.
var below = map[string][]string{
	"internal":         {},
	"shm":              {"internal"},
	"lock":             {"internal"},
	"ring":             {"lock", "shm", "internal"},
	"cmd":              {"bench", "ring", "lock", "shm", "internal"}, // of bench its contenders
	"bench":            {"ring", "lock", "shm", "internal"},
	"integration_test": {"ring", "lock", "shm", "internal"},
	"examples":         {"ring", "lock", "shm"}, // they are written as users write
}

func importsOneWay(f file) (wrong []string) {
	if f.ast == nil {
		return nil
	}
	allowed, known := below[f.part()]
	if !known {
		return []string{f.path + ": no rule for the imports of " + f.part()}
	}
	if f.isTest() && f.part() == "examples" { // what tests them is none of them
		allowed = append(slices.Clone(allowed), "internal")
	}
	for _, path := range f.imports() {
		to, ours := strings.CutPrefix(path, module+"/")
		if ours && part(to) != f.part() && !slices.Contains(allowed, part(to)) {
			wrong = append(wrong, f.path+": imports "+to)
		}
	}
	return wrong
}

// foreign lists what each part, or a folder with needs of its own, may import from other modules. Tests may import testify
// and its like besides.
var foreign = map[string][]string{
	"internal/measure": {"golang.org/x/sys/unix", "github.com/HdrHistogram/hdrhistogram-go"}, // of bench and the tool
	"internal":         {"golang.org/x/sys/unix"},
	"shm":              {"golang.org/x/sys/unix"},
	"lock":             {"golang.org/x/sys/unix", "github.com/gofrs/flock"},
	"ring":             {"golang.org/x/sys/unix"},
	"cmd":              {"golang.org/x/sys/unix", "github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/HdrHistogram/hdrhistogram-go"},
	"bench":            {"golang.org/x/sys/unix", "github.com/HdrHistogram/hdrhistogram-go"},
}

var foreignInTests = regexp.MustCompile(`^(github\.com/stretchr/testify|github\.com/rogpeppe/go-internal|golang\.org/x/sys)/`)

func importsAgreedModules(f file) (wrong []string) {
	if f.ast == nil {
		return nil
	}
	allowed, special := foreign[f.dir()]
	if !special {
		allowed = foreign[f.part()]
	}
	for _, path := range f.imports() {
		host, _, _ := strings.Cut(path, "/")
		switch {
		case !strings.Contains(host, "."), strings.HasPrefix(path, module+"/"): // the standard library, ourselves
		case f.isTest() && foreignInTests.MatchString(path):
		case !slices.Contains(allowed, path):
			wrong = append(wrong, f.path+": imports "+path)
		}
	}
	return wrong
}

// forTests are packages that only tests import.
var forTests = []string{"internal/proctest", "ring/ringtest"}

func testingStaysInTests(f file) (wrong []string) {
	if f.ast == nil || f.isTest() || slices.Contains(forTests, f.dir()) {
		return nil
	}
	for _, path := range f.imports() {
		if path == "testing" || slices.Contains(forTests, strings.TrimPrefix(path, module+"/")) {
			wrong = append(wrong, f.path+": imports "+path)
		}
	}
	return wrong
}

func unsafeIsNamed(f file) (wrong []string) {
	if f.ast != nil && slices.Contains(f.imports(), "unsafe") && !strings.HasSuffix(f.stem(), "_unsafe") {
		wrong = append(wrong, f.path+": imports unsafe and is not named so")
	}
	return wrong
}

// systems matches a build constraint that names systems, and a file name that does.
var (
	systems     = regexp.MustCompile(`(?m)^//go:build .*\b(linux|unix|darwin|freebsd)\b`)
	systemNamed = regexp.MustCompile(`_(linux|unix|darwin|freebsd|other)(_|$)`)
)

// isPlatform reports whether f is built on some systems only.
func isPlatform(f file) bool {
	head, _, _ := strings.Cut(f.text, "\npackage ")
	return systemNamed.MatchString(f.stem()) || systems.MatchString(head)
}

var rawCall = regexp.MustCompile(`^(Raw)?Syscall`)

func systemCallsHaveTheirPlaces(f file) (wrong []string) {
	if f.ast == nil || f.isInternal() || isPlatform(f) {
		return nil
	}
	if slices.Contains(f.imports(), "golang.org/x/sys/unix") {
		wrong = append(wrong, f.path+": imports golang.org/x/sys/unix and is for all systems")
	}
	return append(wrong, uses(f, "syscall", rawCall)...)
}

func nothingSleeps(f file) []string { return uses(f, "time", regexp.MustCompile(`^Sleep$`)) }

// uses finds names of an imported package.
func uses(f file, pkg string, name *regexp.Regexp) (wrong []string) {
	if f.ast == nil {
		return nil
	}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if of, ok := s.X.(*ast.Ident); ok && of.Name == pkg && name.MatchString(s.Sel.Name) {
			wrong = append(wrong, fmt.Sprintf("%s: %s.%s", f.at(s.Pos()), pkg, s.Sel.Name))
		}
		return true
	})
	return wrong
}

func skippingHasAReason(f file) (wrong []string) {
	if f.ast == nil {
		return nil
	}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if s, ok := call.Fun.(*ast.SelectorExpr); ok && (s.Sel.Name == "SkipNow" || s.Sel.Name == "Skip" && len(call.Args) == 0) {
			wrong = append(wrong, f.at(call.Pos())+": skips without a word")
		}
		return true
	})
	return wrong
}

const (
	longestFile     = 500 // lines
	longestFunction = 70
)

func filesAndFunctionsAreShort(f file) (wrong []string) {
	switch filepath.Ext(f.path) {
	case ".go", ".s", ".sh", ".c", ".h", ".py", ".rs", ".java":
	default:
		return nil
	}
	if n := strings.Count(f.text, "\n"); n > longestFile {
		wrong = append(wrong, fmt.Sprintf("%s: %d lines: more than one job", f.path, n))
	}
	if f.ast == nil || f.isTest() { // tables of tests may be long
		return wrong
	}
	for _, d := range f.ast.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			if n := f.fset.Position(fn.End()).Line - f.fset.Position(fn.Pos()).Line + 1; n > longestFunction {
				wrong = append(wrong, fmt.Sprintf("%s: %s has %d lines: two ideas", f.at(fn.Pos()), fn.Name.Name, n))
			}
		}
	}
	return wrong
}

// Spelled in pieces, so that this file does not break its own rule.
var unwanted = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b` +
	`|(^|[\s"'=(:])/(wo` + `rk|ro` + `ot|ho` + `me)(/|\b)` + // paths of one machine
	`|proxy\.gol` + `ang\.org|deb\.deb` + `ian\.org`)

func nothingUnfinishedNothingPrivate(f file) (wrong []string) {
	for i, line := range strings.Split(f.text, "\n") {
		if found := unwanted.FindString(line); found != "" {
			wrong = append(wrong, fmt.Sprintf("%s:%d: %s", f.path, i+1, strings.TrimSpace(found)))
		}
	}
	return wrong
}
