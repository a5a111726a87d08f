package house_test

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// names returns which names of a kind stand in text.
func names(kind *regexp.Regexp, text string) []string {
	found := map[string]bool{}
	for _, n := range kind.FindAllString(text, -1) {
		found[n] = true
	}
	return slices.Sorted(maps.Keys(found))
}

func TestTheModelsAreThoseOfTheirTable(t *testing.T) {
	kinds := []*regexp.Regexp{
		regexp.MustCompile(`\b[CEMNRSVWZ][0-9]\b`),
		regexp.MustCompile(`\bVARIANT_[A-Z0-9_]+`),
		regexp.MustCompile(`\bBUG_[A-Z0-9_]+`),
	}
	rows := map[string][]string{}
	models := map[string]string{}
	var ordering string
	for _, f := range tree(t) {
		switch {
		case f.path == "docs/model/README.md":
			for line := range strings.Lines(f.text) {
				if cells := strings.Split(line, "|"); len(cells) == 7 && strings.Contains(cells[1], ".pml") {
					rows[names(regexp.MustCompile(`[a-z]+\.pml`), cells[1])[0]] = cells[3:6]
				}
			}
		case path.Dir(f.path) == "docs/model" && path.Ext(f.path) == ".pml":
			models[path.Base(f.path)] = f.text
		case f.path == "docs/ordering.md":
			ordering = f.text
		}
	}
	require.NotEmpty(t, models)
	require.ElementsMatch(t, slices.Collect(maps.Keys(models)), slices.Collect(maps.Keys(rows)))
	for name, text := range models {
		head, _, ok := strings.Cut(text, "*/")
		require.True(t, ok, "%s has no head", name)
		for i, kind := range kinds {
			require.Equal(t, names(kind, text), names(kind, rows[name][i]), "%s, column %d", name, i)
		}
		for _, kind := range kinds[1:] {
			require.Equal(t, names(kind, text), names(kind, head), "the head of %s", name)
		}
		for _, label := range names(kinds[0], text) {
			require.Contains(t, ordering, "\n| "+label+" |", name)
		}
	}
	for _, bug := range names(kinds[2], ordering) {
		require.Contains(t, fmt.Sprint(models), bug, "docs/ordering.md")
	}
}
