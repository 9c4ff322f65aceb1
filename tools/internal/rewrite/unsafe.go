package rewrite

import (
	"fmt"
	"go/ast"
	"go/types"
)

// checkUnsafe refuses pointers that show the layout of a modelled type.
func (w *rewriter) checkUnsafe(n *ast.CallExpr) {
	tv := w.pkg.Info.Types[n.Fun]
	if !tv.IsType() || len(n.Args) != 1 {
		return
	}
	from, to := w.pkg.Info.TypeOf(n.Args[0]), tv.Type
	switch {
	case isUnsafePointer(to):
	case isUnsafePointer(from):
		from = to
	default:
		return
	}
	p, ok := from.Underlying().(*types.Pointer)
	if ok && (w.model.layoutChanged(p.Elem()) || isChan(p.Elem())) {
		w.refuse(n.Pos(), "unsafe pointer to %s, whose modelled form has another layout", w.typeName(p.Elem()))
	}
}

func isUnsafePointer(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Kind() == types.UnsafePointer
}

func isChan(t types.Type) bool {
	_, ok := t.Underlying().(*types.Chan)
	return ok
}

// checkReflect refuses values of modelled types given to package reflect.
func (w *rewriter) checkReflect(n *ast.CallExpr) {
	sel, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr)
	if !ok {
		return
	}
	obj := w.pkg.Info.Uses[sel.Sel]
	if obj == nil || obj.Pkg() == nil || obj.Pkg().Path() != "reflect" {
		return
	}
	for _, a := range n.Args {
		if t := w.pkg.Info.TypeOf(a); t != nil && w.model.side(pkgOf(t)) != foreign && w.model.mentions(t) {
			w.refuse(a.Pos(), "reflect.%s sees %s: its modelled form is another type", sel.Sel.Name, w.typeName(t))
		}
	}
}

func pkgOf(t types.Type) *types.Package {
	if n := namedOf(t); n != nil {
		return n.Obj().Pkg()
	}
	return nil
}

// sizeof: a size or offset that the model would change keeps its real value.
func (w *rewriter) sizeof(n *ast.CallExpr) {
	t := w.pkg.Info.TypeOf(n.Args[0])
	if sel, ok := ast.Unparen(n.Args[0]).(*ast.SelectorExpr); ok && w.builtin(n) == "Offsetof" {
		t = w.pkg.Info.TypeOf(sel.X)
		if p, ok := t.Underlying().(*types.Pointer); ok {
			t = p.Elem()
		}
	}
	if t == nil || !w.model.layoutChanged(t) {
		return
	}
	v := w.pkg.Info.Types[n].Value
	if v == nil {
		w.refuse(n.Pos(), "unsafe.%s of %s: the modelled form has another size", w.builtin(n), w.typeName(t))
		return
	}
	w.sizes = true
	w.replace(n.Pos(), n.End(), fmt.Sprintf("uintptr(%s)%s", v, w.newlines(n.Pos(), n.End())))
}
