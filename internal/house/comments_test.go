package house_test

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func exportedNamesAreDocumented(f file) (wrong []string) {
	if f.ast == nil || f.isTest() || f.ast.Name.Name == "main" {
		return nil
	}
	for _, d := range f.ast.Decls {
		for _, name := range undocumented(d) {
			wrong = append(wrong, fmt.Sprintf("%s: %s has no comment", f.at(d.Pos()), name))
		}
	}
	return wrong
}

// undocumented returns the exported names of a declaration that have no comment. What a group says holds for all of it.
func undocumented(d ast.Decl) (names []string) {
	if fn, ok := d.(*ast.FuncDecl); ok {
		if fn.Doc == nil && fn.Name.IsExported() && ofExportedType(fn) {
			names = append(names, fn.Name.Name)
		}
		return names
	}
	group := d.(*ast.GenDecl)
	if group.Doc != nil {
		return nil
	}
	for _, spec := range group.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && s.Doc == nil {
				names = append(names, s.Name.Name)
			}
		case *ast.ValueSpec:
			for _, n := range s.Names {
				if n.IsExported() && s.Doc == nil && s.Comment == nil {
					names = append(names, n.Name)
				}
			}
		}
	}
	return names
}

// ofExportedType reports whether fn is a function, or a method of an exported type.
func ofExportedType(fn *ast.FuncDecl) bool {
	if fn.Recv == nil {
		return true
	}
	of := fn.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	name, ok := of.(*ast.Ident)
	return !ok || name.IsExported()
}

// A comment that an empty line cuts off from its package is lost.
func packageCommentsAreAttached(f file) (wrong []string) {
	if f.ast == nil || f.ast.Doc != nil {
		return nil
	}
	for _, group := range f.ast.Comments {
		if group.Pos() < f.ast.Package && strings.HasPrefix(group.Text(), "Package ") {
			wrong = append(wrong, f.path+": the package comment is cut off")
		}
	}
	return wrong
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	var silent, said []string
	for _, f := range tree(t) {
		switch {
		case f.ast == nil:
		case f.ast.Doc != nil:
			said = append(said, f.dir())
		default:
			silent = append(silent, f.dir())
		}
	}
	silent = slices.DeleteFunc(silent, func(dir string) bool { return slices.Contains(said, dir) })
	slices.Sort(silent)
	require.Empty(t, slices.Compact(silent), "no package comment")
}
