package house_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	root   = "../.."
	module = "github.com/mmring/mmring"
)

// file is one file of the repository.
type file struct {
	path string // from the root, with slashes
	text string
	ast  *ast.File // of Go files
	fset *token.FileSet
}

// dir is the package's folder.
func (f file) dir() string { return filepath.ToSlash(filepath.Dir(f.path)) }

// part is the part of the house that the file belongs to: the first folder of its path.
func (f file) part() string { return part(f.dir()) }

func part(dir string) string {
	first, _, _ := strings.Cut(dir, "/")
	return first
}

// stem is the file's name without its ending, and without _test.
func (f file) stem() string {
	name := strings.TrimSuffix(filepath.Base(f.path), filepath.Ext(f.path))
	return strings.TrimSuffix(name, "_test")
}

func (f file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

// isInternal reports whether nobody outside of this module can import the package.
func (f file) isInternal() bool { return slices.Contains(strings.Split(f.path, "/"), "internal") }

// at is where pos stands, as "path:line".
func (f file) at(pos token.Pos) string {
	p := f.fset.Position(pos)
	p.Column = 0
	return p.String()
}

// imports are the paths that the file imports.
func (f file) imports() (paths []string) {
	for _, i := range f.ast.Imports {
		paths = append(paths, strings.Trim(i.Path.Value, `"`))
	}
	return paths
}

// What make leaves behind (.gitignore), and git itself.
var notOurs = []string{".git", "bin", "cover.out", "bench.jsonl"}

// tree returns every file of the repository.
func tree(t *testing.T) []file {
	t.Helper()
	files, err := walked()
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

var walked = sync.OnceValues(func() (files []file, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case slices.Contains(notOurs, d.Name()) && d.IsDir():
			return filepath.SkipDir
		case slices.Contains(notOurs, d.Name()), d.IsDir(), strings.HasSuffix(path, ".test"), strings.HasSuffix(path, ".prof"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		f, err := parse(filepath.ToSlash(rel), string(text))
		files = append(files, f)
		return err
	})
	return files, err
})

func parse(path, text string) (f file, err error) {
	f = file{path: path, text: text}
	if strings.HasSuffix(path, ".go") {
		f.fset = token.NewFileSet()
		f.ast, err = parser.ParseFile(f.fset, path, text, parser.ParseComments)
	}
	return f, err
}
