package rewrite

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// chanType: chan T, <-chan T and chan<- T become *sched.Chan[T].
func (w *rewriter) chanType(n *ast.ChanType) {
	open, shut := "*"+w.sched("Chan")+"[", "]"
	if call, ok := w.parent(1).(*ast.CallExpr); ok && call.Fun == n {
		open, shut = "("+open, shut+")" // the conversion chan T(x)
	}
	w.replace(n.Pos(), n.Value.Pos(), open+w.newlines(n.Pos(), n.Value.Pos()))
	w.close(n.Value.End(), shut)
}

// send: c <- v becomes c.Send(v).
func (w *rewriter) send(n *ast.SendStmt) {
	w.operand(n.Chan)
	w.replace(n.Chan.End(), n.Value.Pos(), ".Send("+w.newlines(n.Chan.End(), n.Value.Pos()))
	w.close(n.Value.End(), ")")
}

// receive: <-c becomes c.Recv(), or c.Recv2() where two values are wanted.
func (w *rewriter) receive(n *ast.UnaryExpr) {
	method := ".Recv()"
	if w.commaOK[n] {
		method = ".Recv2()"
	}
	// A line break after the arrow must not end the statement.
	breaks, open, shut := w.newlines(n.OpPos, n.X.Pos()), "", ""
	if breaks != "" {
		open, shut = "("+breaks, ")"
	}
	w.replace(n.OpPos, n.X.Pos(), open)
	w.close(n.X.End(), shut+method)
	w.operand(n.X)
}

// noteCommaOK marks the receive in v, ok = <-c.
func (w *rewriter) noteCommaOK(n *ast.AssignStmt) {
	if len(n.Lhs) == 2 && len(n.Rhs) == 1 {
		w.markCommaOK(n.Rhs[0], n.Lhs[1])
	}
}

func (w *rewriter) noteCommaOKSpec(n *ast.ValueSpec) {
	if len(n.Names) == 2 && len(n.Values) == 1 {
		w.markCommaOK(n.Values[0], n.Names[1])
	}
}

// markCommaOK notes that x gives two values, the second of them to ok. The
// language's ok is an untyped boolean, the model's a bool.
func (w *rewriter) markCommaOK(x, ok ast.Expr) {
	recv, is := ast.Unparen(x).(*ast.UnaryExpr)
	if !is || recv.Op != token.ARROW {
		return
	}
	w.commaOK[recv] = true
	w.checkOK(ok)
}

func (w *rewriter) checkOK(ok ast.Expr) {
	if id, is := ok.(*ast.Ident); is && id.Name == "_" {
		return
	}
	t := w.pkg.Info.TypeOf(ok)
	if t != nil && !types.IsInterface(t) && !types.Identical(t, types.Typ[types.Bool]) {
		w.refuse(ok.Pos(), "the second value of a receive goes to the defined boolean type %s", w.typeName(t))
	}
}

// builtinCall: make, close, len and cap of channels.
func (w *rewriter) builtinCall(n *ast.CallExpr) {
	switch w.builtin(n) {
	case "make":
		w.makeChan(n)
	case "close":
		w.method(n, "Close")
	case "len":
		w.method(n, "Len")
	case "cap":
		w.method(n, "Cap")
	case "Sizeof", "Offsetof", "Alignof":
		w.sizeof(n)
	}
}

// builtin returns the name of the builtin that n calls, or "".
func (w *rewriter) builtin(n *ast.CallExpr) string {
	fun := ast.Unparen(n.Fun)
	if sel, ok := fun.(*ast.SelectorExpr); ok {
		fun = sel.Sel
	}
	id, ok := fun.(*ast.Ident)
	if !ok {
		return ""
	}
	if b, ok := w.pkg.Info.Uses[id].(*types.Builtin); ok {
		return b.Name()
	}
	return ""
}

// method: close(c) becomes c.Close().
func (w *rewriter) method(n *ast.CallExpr, name string) {
	arg := n.Args[0]
	c, mixed := chanOf(w.pkg.Info.TypeOf(arg))
	if mixed {
		w.refuse(n.Pos(), "%s of a type parameter that may be a channel or something else", strings.ToLower(name))
	}
	if c == nil || mixed {
		return
	}
	breaks, open, shut := w.newlines(n.Pos(), arg.Pos()), "", ""
	if breaks != "" {
		open, shut = "("+breaks, ")"
	}
	w.replace(n.Pos(), arg.Pos(), open)
	w.operand(arg)
	w.replace(arg.End(), n.End(), shut+"."+name+"("+w.newlines(arg.End(), n.End())+")")
}

