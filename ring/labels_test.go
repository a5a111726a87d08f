package ring_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var label = regexp.MustCompile(`\b[CEGMNRSVWXZ][0-9]\b`)

// labelsInCode returns the labels of this package's comments: everywhere, those inside of functions as "label file.go:
// function", and the names of all functions.
func labelsInCode(t *testing.T) (all, places, functions map[string]bool) {
	t.Helper()
	all, places, functions = map[string]bool{}, map[string]bool{}, map[string]bool{}
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	names = slices.DeleteFunc(names, func(n string) bool { return strings.HasSuffix(n, "_test.go") })
	require.NotEmpty(t, names)
	for _, name := range names {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		require.NoError(t, err)
		for _, group := range file.Comments {
			for _, l := range label.FindAllString(group.Text(), -1) {
				all[l] = true
				if f := functionAt(file, group.Pos()); f != "" {
					places[l+" "+name+": "+f] = true
				}
			}
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				functions[name+": "+f.Name.Name] = true
			}
		}
	}
	return all, places, functions
}

func functionAt(file *ast.File, at token.Pos) string {
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil && f.Body.Pos() <= at && at < f.Body.End() {
			return f.Name.Name
		}
	}
	return ""
}

// tableRows returns the cells of the rows of all tables between the headings from and to of a document.
func tableRows(t *testing.T, doc, from, to string) (rows [][]string) {
	t.Helper()
	b, err := os.ReadFile("../docs/" + doc)
	require.NoError(t, err)
	_, text, ok := strings.Cut(string(b), "\n"+from+"\n")
	require.True(t, ok, "%s has no heading %q", doc, from)
	if to != "" {
		text, _, ok = strings.Cut(text, "\n"+to+"\n")
		require.True(t, ok, "%s has no heading %q", doc, to)
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|--") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	require.NotEmpty(t, rows, "%s has no table between %q and %q", doc, from, to)
	return rows
}

func TestEveryLabelIsInCodeAndInOrdering(t *testing.T) {
	all, places, _ := labelsInCode(t)
	listed, known := map[string]bool{}, map[string]bool{}
	for _, row := range tableRows(t, "ordering.md", "## Labels", "## Pairs")[1:] {
		known[row[0]] = true
		for place := range strings.SplitSeq(row[1], ", ") {
			listed[row[0]+" "+strings.Trim(place, "`")] = true
		}
	}
	require.Equal(t, sorted(all), sorted(known), "labels in comments, and in the first column of docs/ordering.md")
	require.Equal(t, sorted(places), sorted(listed), "labels and their functions, in the code and in docs/ordering.md")
}

func TestEveryLabelOfAPairIsKnown(t *testing.T) {
	all, _, _ := labelsInCode(t)
	for _, row := range tableRows(t, "ordering.md", "## Pairs", "## On amd64 and arm64")[1:] {
		for _, l := range label.FindAllString(row[0], -1) {
			require.True(t, all[l], "%s is not in the code", l)
		}
	}
}

func TestEveryCrashPointIsInTheCode(t *testing.T) {
	all, places, functions := labelsInCode(t)
	named := map[string]bool{}
	for _, row := range tableRows(t, "recovery.md", "## Crash points", "## What is not repaired") {
		if len(row) != 5 || row[0] == "name" {
			continue
		}
		place := strings.Trim(row[1], "`")
		require.True(t, functions[place], "%s: the code has no %q", row[0], place)
		for _, l := range label.FindAllString(row[0], -1) {
			named[l] = true
			require.True(t, all[l], "%s is not in the code", l)
			require.True(t, places[l+" "+place], "%s does not stand in %s", l, place)
		}
	}
	for l := range all { // every step of recovery, of a slot and of the writer's counters is a place to die at
		if strings.ContainsAny(l[:1], "CGNSEX") || slices.Contains([]string{"W1", "W4", "W5", "R2", "M0"}, l) {
			if slices.Contains([]string{"S2", "E2", "E3", "G2", "G7"}, l) { // fences and loads change no byte
				continue
			}
			require.True(t, named[l], "%s is in the code and not a crash point of docs/recovery.md", l)
		}
	}
}

func sorted(m map[string]bool) []string { return slices.Sorted(maps.Keys(m)) }
