package rewrite

import (
	"fmt"
	"go/format"
	"slices"
	"strconv"
	"strings"
)

// fixed holds the support functions that do not depend on an arity. P stands
// for the prefix. They are generic over the defined type C of a channel, which
// a method of *sched.Chan is not.
var fixed = map[string]string{
	"chan": `// Pchan gives a channel of a defined type, or of a type parameter, its methods.
func Pchan[C ~*Psched.Chan[T], T any](c C) *Psched.Chan[T] { return c }`,

	"make": `// Pmake makes a channel of a defined type.
func Pmake[C ~*Psched.Chan[T], T any](n int) C { return C(Psched.MakeChan[T](n)) }`,

	"loop": `// Ploop gives a range loop its channel, and its variable its type.
func Ploop[C ~*Psched.Chan[T], T any](c C) (_ *Psched.Chan[T], zero T) { return c, zero }`,

	"recv": `// Prx is a receive of a select, and what it received.
type Prx[T any] struct {
	c  *Psched.Chan[T]
	V  T
	OK bool
}

func Precv[C ~*Psched.Chan[T], T any](c C) *Prx[T] { return &Prx[T]{c: c} }

func (r *Prx[T]) Case() Psched.Case { return Psched.RecvCase(r.c, &r.V, &r.OK) }`,

	"send": `// Psend makes a send of a select; the value is converted to T by the call.
func Psend[C ~*Psched.Chan[T], T any](c C) func(T) Psched.Case {
	return func(v T) Psched.Case { return Psched.SendCase((*Psched.Chan[T])(c), v) }
}`,
}

// support returns the file of support functions in use, or nil.
func (w *rewriter) support() []byte {
	var names []string
	for n := range w.need {
		names = append(names, n)
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	var b strings.Builder
	fmt.Fprintf(&b, "package %s\n\n", w.pkg.Types.Name())
	for _, n := range names {
		if fixed[n] != "" {
			fmt.Fprintf(&b, "import %s %q\n", w.schedName(), Sched)
			break
		}
	}
	for _, n := range names {
		text := fixed[n]
		if text == "" {
			text = goFunc(n)
		}
		b.WriteString("\n" + expand(text, w.prefix) + "\n")
	}
	out, err := format.Source([]byte(b.String()))
	if err != nil {
		panic("rewrite: support file: " + err.Error() + "\n" + b.String())
	}
	return out
}

// expand puts the prefix where a template says P.
func expand(text, prefix string) string {
	for _, name := range []string{"sched", "chan", "make", "loop", "rx", "recv", "send", "go"} {
		text = strings.ReplaceAll(text, "P"+name, prefix+name)
	}
	return text
}

// goFunc writes the support function that goName names: it takes a function,
// then the function's arguments, and gives the call as a function.
func goFunc(name string) string {
	spec, variadic, results := strings.TrimPrefix(name, "go"), false, 0
	if s, r, ok := strings.Cut(spec, "_"); ok {
		spec = s
		results, _ = strconv.Atoi(r)
	}
	if s, ok := strings.CutSuffix(spec, "v"); ok {
		spec, variadic = s, true
	}
	n, _ := strconv.Atoi(spec)

	var typeParams, params, named, args, rets []string
	for i := range n {
		t, dots, spread := fmt.Sprintf("A%d", i), "", ""
		typeParams = append(typeParams, t)
		if variadic && i == n-1 {
			dots, spread = "...", "..."
		}
		params = append(params, dots+t)
		named = append(named, fmt.Sprintf("a%d %s%s", i, dots, t))
		args = append(args, fmt.Sprintf("a%d%s", i, spread))
	}
	for i := range results {
		rets = append(rets, fmt.Sprintf("R%d", i))
	}
	generic := ""
	if all := slices.Concat(typeParams, rets); len(all) > 0 {
		generic = "[" + strings.Join(all, ", ") + " any]"
	}
	return fmt.Sprintf("func P%s%s(f func(%s) (%s)) func(%s) func() {\n\treturn func(%s) func() { return func() { f(%s) } }\n}",
		name, generic, strings.Join(params, ", "), strings.Join(rets, ", "),
		strings.Join(params, ", "), strings.Join(named, ", "), strings.Join(args, ", "))
}
