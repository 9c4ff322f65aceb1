package rewrite

import (
	"go/ast"
	"go/token"
	"go/types"
)

// A conversion is a place where a value of one type becomes one of another,
// written or implied.
type conversion struct {
	pos      token.Pos
	from, to types.Type
}

// A converter finds the conversions of one file.
type converter struct {
	info  *types.Info
	out   []conversion
	funcs []*types.Signature // the enclosing functions, innermost last
}

// conversions lists the conversions in f whose types differ.
func conversions(info *types.Info, f *ast.File) []conversion {
	c := &converter{info: info}
	c.walk(f)
	return c.out
}

func (c *converter) walk(root ast.Node) {
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Body == nil {
				return true
			}
			if fn, ok := c.info.Defs[n.Name].(*types.Func); ok {
				c.within(fn.Signature(), n.Body)
				return false
			}
		case *ast.FuncLit:
			if sig, ok := c.info.TypeOf(n).(*types.Signature); ok {
				c.within(sig, n.Body)
				return false
			}
		}
		c.visit(n)
		return true
	})
}

func (c *converter) within(sig *types.Signature, body *ast.BlockStmt) {
	c.funcs = append(c.funcs, sig)
	c.walk(body)
	c.funcs = c.funcs[:len(c.funcs)-1]
}

func (c *converter) visit(n ast.Node) {
	switch n := n.(type) {
	case *ast.CallExpr:
		c.call(n)
	case *ast.AssignStmt:
		if n.Tok == token.ASSIGN {
			c.assign(n.Lhs, n.Rhs)
		}
	case *ast.ValueSpec:
		if n.Type != nil {
			to := c.info.TypeOf(n.Type)
			c.eachValue(n.Values, func(int) types.Type { return to })
		}
	case *ast.ReturnStmt:
		if len(c.funcs) > 0 {
			results := c.funcs[len(c.funcs)-1].Results()
			c.eachValue(n.Results, func(i int) types.Type { return results.At(i).Type() })
		}
	case *ast.SendStmt:
		if ch, _ := chanOf(c.info.TypeOf(n.Chan)); ch != nil {
			c.value(n.Value, ch.Elem())
		}
	case *ast.CompositeLit:
		c.composite(n)
	case *ast.IndexExpr:
		if m, ok := typeUnder(c.info.TypeOf(n.X)).(*types.Map); ok {
			c.value(n.Index, m.Key())
		}
	case *ast.BinaryExpr:
		if n.Op == token.EQL || n.Op == token.NEQ {
			x, y := c.info.TypeOf(n.X), c.info.TypeOf(n.Y)
			c.add(n.X.Pos(), x, y)
			c.add(n.Y.Pos(), y, x)
		}
	case *ast.SwitchStmt:
		c.switchCases(n)
	case *ast.RangeStmt:
		c.rangeVars(n)
	case *ast.Ident:
		c.instance(n)
	}
}

func (c *converter) add(p token.Pos, from, to types.Type) {
	if from == nil || to == nil || types.Identical(from, to) {
		return
	}
	if b, ok := from.(*types.Basic); ok && b.Kind() == types.UntypedNil {
		return
	}
	c.out = append(c.out, conversion{p, from, to})
}

func (c *converter) value(x ast.Expr, to types.Type) { c.add(x.Pos(), c.info.TypeOf(x), to) }

// eachValue converts the values to what to gives for each index; one call may
// give them all.
func (c *converter) eachValue(values []ast.Expr, to func(int) types.Type) {
	if len(values) == 1 {
		if t, ok := c.info.TypeOf(values[0]).(*types.Tuple); ok {
			for i := range t.Len() {
				c.add(values[0].Pos(), t.At(i).Type(), to(i))
			}
			return
		}
	}
	for i, v := range values {
		c.value(v, to(i))
	}
}

func (c *converter) assign(lhs, rhs []ast.Expr) {
	to := func(i int) types.Type { return c.info.TypeOf(lhs[i]) }
	c.eachValue(rhs, func(i int) types.Type {
		if id, ok := lhs[i].(*ast.Ident); ok && id.Name == "_" {
			return nil
		}
		return to(i)
	})
}

func (c *converter) call(n *ast.CallExpr) {
	tv := c.info.Types[n.Fun]
	switch {
	case tv.IsType():
		if len(n.Args) == 1 {
			c.value(n.Args[0], tv.Type)
		}
	case tv.IsBuiltin():
		c.builtin(n)
	default:
		if sig, ok := typeUnder(tv.Type).(*types.Signature); ok {
			c.arguments(n, sig)
		}
	}
}

