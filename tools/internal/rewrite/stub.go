package rewrite

import (
	"fmt"
	"go/ast"
	"go/types"
	"slices"
)

// stub takes back the refusals, from index first on, that lie in the bodies of
// functions, and has those functions panic instead. It returns them.
func (w *rewriter) stub(f *ast.File, first int) []*ast.FuncDecl {
	var stubs []*ast.FuncDecl
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		inside := func(r Refusal) bool { return fn.Body.Lbrace <= r.at && r.at <= fn.Body.Rbrace }
		i := slices.IndexFunc(w.refused[first:], inside)
		if i < 0 {
			continue
		}
		why := fmt.Sprintf("modeltest: refused: %v", w.refused[first+i])
		w.refused = append(w.refused[:first], slices.DeleteFunc(w.refused[first:], inside)...)
		stubs = append(stubs, fn)
		w.replace(fn.Body.Lbrace+1, fn.Body.Rbrace, fmt.Sprintf(" panic(%q) %s", why, w.newlines(fn.Body.Lbrace, fn.Body.Rbrace)))
	}
	return stubs
}

// usedOutside reports whether the file uses an import outside the stubs. One
// that is imported for its effects, or by dot, counts as used.
func (w *rewriter) usedOutside(f *ast.File, s *ast.ImportSpec, stubs []*ast.FuncDecl) bool {
	obj := w.pkg.Info.Implicits[s]
	if s.Name != nil {
		if s.Name.Name == "_" || s.Name.Name == "." {
			return true
		}
		obj = w.pkg.Info.Defs[s.Name]
	}
	pkg, ok := obj.(*types.PkgName)
	if !ok {
		return true
	}
	for id, use := range w.pkg.Info.Uses {
		if use != pkg || id.Pos() < f.FileStart || id.Pos() > f.FileEnd {
			continue
		}
		dropped := slices.ContainsFunc(stubs, func(fn *ast.FuncDecl) bool {
			return fn.Body.Lbrace < id.Pos() && id.Pos() < fn.Body.Rbrace
		})
		if !dropped {
			return true
		}
	}
	return false
}
