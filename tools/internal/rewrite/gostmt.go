package rewrite

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// goStmt: a go statement becomes a call of sched.Go. The function value and
// the arguments are evaluated in the starting task, as the language says:
//
//	go func() { ... }()   sched.Go(func() { ... })
//	go f(a, b)            sched.Go(go2(f)(a, b))     go2 is a support function
//
// The curried form lets each argument be converted to its parameter by the
// ordinary rules, untyped constants and nil among them, without naming a type.
func (w *rewriter) goStmt(n *ast.GoStmt) {
	call := n.Call
	if w.goMethod(n) {
		return
	}
	if w.builtin(call) != "" || w.inferred(call) {
		w.goClosure(n)
		return
	}
	sig, ok := w.pkg.Info.TypeOf(call.Fun).Underlying().(*types.Signature)
	if !ok {
		w.refuse(n.Pos(), "go statement: the function's type is a type parameter")
		return
	}
	w.replace(n.Go, call.Pos(), w.sched("Go")+"("+w.newlines(n.Go, call.Pos()))
	if sig.Params().Len() == 0 && sig.Results().Len() == 0 {
		breaks := w.newlines(call.Fun.End(), n.End())
		if breaks != "" {
			breaks = "," + breaks
		}
		w.replace(call.Fun.End(), n.End(), breaks+")")
		return
	}
	w.open(call.Fun.Pos(), w.helper(goName(sig))+"(")
	w.close(call.Fun.End(), ")")
	w.close(n.End(), ")")
}

// goName names the support function for calls of sig: go, the number of
// parameters, "v" if variadic, and the number of results if there are any.
func goName(sig *types.Signature) string {
	name := fmt.Sprintf("go%d", sig.Params().Len())
	if sig.Variadic() {
		name += "v"
	}
	if r := sig.Results().Len(); r > 0 {
		name += fmt.Sprintf("_%d", r)
	}
	return name
}

// goClosure writes the go statements whose function is no value by itself: a
// builtin, or a generic function whose type arguments follow from the
// arguments.
//
//	go f(a, 1)   sched.Go(func() func() { t1 := a; return func() { f(t1, 1) } }())
func (w *rewriter) goClosure(n *ast.GoStmt) {
	call := n.Call
	if w.builtin(call) == "close" {
		w.handled[call] = true
		w.replace(n.Go, call.Args[0].Pos(), w.sched("Go")+"("+w.newlines(n.Go, call.Args[0].Pos()))
		w.operand(call.Args[0])
		w.replace(call.Args[0].End(), n.End(), ".Close)")
		return
	}
	temps := make([]string, len(call.Args)) // "" for what needs no evaluation
	for i, a := range call.Args {
		tv := w.pkg.Info.Types[a]
		if tv.Value != nil || tv.IsNil() {
			continue
		}
		if b, ok := types.Unalias(tv.Type).(*types.Basic); ok && b.Info()&types.IsUntyped != 0 || w.shifts(a) {
			w.refuse(a.Pos(), "go statement: the argument's type follows from the parameter of a generic function")
		}
		temps[i] = w.temp()
	}
	start := w.sched("Go")
	w.replaceFunc(n.Go, n.End(), func() string {
		at := w.line(n.Go)
		place := func(x ast.Expr) string { // x, with a directive where its line is not the current one
			text := w.text(x.Pos(), x.End())
			if w.line(x.Pos()) != at {
				text = w.lineHere(x.Pos()) + text
			}
			at = w.line(x.End())
			return text
		}
		bind := ""
		var values []string
		for i, a := range call.Args {
			if temps[i] != "" {
				values = append(values, place(a))
			}
		}
		if len(values) > 0 {
			names := slices.DeleteFunc(slices.Clone(temps), func(t string) bool { return t == "" })
			bind = strings.Join(names, ", ") + " := " + strings.Join(values, ", ") + "; "
		}
		f := place(call.Fun)
		args := slices.Clone(temps)
		for i, a := range call.Args {
			if args[i] == "" {
				args[i] = place(a)
			}
		}
		if call.Ellipsis.IsValid() {
			args[len(args)-1] += "..."
		}
		out := fmt.Sprintf("%s(func() func() { %sreturn func() { %s(%s) } }())", start, bind, f, strings.Join(args, ", "))
		if at != w.line(n.End()) {
			out += w.lineHere(n.End())
		}
		return out
	})
}

// inferred reports whether call's function is generic and some of its type
// arguments follow from the arguments.
func (w *rewriter) inferred(call *ast.CallExpr) bool {
	fun, given := ast.Unparen(call.Fun), 0
	switch x := fun.(type) {
	case *ast.IndexExpr:
		fun, given = x.X, 1
	case *ast.IndexListExpr:
		fun, given = x.X, len(x.Indices)
	}
	if sel, ok := fun.(*ast.SelectorExpr); ok {
		fun = sel.Sel
	}
	id, ok := fun.(*ast.Ident)
	if !ok {
		return false
	}
	fn, ok := w.pkg.Info.Uses[id].(*types.Func)
	return ok && fn.Signature().TypeParams().Len() > given
}

// shifts reports whether x is a shift of an untyped constant, which takes its
// type from where it is used.
func (w *rewriter) shifts(x ast.Expr) bool {
	found := false
	ast.Inspect(x, func(n ast.Node) bool {
		b, ok := n.(*ast.BinaryExpr)
		if ok && (b.Op == token.SHL || b.Op == token.SHR) && w.pkg.Info.Types[b.X].Value != nil {
			found = true
		}
		return !found
	})
	return found
}