func (c *converter) arguments(n *ast.CallExpr, sig *types.Signature) {
	params := sig.Params()
	c.eachValue(n.Args, func(i int) types.Type {
		if !sig.Variadic() || i < params.Len()-1 {
			if i >= params.Len() {
				return nil
			}
			return params.At(i).Type()
		}
		last := params.At(params.Len() - 1).Type()
		if n.Ellipsis.IsValid() {
			return last
		}
		if s, ok := typeUnder(last).(*types.Slice); ok {
			return s.Elem()
		}
		return nil
	})
}

var anyType = types.Universe.Lookup("any").Type()

func (c *converter) builtin(n *ast.CallExpr) {
	id, _ := ast.Unparen(n.Fun).(*ast.Ident)
	if id == nil || len(n.Args) == 0 {
		return
	}
	switch id.Name {
	case "panic":
		c.value(n.Args[0], anyType)
	case "append":
		if s, ok := typeUnder(c.info.TypeOf(n.Args[0])).(*types.Slice); ok && !n.Ellipsis.IsValid() {
			for _, a := range n.Args[1:] {
				c.value(a, s.Elem())
			}
		}
	case "delete":
		if m, ok := typeUnder(c.info.TypeOf(n.Args[0])).(*types.Map); ok && len(n.Args) == 2 {
			c.value(n.Args[1], m.Key())
		}
	}
}

func (c *converter) composite(n *ast.CompositeLit) {
	t := c.info.TypeOf(n)
	if p, ok := typeUnder(t).(*types.Pointer); ok {
		t = p.Elem() // an elided &T
	}
	for i, e := range n.Elts {
		kv, keyed := e.(*ast.KeyValueExpr)
		switch u := typeUnder(t).(type) {
		case *types.Struct:
			if !keyed {
				c.value(e, u.Field(i).Type())
			} else if id, ok := kv.Key.(*ast.Ident); ok {
				if f, ok := c.info.Uses[id].(*types.Var); ok {
					c.value(kv.Value, f.Type())
				}
			}
		case *types.Map:
			if keyed {
				c.value(kv.Key, u.Key())
				c.value(kv.Value, u.Elem())
			}
		case *types.Slice:
			c.element(e, u.Elem())
		case *types.Array:
			c.element(e, u.Elem())
		}
	}
}

func (c *converter) element(e ast.Expr, to types.Type) {
	if kv, ok := e.(*ast.KeyValueExpr); ok {
		e = kv.Value
	}
	c.value(e, to)
}

func (c *converter) switchCases(n *ast.SwitchStmt) {
	if n.Tag == nil {
		return
	}
	tag := c.info.TypeOf(n.Tag)
	for _, s := range n.Body.List {
		for _, x := range s.(*ast.CaseClause).List {
			c.add(x.Pos(), c.info.TypeOf(x), tag)
			c.add(n.Tag.Pos(), tag, c.info.TypeOf(x))
		}
	}
}

func (c *converter) rangeVars(n *ast.RangeStmt) {
	if n.Tok != token.ASSIGN {
		return
	}
	switch u := typeUnder(c.info.TypeOf(n.X)).(type) {
	case *types.Chan:
		c.add(n.Key.Pos(), u.Elem(), c.info.TypeOf(n.Key))
	case *types.Slice:
		if n.Value != nil {
			c.add(n.Value.Pos(), u.Elem(), c.info.TypeOf(n.Value))
		}
	case *types.Map:
		c.add(n.Key.Pos(), u.Key(), c.info.TypeOf(n.Key))
		if n.Value != nil {
			c.add(n.Value.Pos(), u.Elem(), c.info.TypeOf(n.Value))
		}
	}
}

// instance: a type argument becomes a value of its constraint.
func (c *converter) instance(n *ast.Ident) {
	inst, ok := c.info.Instances[n]
	if !ok {
		return
	}
	var params *types.TypeParamList
	switch obj := c.info.Uses[n].(type) {
	case *types.Func:
		params = obj.Signature().TypeParams()
	case *types.TypeName:
		if t, ok := types.Unalias(obj.Type()).(*types.Named); ok {
			params = t.Origin().TypeParams()
		}
	}
	for i := range params.Len() {
		if i < inst.TypeArgs.Len() {
			c.add(n.Pos(), inst.TypeArgs.At(i), params.At(i).Constraint())
		}
	}
}

func typeUnder(t types.Type) types.Type {
	if t == nil {
		return nil
	}
	return t.Underlying()
}
