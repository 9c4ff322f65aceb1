package rewrite

import (
	"go/ast"
	"go/types"
)

// checkUse refuses a use of something that is not modelled, or of a foreign
// thing that deals in real channels and the like.
func (w *rewriter) checkUse(id *ast.Ident, obj types.Object) {
	if obj.Pkg() == nil {
		return
	}
	if _, ok := obj.(*types.PkgName); ok {
		return
	}
	name := qualified(obj)
	if why := refusedNames[name]; why != "" {
		w.refuse(id.Pos(), "%s %s", name, why)
		return
	}
	if Modelled[obj.Pkg().Path()] != "" {
		if !w.model.has(obj) {
			w.refuse(id.Pos(), "%s is not modelled", name)
		}
		return
	}
	if w.model.side(obj.Pkg()) != foreign {
		return
	}
	if what := w.crossing(obj); what != "" {
		w.refuse(id.Pos(), "%s %s package %s, which is not rewritten", name, what, obj.Pkg().Path())
	}
}

// crossing says how a foreign object brings modelled types together with real
// ones, or "".
func (w *rewriter) crossing(obj types.Object) string {
	switch obj := obj.(type) {
	case *types.TypeName:
		switch t := obj.Type().(type) {
		case *types.Alias:
			if w.model.mentions(t) {
				return "is a type with " + w.culprit(t) + " of"
			}
		case *types.Named:
			switch t.Underlying().(type) {
			case *types.Struct, *types.Interface:
				return ""
			}
			if w.model.mentions(t.Underlying()) {
				return "is a type with " + w.culprit(t.Underlying()) + " of"
			}
		}
	case *types.Func:
		if sig := obj.Origin().Signature(); w.model.mentions(sig) {
			return "passes " + w.culprit(sig) + " to or from"
		}
	case *types.Var:
		if t := obj.Origin().Type(); w.model.mentions(t) {
			return "holds " + w.culprit(t) + " of"
		}
	}
	return ""
}

// culprit names the first modelled thing in t.
func (w *rewriter) culprit(t types.Type) string {
	found := ""
	var look func(t types.Type, depth int)
	look = func(t types.Type, depth int) {
		if found != "" || depth > 6 || !w.model.mentions(t) {
			return
		}
		switch u := types.Unalias(t).(type) {
		case *types.Chan:
			found = "a channel"
		case *types.Named:
			if w.model.changed(u.Obj()) {
				found = "a " + u.Obj().Pkg().Name() + "." + u.Obj().Name()
				return
			}
			for a := range u.TypeArgs().Types() {
				look(a, depth+1)
			}
			look(u.Underlying(), depth+1)
		case *types.Signature:
			for v := range u.Params().Variables() {
				look(v.Type(), depth+1)
			}
			for v := range u.Results().Variables() {
				look(v.Type(), depth+1)
			}
		case *types.Pointer:
			look(u.Elem(), depth+1)
		case *types.Slice:
			look(u.Elem(), depth+1)
		case *types.Array:
			look(u.Elem(), depth+1)
		case *types.Map:
			look(u.Key(), depth+1)
			look(u.Elem(), depth+1)
		case *types.Struct:
			for f := range u.Fields() {
				look(f.Type(), depth+1)
			}
		case *types.Interface:
			for f := range u.Methods() {
				look(f.Type(), depth+1)
			}
		}
	}
	look(t, 0)
	if found == "" {
		return "a modelled type"
	}
	return found
}

// checkPath refuses a selection that reaches a modelled thing by way of a
// foreign type: the mutex that a foreign struct embeds is a real one.
func (w *rewriter) checkPath(n *ast.SelectorExpr) {
	sel := w.pkg.Info.Selections[n]
	if sel == nil || w.model.side(sel.Obj().Pkg()) != ours || !w.touches(sel.Obj()) {
		return
	}
	t := sel.Recv()
	for i, k := range sel.Index() {
		if named := namedOf(t); named != nil && w.model.side(named.Obj().Pkg()) == foreign {
			w.refuse(n.Sel.Pos(), "%s of %s is a real one: package %s is not rewritten", n.Sel.Name, w.typeName(named), named.Obj().Pkg().Path())
			return
		}
		if i == len(sel.Index())-1 {
			return
		}
		if p, ok := t.Underlying().(*types.Pointer); ok {
			t = p.Elem()
		}
		s, ok := t.Underlying().(*types.Struct)
		if !ok {
			return
		}
		t = s.Field(k).Type()
	}
}

// touches reports whether the field or method is of, or deals in, a type that
// is replaced.
func (w *rewriter) touches(obj types.Object) bool {
	if fn, ok := obj.(*types.Func); ok {
		if recv := fn.Signature().Recv(); recv != nil {
			if n := namedOf(recv.Type()); n != nil && w.model.changed(n.Obj()) {
				return true
			}
		}
	}
	return w.model.mentions(obj.Type())
}

// checkConversion refuses an interface that would join the two sides: a real
// context passed as a modelled one, or a modelled one as a real one.
func (w *rewriter) checkConversion(c conversion) {
	to, ok := c.to.Underlying().(*types.Interface)
	if !ok || !w.checkMethodsKept(c, to) {
		return
	}
	for m := range to.Methods() {
		if !w.model.mentions(m.Type()) {
			continue
		}
		obj, _, _ := types.LookupFieldOrMethod(c.from, true, m.Pkg(), m.Name())
		if obj == nil || obj.Pkg() == nil {
			continue
		}
		from, want := w.model.side(obj.Pkg()), w.model.side(m.Pkg())
		if n := namedOf(c.from); n != nil && n.Obj().Pkg() != nil {
			from = w.model.side(n.Obj().Pkg())
		}
		if n := namedOf(c.to); n != nil && n.Obj().Pkg() != nil {
			want = w.model.side(n.Obj().Pkg())
		}
		if from != want && (from == foreign || want == foreign) {
			w.refuse(c.pos, "%s becomes %s here: its method %s has %s, and one of them is not rewritten",
				w.typeName(c.from), w.typeName(c.to), m.Name(), w.culprit(m.Type()))
			return
		}
	}
}

// qualified names an object as a reader would: time.After, context.Context.Done.
func qualified(obj types.Object) string {
	name := obj.Name()
	if fn, ok := obj.(*types.Func); ok {
		if recv := fn.Signature().Recv(); recv != nil {
			n := namedOf(recv.Type())
			switch {
			case n == nil:
			case n.Obj().Exported():
				name = n.Obj().Name() + "." + name
			default: // promoted from a type that the reader does not know
				return "the method " + name
			}
		}
	}
	return obj.Pkg().Name() + "." + name
}

// checkUnkeyed refuses T{ctx} for a foreign T: no identifier names the field.
func (w *rewriter) checkUnkeyed(n *ast.CompositeLit) {
	named := namedOf(w.pkg.Info.TypeOf(n))
	if named == nil || w.model.side(named.Obj().Pkg()) != foreign || len(n.Elts) == 0 {
		return
	}
	s, ok := named.Underlying().(*types.Struct)
	if _, keyed := n.Elts[0].(*ast.KeyValueExpr); !ok || keyed {
		return
	}
	for f := range s.Fields() {
		if w.model.mentions(f.Type()) {
			w.refuse(n.Pos(), "%s holds %s of package %s, which is not rewritten", w.typeName(named), w.culprit(f.Type()), named.Obj().Pkg().Path())
			return
		}
	}
}
