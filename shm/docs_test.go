package shm_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func manual(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/shm.md")
	require.NoError(t, err)
	return string(text)
}

// exported returns every name that users of the package see: types, functions, methods, constants, variables and options.
func exported(t *testing.T) (names []string) {
	t.Helper()
	sources, err := filepath.Glob("*.go")
	require.NoError(t, err)
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range sources {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		require.NoError(t, err)
		files = append(files, f)
	}
	p, err := doc.NewFromFiles(set, files, "shm")
	require.NoError(t, err)
	values := func(all []*doc.Value) {
		for _, v := range all {
			names = append(names, v.Names...)
		}
	}
	functions := func(all []*doc.Func) {
		for _, f := range all {
			names = append(names, f.Name)
		}
	}
	values(p.Consts)
	values(p.Vars)
	functions(p.Funcs)
	for _, of := range p.Types {
		names = append(names, of.Name)
		values(of.Consts)
		values(of.Vars)
		functions(of.Funcs)
		if of.Name == "Map" {
			functions(of.Methods)
		}
		if s, ok := of.Decl.Specs[0].(*ast.TypeSpec).Type.(*ast.StructType); ok && of.Name == "Options" {
			for _, field := range s.Fields.List {
				names = append(names, field.Names[0].Name)
			}
		}
	}
	return names
}

func TestTheManualKnowsEveryName(t *testing.T) {
	text := manual(t)
	names := exported(t)
	require.Greater(t, len(names), 100)
	unmentioned := map[string]bool{ // what a name that is there stands for
		"Access": true, "Advice": true, "FlushFlag": true, "Seal": true, "Map": true, "Options": true,
		"SealShrink": true, "SealGrow": true, "SealFutureWrite": true, "SealSeals": true, "allSeals": true, "Normal": true,
	}
	for _, name := range names {
		if ast.IsExported(name) && !unmentioned[name] {
			require.Regexp(t, `\b`+name+`\b`, text)
		}
	}
}

// The table of advice is what the files for the systems say.
func TestTheManualSaysWhichSystemKnowsWhichAdvice(t *testing.T) {
	row := regexp.MustCompile("(?m)^\\|[^|]*\\| `(\\w+)` \\| (yes )?\\| (yes )?\\| (yes )?\\| (yes )?\\|$")
	documented := map[string][]string{}
	for _, m := range row.FindAllStringSubmatch(manual(t), -1) {
		for i, system := range []string{"linux", "darwin", "freebsd", "other"} {
			if m[2+i] != "" {
				documented[system] = append(documented[system], m[1])
			}
		}
	}
	for _, system := range []string{"linux", "darwin", "freebsd", "other"} {
		source, err := os.ReadFile("advise_" + system + ".go")
		require.NoError(t, err)
		var known []string
		for _, m := range regexp.MustCompile(`(?m)^\t(\w+):\s+unix\.MADV_`).FindAllStringSubmatch(string(source), -1) {
			known = append(known, m[1])
		}
		require.NotEmpty(t, known)
		require.ElementsMatch(t, known, documented[system], system)
	}
}
