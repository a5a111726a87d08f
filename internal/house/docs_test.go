package house_test

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
)

// A relative link leads to a file of the repository and, in a document, to a heading.
func linksLeadSomewhere(f file) (wrong []string) {
	if !strings.HasSuffix(f.path, ".md") {
		return nil
	}
	for _, m := range link.FindAllStringSubmatch(f.text, -1) {
		if strings.Contains(m[1], "://") {
			continue
		}
		to, anchor, _ := strings.Cut(m[1], "#")
		if to = path.Join(path.Dir(f.path), to); strings.HasPrefix(m[1], "#") {
			to = f.path
		}
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(to)))
		_, missing := os.Stat(filepath.Join(root, filepath.FromSlash(to)))
		if missing != nil || anchor != "" && (err != nil || !slices.Contains(anchors(string(text)), anchor)) {
			wrong = append(wrong, fmt.Sprintf("%s: %q leads nowhere", f.path, m[1]))
		}
	}
	return wrong
}

// anchors are what a document's headings are linked by.
func anchors(text string) (all []string) {
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		word := func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case strings.ContainsRune("-_", r), r >= 'a' && r <= 'z', r >= '0' && r <= '9':
				return r
			}
			return -1
		}
		all = append(all, strings.Map(word, strings.ToLower(m[1])))
	}
	return all
}

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
		regexp.MustCompile(`\b[CEGMNRSVWXZ][0-9]\b`),
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

// The table of packages and the list of files in docs/design.md.
func TestTheDesignDocumentKnowsTheHouse(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "design.md"))
	require.NoError(t, err)
	_, packages, ok := strings.Cut(string(text), "\n## Packages\n")
	require.True(t, ok)
	packages, _, ok = strings.Cut(packages, "\n## ")
	require.True(t, ok)
	documented := map[string][]string{}
	for line := range strings.Lines(packages) {
		if cells := strings.Split(line, "|"); len(cells) == 5 && strings.Contains(cells[1], "`") {
			word := regexp.MustCompile(`[a-z_]+`)
			documented[word.FindString(cells[1])] = append([]string{}, word.FindAllString(cells[3], -1)...)
		}
	}
	require.Equal(t, below, documented)
	files := regexp.MustCompile(`[a-z_]+\.go`).FindAllString(packages, -1)
	require.NotEmpty(t, files)
	for _, name := range files {
		require.FileExists(t, filepath.Join(root, "ring", name))
	}
}
