package rewrite

import (
	"go/types"
)

// Sched is the import path of the runtime that rewritten code calls.
const Sched = "example.com/interlock/tools/sched"

// Modelled maps each standard package that has a modelled twin to the twin's
// import path.
var Modelled = map[string]string{
	"sync":        Sched + "/sync",
	"sync/atomic": Sched + "/atomic",
	"context":     Sched + "/context",
	"time":        Sched + "/time",
	"runtime":     Sched + "/runtime",
}

// A Model answers what a modelled package has and which of its types differ
// from the standard ones. A name that the twin declares as an alias of the
// standard type (time.Duration) is the same type and may cross into any
// package; a type of its own (sync.Mutex) may not.
type Model struct {
	twins map[string]*types.Package // by standard path
	ours  map[string]bool           // paths of the packages that are rewritten
}

// NewModel takes the type-checked twins, by the standard path, and the paths
// of all packages that are rewritten together.
func NewModel(twins map[string]*types.Package, rewritten []string) *Model {
	m := &Model{twins: twins, ours: make(map[string]bool)}
	for _, p := range rewritten {
		m.ours[p] = true
	}
	return m
}

// has reports whether the twin of obj's package has what obj names.
func (m *Model) has(obj types.Object) bool {
	twin := m.twins[obj.Pkg().Path()]
	if twin == nil {
		return true
	}
	fn, ok := obj.(*types.Func)
	if ok && fn.Signature().Recv() != nil {
		named := namedOf(fn.Signature().Recv().Type())
		if named == nil {
			return true // a method of an interface literal
		}
		return m.hasMember(twin, named.Obj().Name(), obj.Name())
	}
	if v, ok := obj.(*types.Var); ok && v.IsField() {
		return true // checked by the compiler: the owner is not known here
	}
	return twin.Scope().Lookup(obj.Name()) != nil
}

func (m *Model) hasMember(twin *types.Package, typ, member string) bool {
	t := twin.Scope().Lookup(typ)
	if t == nil {
		return false
	}
	found, _, _ := types.LookupFieldOrMethod(types.NewPointer(t.Type()), true, twin, member)
	if found == nil { // a pointer to an interface has no methods
		found, _, _ = types.LookupFieldOrMethod(t.Type(), true, twin, member)
	}
	return found != nil
}

// changed reports whether the named type is replaced by another one.
func (m *Model) changed(t *types.TypeName) bool {
	if t.Pkg() == nil {
		return false
	}
	twin := m.twins[t.Pkg().Path()]
	if twin == nil {
		return false
	}
	obj, ok := twin.Scope().Lookup(t.Name()).(*types.TypeName)
	if !ok {
		return true
	}
	same := namedOf(obj.Type())
	return same == nil || same.Obj().Pkg() == nil || same.Obj().Pkg().Path() != t.Pkg().Path()
}

// A side says who declares a thing.
type side int

const (
	universe side = iota // predeclared
	ours                 // rewritten, or replaced by its twin
	foreign              // left as it is
	engine               // tools/sched itself, which scenarios call
)

func (m *Model) side(p *types.Package) side {
	switch {
	case p == nil || p.Path() == "unsafe":
		return universe
	case m.ours[p.Path()] || m.twins[p.Path()] != nil:
		return ours
	case p.Path() == Sched:
		return engine
	}
	return foreign
}

// mentions reports whether a value of type t holds, takes or gives something
// that rewriting changes: a channel, or a type that has a modelled twin. A
// struct or interface that a foreign package names is closed: what it holds
// matters where it is selected.
func (m *Model) mentions(t types.Type) bool { return m.search(t, make(map[types.Type]bool)) }

func (m *Model) search(t types.Type, seen map[types.Type]bool) bool {
	if t == nil || seen[t] {
		return false
	}
	seen[t] = true
	switch t := types.Unalias(t).(type) {
	case *types.Chan:
		return true
	case *types.Named:
		return m.searchNamed(t, seen)
	case *types.Pointer:
		return m.search(t.Elem(), seen)
	case *types.Slice:
		return m.search(t.Elem(), seen)
	case *types.Array:
		return m.search(t.Elem(), seen)
	case *types.Map:
		return m.search(t.Key(), seen) || m.search(t.Elem(), seen)
	case *types.Signature:
		return m.search(t.Params(), seen) || m.search(t.Results(), seen)
	case *types.Tuple:
		for v := range t.Variables() {
			if m.search(v.Type(), seen) {
				return true
			}
		}
	case *types.Struct:
		for f := range t.Fields() {
			if m.search(f.Type(), seen) {
				return true
			}
		}
	case *types.Interface:
		for f := range t.Methods() {
			if m.search(f.Type(), seen) {
				return true
			}
		}
		for e := range t.EmbeddedTypes() {
			if m.search(e, seen) {
				return true
			}
		}
	case *types.Union:
		for term := range t.Terms() {
			if m.search(term.Type(), seen) {
				return true
			}
		}
	case *types.TypeParam:
		return m.search(t.Constraint(), seen)
	}
	return false
}

func (m *Model) searchNamed(t *types.Named, seen map[types.Type]bool) bool {
	if m.changed(t.Obj()) {
		return true
	}
	for a := range t.TypeArgs().Types() {
		if m.search(a, seen) {
			return true
		}
	}
	switch t.Underlying().(type) {
	case *types.Struct, *types.Interface:
		return false
	}
	return m.search(t.Underlying(), seen)
}

// layoutChanged reports whether a value of type t has another size or shape
// in the model: it holds, by value, a type that is replaced. (A channel is one
// pointer on both sides.)
func (m *Model) layoutChanged(t types.Type) bool {
	switch u := types.Unalias(t).(type) {
	case *types.Named:
		if m.changed(u.Obj()) {
			_, iface := u.Underlying().(*types.Interface)
			return !iface
		}
		return m.layoutChanged(u.Underlying())
	case *types.Array:
		return m.layoutChanged(u.Elem())
	case *types.Struct:
		for f := range u.Fields() {
			if m.layoutChanged(f.Type()) {
				return true
			}
		}
	}
	return false
}

// namedOf returns the named type behind aliases and one pointer.
func namedOf(t types.Type) *types.Named {
	t = types.Unalias(t)
	if p, ok := t.(*types.Pointer); ok {
		t = types.Unalias(p.Elem())
	}
	n, _ := t.(*types.Named)
	return n
}
