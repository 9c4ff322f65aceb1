package rewrite

import (
	"fmt"
	"go/ast"
	"go/types"
	"go/version"
	"strings"
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

// refusedImports are packages whose whole point is out of the model's reach.
var refusedImports = map[string]string{
	"C":                "cgo runs where the scheduler cannot see it",
	"testing/synctest": "a synctest bubble has a scheduler and a clock of its own",
}

// refusedNames are functions that run code on goroutines which the scheduler
// does not know, or look at channels from outside.
var refusedNames = map[string]string{
	"iter.Pull":          "runs the sequence on a coroutine of its own",
	"iter.Pull2":         "runs the sequence on a coroutine of its own",
	"reflect.Select":     "works on real channels",
	"reflect.ChanOf":     "makes real channel types",
	"reflect.MakeChan":   "makes real channels",
	"reflect.Value.Send": "works on real channels", "reflect.Value.TrySend": "works on real channels",
	"reflect.Value.Recv": "works on real channels", "reflect.Value.TryRecv": "works on real channels",
	"reflect.Value.Close":  "works on real channels",
	"reflect.Type.ChanDir": "asks for a channel's direction", "reflect.Value.UnsafePointer": "takes a modelled value apart",
}

// checkFile refuses what concerns a file as a whole.
func (w *rewriter) checkFile() {
	for _, s := range w.syntax.Imports {
		path := strings.Trim(s.Path.Value, "`\"")
		if why := refusedImports[path]; why != "" {
			w.refuse(s.Pos(), "import of %s: %s", path, why)
		}
	}
	for _, g := range w.syntax.Comments {
		for _, c := range g.List {
			if strings.HasPrefix(c.Text, "//go:linkname ") {
				w.refuse(c.Pos(), "go:linkname reaches around the packages that are rewritten")
			}
		}
	}
	for _, c := range w.facts.conversions[w.syntax] {
		w.checkConversion(c)
	}
}

// checkNode refuses what the node alone shows.
func (w *rewriter) checkNode(n ast.Node) {
	switch n := n.(type) {
	case *ast.Ident:
		if obj := w.pkg.Info.Uses[n]; obj != nil {
			w.checkUse(n, obj)
		}
	case *ast.SelectorExpr:
		w.checkPath(n)
	case *ast.TypeAssertExpr:
		if n.Type != nil {
			w.checkAssert(n.Type)
		}
	case *ast.TypeSwitchStmt:
		for _, c := range n.Body.List {
			for _, t := range c.(*ast.CaseClause).List {
				w.checkAssert(t)
			}
		}
	case *ast.FuncDecl:
		w.checkFunc(n)
	case *ast.StructType:
		w.checkEmbedded(n)
	case *ast.CallExpr:
		w.checkUnsafe(n)
		w.checkReflect(n)
	case *ast.CompositeLit:
		w.checkUnkeyed(n)
	case *ast.InterfaceType:
		w.checkUnion(n)
	}
}

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
	if !ok {
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

// checkFunc refuses methods on defined channel types, which become pointers,
// and assembly that takes modelled types.
func (w *rewriter) checkFunc(n *ast.FuncDecl) {
	fn, ok := w.pkg.Info.Defs[n.Name].(*types.Func)
	if !ok {
		return
	}
	if recv := fn.Signature().Recv(); recv != nil {
		if named := namedOf(recv.Type()); named != nil {
			if _, ok := named.Underlying().(*types.Chan); ok {
				w.refuse(n.Pos(), "method on the channel type %s: its modelled form is a pointer and has no methods", w.typeName(named))
			}
		}
	}
	if n.Body == nil && w.model.mentions(fn.Type()) {
		w.refuse(n.Pos(), "func %s has no body and deals in %s", n.Name.Name, w.culprit(fn.Type()))
	}
}

func (w *rewriter) checkEmbedded(n *ast.StructType) {
	for _, f := range n.Fields.List {
		if len(f.Names) > 0 {
			continue
		}
		if named, ok := types.Unalias(w.pkg.Info.TypeOf(f.Type)).(*types.Named); ok {
			if _, ok := named.Underlying().(*types.Chan); ok {
				w.refuse(f.Pos(), "embedding of the channel type %s: its modelled form is a pointer", w.typeName(named))
			}
		}
	}
}

// checkUnion refuses constraints that tell channels apart by direction alone,
// or mix them with other types.
func (w *rewriter) checkUnion(n *ast.InterfaceType) {
	seen := make(map[string]bool)
	for _, t := range setOf(w.pkg.Info.TypeOf(n), nil) {
		if _, ok := t.Underlying().(*types.Chan); !ok {
			continue
		}
		if key := undirected(t); seen[key] {
			w.refuse(n.Pos(), "constraint with %s in two directions: modelled channels have none", w.typeName(t))
			return
		} else {
			seen[key] = true
		}
	}
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

func (w *rewriter) languageAtLeast(v string) bool {
	file := w.pkg.Info.FileVersions[w.syntax]
	return file == "" || version.Compare(file, v) >= 0
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
