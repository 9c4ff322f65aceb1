package rewrite

import (
	"go/ast"
	"go/types"
)

// facts is what one look at the whole package tells before its files are
// rewritten.
type facts struct {
	conversions map[*ast.File][]conversion
	// boxed holds, for each type without its directions, the types with
	// channels of a direction that become interface values somewhere.
	boxed map[string]map[string]bool
}

func gather(m *Model, p *Package) *facts {
	f := &facts{conversions: make(map[*ast.File][]conversion), boxed: make(map[string]map[string]bool)}
	for _, file := range p.Files {
		list := conversions(p.Info, file)
		f.conversions[file] = list
		for _, c := range list {
			if types.IsInterface(c.to) && m.mentions(c.from) {
				f.box(c.from)
			}
		}
	}
	return f
}

func (f *facts) box(t types.Type) {
	key := undirected(t)
	if f.boxed[key] == nil {
		f.boxed[key] = make(map[string]bool)
	}
	f.boxed[key][types.TypeString(t, nil)] = true
}

// ambiguous reports whether an interface value of another type could pass for
// t once channels have no direction.
func (f *facts) ambiguous(t types.Type) bool {
	own := types.TypeString(t, nil)
	for other := range f.boxed[undirected(t)] {
		if other != own {
			return true
		}
	}
	return false
}

// checkAssert refuses an assertion to x's type where it needs a channel's
// direction, or finds the methods of a foreign interface.
func (w *rewriter) checkAssert(x ast.Expr) {
	tv := w.pkg.Info.Types[x]
	if !tv.IsType() || !w.model.mentions(tv.Type) {
		w.checkForeignAssert(x)
		return
	}
	if w.facts.ambiguous(tv.Type) {
		w.refuse(x.Pos(), "type assertion to %s: the package also puts a channel of another direction into an interface, and modelled channels have none", w.typeName(tv.Type))
	}
}

func (w *rewriter) checkForeignAssert(x ast.Expr) {
	n := namedOf(w.pkg.Info.TypeOf(x))
	if n == nil || w.model.side(n.Obj().Pkg()) != foreign {
		return
	}
	i, ok := n.Underlying().(*types.Interface)
	if !ok {
		return
	}
	for m := range i.Methods() {
		if w.model.mentions(m.Type()) {
			w.refuse(x.Pos(), "type assertion to %s: its method %s has %s, and package %s is not rewritten",
				w.typeName(n), m.Name(), w.culprit(m.Type()), n.Obj().Pkg().Path())
			return
		}
	}
}
