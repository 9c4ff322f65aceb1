package rewrite

import (
	"go/ast"
	"go/token"
	"go/types"
)

// A defined channel type becomes a pointer, and a pointer has no methods of
// its own. Hence its methods become functions that take the receiver first:
//
//	func (l limiter) acquire(n int)   func __limiter_acquire(l limiter, n int)
//	l.acquire(2)                      __limiter_acquire(l, 2)
//
// What only a method can do is refused: to satisfy an interface, to be
// promoted, and to be a value with its receiver bound.

// chanMethod returns fn's receiver type if that is a defined channel type or
// a pointer to one.
func chanMethod(fn *types.Func) *types.Named {
	recv := fn.Signature().Recv()
	if recv == nil {
		return nil
	}
	named := namedOf(recv.Type())
	if named == nil {
		return nil
	}
	if _, ok := named.Underlying().(*types.Chan); !ok {
		return nil
	}
	return named
}

// methodName is the name of the function that a method becomes.
func (w *rewriter) methodName(named *types.Named, fn *types.Func) string {
	return w.prefix + named.Obj().Name() + "_" + fn.Name()
}

// methodDecl turns the declaration of a method on a channel type into one of a
// function.
func (w *rewriter) methodDecl(n *ast.FuncDecl, fn *types.Func, named *types.Named) {
	if named.TypeParams().Len() > 0 {
		w.refuse(n.Pos(), "method on the generic channel type %s: its modelled form is a pointer and has no methods", w.typeName(named.Origin()))
		return
	}
	recv, params := n.Recv.List[0], n.Type.Params
	w.replace(n.Recv.Opening, n.Recv.Opening+1, w.methodName(named, fn)+"(")
	if len(recv.Names) == 0 {
		w.open(recv.Type.Pos(), "_ ")
	}
	comma := ""
	if len(params.List) > 0 {
		comma = ", "
	}
	w.replace(recv.End(), params.Opening+1, comma+w.newlines(recv.End(), params.Opening))
	for _, p := range params.List {
		if len(p.Names) == 0 {
			w.open(p.Type.Pos(), "_ ")
		}
	}
}

// methodUse rewrites a selection of a method of a channel type.
func (w *rewriter) methodUse(n *ast.SelectorExpr) {
	sel := w.pkg.Info.Selections[n]
	if sel == nil || w.handled[n] {
		return
	}
	fn, ok := sel.Obj().(*types.Func)
	if !ok {
		return
	}
	named := chanMethod(fn)
	switch {
	case named == nil || named.TypeParams().Len() > 0 || w.model.side(fn.Pkg()) != ours:
		return
	case fn.Pkg().Path() != w.pkg.Types.Path():
		w.refuse(n.Pos(), "method %s of the channel type %s of another package: its modelled form is a pointer and has no methods", fn.Name(), w.typeName(named))
		return
	case sel.Kind() == types.MethodExpr && isPointer(sel.Recv()) == isPointer(fn.Signature().Recv().Type()):
		w.replace(n.Pos(), n.End(), w.methodName(named, fn)+w.newlines(n.Pos(), n.End()))
		return
	}
	call, ok := w.parent(1).(*ast.CallExpr)
	if !ok || call.Fun != n || sel.Kind() != types.MethodVal {
		w.refuse(n.Pos(), "method %s of the channel type %s as a value: its modelled form is a pointer and has no methods", fn.Name(), w.typeName(named))
		return
	}
	w.open(n.X.Pos(), w.methodName(named, fn)+"("+receiver(sel, fn))
	w.receiverEnd(n, call)
}

// receiverEnd puts a comma in the place of the method's name.
func (w *rewriter) receiverEnd(n *ast.SelectorExpr, call *ast.CallExpr) {
	comma := ""
	if len(call.Args) > 0 {
		comma = ", "
	}
	w.replace(n.X.End(), call.Lparen+1, comma+w.newlines(n.X.End(), call.Lparen))
}

// goMethod writes a go statement that calls a method of a channel type.
func (w *rewriter) goMethod(n *ast.GoStmt) bool {
	sel, ok := n.Call.Fun.(*ast.SelectorExpr)
	if !ok || w.pkg.Info.Selections[sel] == nil {
		return false
	}
	s := w.pkg.Info.Selections[sel]
	fn, ok := s.Obj().(*types.Func)
	if !ok || s.Kind() != types.MethodVal {
		return false
	}
	named := chanMethod(fn)
	if named == nil || named.TypeParams().Len() > 0 || fn.Pkg().Path() != w.pkg.Types.Path() {
		return false
	}
	w.handled[sel] = true
	sig := fn.Signature()
	all := []*types.Var{sig.Recv()}
	for v := range sig.Params().Variables() {
		all = append(all, v)
	}
	name := goName(types.NewSignatureType(nil, nil, nil, types.NewTuple(all...), sig.Results(), sig.Variadic()))
	w.replace(n.Go, sel.X.Pos(), w.sched("Go")+"("+w.helper(name)+"("+w.methodName(named, fn)+")("+w.newlines(n.Go, sel.X.Pos())+receiver(s, fn))
	w.receiverEnd(sel, n.Call)
	w.close(n.End(), ")")
	return true
}

// receiver gives the operator that a call of a method applies to its receiver
// in silence.
func receiver(sel *types.Selection, fn *types.Func) string {
	have, want := isPointer(sel.Recv()), isPointer(fn.Signature().Recv().Type())
	switch {
	case want && !have:
		return token.AND.String()
	case have && !want:
		return token.MUL.String()
	}
	return ""
}

func isPointer(t types.Type) bool {
	_, ok := types.Unalias(t).(*types.Pointer)
	return ok
}

// seenByMethods are the methods that packages look for in values of type any.
var seenByMethods = map[string]bool{
	"String": true, "Error": true, "Format": true, "GoString": true, "LogValue": true,
	"MarshalJSON": true, "MarshalText": true, "MarshalBinary": true,
}

// checkMethodsKept refuses a channel type that becomes an interface which its
// methods satisfy, or by which they would be found.
func (w *rewriter) checkMethodsKept(c conversion, to *types.Interface) bool {
	named := namedOf(c.from)
	if named == nil || w.model.side(named.Obj().Pkg()) != ours {
		return true
	}
	if _, ok := named.Underlying().(*types.Chan); !ok {
		return true
	}
	lost := to.NumMethods() > 0
	for m := range named.Methods() {
		lost = lost || seenByMethods[m.Name()]
	}
	if lost {
		w.refuse(c.pos, "%s becomes %s here: the modelled form of a channel type is a pointer and has no methods", w.typeName(c.from), w.typeName(c.to))
	}
	return !lost
}