// makeChan: make(chan T, n) becomes sched.MakeChan[T](n).
func (w *rewriter) makeChan(n *ast.CallExpr) {
	typ := n.Args[0]
	c, mixed := chanOf(w.pkg.Info.TypeOf(typ))
	if c == nil || mixed {
		return
	}
	first, last := typ.Pos(), typ.End()
	if lit, ok := ast.Unparen(typ).(*ast.ChanType); ok {
		first, last = lit.Value.Pos(), lit.Value.End()
		w.handled[lit] = true
		w.replace(n.Pos(), first, w.sched("MakeChan")+"["+w.newlines(n.Pos(), first))
	} else {
		w.replace(n.Pos(), first, w.helper("make")+"["+w.newlines(n.Pos(), first))
	}
	if len(n.Args) == 1 {
		breaks := w.newlines(last, n.Rparen)
		if breaks != "" {
			breaks = "," + breaks
		}
		w.replace(last, n.Rparen, "](0"+breaks)
		return
	}
	size := n.Args[1]
	open, shut := "", ""
	if t, ok := types.Unalias(w.pkg.Info.TypeOf(size)).(*types.Basic); !ok || t.Kind() != types.Int {
		open, shut = "int(", ")"
	}
	w.replace(last, size.Pos(), "]("+w.newlines(last, size.Pos())+open)
	w.close(size.End(), shut)
}

// rangeStmt: for v := range c becomes for v := range c.All().
func (w *rewriter) rangeStmt(n *ast.RangeStmt) {
	c, mixed := chanOf(w.pkg.Info.TypeOf(n.X))
	if c == nil || mixed {
		return
	}
	if !w.languageAtLeast("go1.23") {
		w.rangeLoop(n)
		return
	}
	w.close(n.X.End(), ".All()")
	w.operand(n.X)
}

// rangeLoop writes a range over a channel for language versions that have no
// range over functions. The variable is the loop's own, so that each version
// shares it between the rounds, or does not, as it does in a range; the end of
// the channel does not touch it.
//
//	for v := range c {   for t1, v := loop(c); ; { if t2, t3 := t1.Recv2(); !t3 { break } else { v = t2 };
//	for x = range c {    for t1, _ := loop(c); ; { if t2, t3 := t1.Recv2(); !t3 { break } else { x = t2 };
func (w *rewriter) rangeLoop(n *ast.RangeStmt) {
	c, v, ok := w.temp(), w.temp(), w.temp()
	own := "_"
	if id, is := n.Key.(*ast.Ident); is && n.Tok == token.DEFINE {
		own = id.Name
	}
	w.replace(n.For, n.X.Pos(), fmt.Sprintf("for %s, %s := %s(%s", c, own, w.helper("loop"), w.newlines(n.For, n.X.Pos())))
	w.replaceFunc(n.X.End(), n.Body.Lbrace+1, func() string {
		key := "_"
		if n.Key != nil {
			key = w.text(n.Key.Pos(), n.Key.End())
		}
		return fmt.Sprintf("); ; { if %s, %s := %s.Recv2(); !%s { break } else { %s = %s };%s", v, ok, c, ok, key, v, w.newlines(n.X.End(), n.Body.Lbrace))
	})
}

// operand makes the rewritten form of the channel expression x one that a
// method call can follow.
func (w *rewriter) operand(x ast.Expr) {
	switch {
	case !isPlainChan(w.pkg.Info.TypeOf(x)):
		w.open(x.Pos(), w.helper("chan")+"(")
		w.close(x.End(), ")")
	case !isPrimary(x):
		w.open(x.Pos(), "(")
		w.close(x.End(), ")")
	}
}

// isPrimary reports whether a selector after x applies to the whole of x.
func isPrimary(x ast.Expr) bool {
	switch x.(type) {
	case *ast.UnaryExpr, *ast.StarExpr, *ast.BinaryExpr, *ast.FuncLit, *ast.ChanType:
		return false
	}
	return true
}

// parent returns the i-th ancestor of the node that is being visited.
func (w *rewriter) parent(i int) ast.Node {
	if k := len(w.stack) - 1 - i; k >= 0 {
		return w.stack[k]
	}
	return nil
}
