package rewrite

import "go/types"

// chanOf returns the channel type that operations on a value of type t use:
// t's underlying type, or what all types of a type parameter's set agree on.
// mixed is true when the set has channels and something else.
func chanOf(t types.Type) (c *types.Chan, mixed bool) {
	if t == nil {
		return nil, false
	}
	p, ok := types.Unalias(t).(*types.TypeParam)
	if !ok {
		c, _ = t.Underlying().(*types.Chan)
		return c, false
	}
	all := true
	for _, u := range termsOf(p.Constraint(), nil) {
		if uc, ok := u.Underlying().(*types.Chan); ok {
			c = uc
		} else {
			all = false
		}
	}
	return c, c != nil && !all
}

// termsOf lists the types named by a constraint.
func termsOf(t types.Type, out []types.Type) []types.Type {
	switch u := t.Underlying().(type) {
	case *types.Interface:
		for e := range u.EmbeddedTypes() {
			out = setOf(e, out)
		}
	}
	return out
}

func setOf(t types.Type, out []types.Type) []types.Type {
	switch u := types.Unalias(t).(type) {
	case *types.Union:
		for term := range u.Terms() {
			out = setOf(term.Type(), out)
		}
		return out
	}
	if types.IsInterface(t) {
		return termsOf(t, out)
	}
	return append(out, t)
}

// isPlainChan reports whether t is a channel type without a name, whose
// rewritten form has methods; a defined type or a type parameter needs a
// conversion first.
func isPlainChan(t types.Type) bool {
	_, ok := types.Unalias(t).(*types.Chan)
	return ok
}

// undirected returns a string that two types share when they differ in
// nothing but the directions of the channels in them.
func undirected(t types.Type) string {
	return types.TypeString(eraseDirections(t, 0), nil)
}

func eraseDirections(t types.Type, depth int) types.Type {
	if depth > 20 {
		return t
	}
	depth++
	switch u := types.Unalias(t).(type) {
	case *types.Chan:
		return types.NewChan(types.SendRecv, eraseDirections(u.Elem(), depth))
	case *types.Pointer:
		return types.NewPointer(eraseDirections(u.Elem(), depth))
	case *types.Slice:
		return types.NewSlice(eraseDirections(u.Elem(), depth))
	case *types.Array:
		return types.NewArray(eraseDirections(u.Elem(), depth), u.Len())
	case *types.Map:
		return types.NewMap(eraseDirections(u.Key(), depth), eraseDirections(u.Elem(), depth))
	case *types.Signature:
		return types.NewSignatureType(nil, nil, nil, eraseTuple(u.Params(), depth), eraseTuple(u.Results(), depth), u.Variadic())
	case *types.Struct:
		var fields []*types.Var
		for f := range u.Fields() {
			fields = append(fields, types.NewField(f.Pos(), f.Pkg(), f.Name(), eraseDirections(f.Type(), depth), f.Embedded()))
		}
		return types.NewStruct(fields, nil)
	case *types.Named:
		if u.TypeArgs().Len() == 0 {
			return u
		}
		var args []types.Type
		for a := range u.TypeArgs().Types() {
			args = append(args, eraseDirections(a, depth))
		}
		if n, err := types.Instantiate(nil, u.Origin(), args, false); err == nil {
			return n
		}
	}
	return t
}

func eraseTuple(t *types.Tuple, depth int) *types.Tuple {
	var vars []*types.Var
	for v := range t.Variables() {
		vars = append(vars, types.NewParam(v.Pos(), v.Pkg(), "", eraseDirections(v.Type(), depth)))
	}
	return types.NewTuple(vars...)
}
