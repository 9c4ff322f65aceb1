package rewrite

import (
	"go/ast"
	"go/types"
	"go/version"
	"strings"
)

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
		w.methodUse(n)
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

// checkFunc refuses assembly that takes modelled types, and sees to methods of
// channel types.
func (w *rewriter) checkFunc(n *ast.FuncDecl) {
	fn, ok := w.pkg.Info.Defs[n.Name].(*types.Func)
	if !ok {
		return
	}
	if named := chanMethod(fn); named != nil {
		w.methodDecl(n, fn, named)
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

func (w *rewriter) languageAtLeast(v string) bool {
	file := w.pkg.Info.FileVersions[w.syntax]
	return file == "" || version.Compare(file, v) >= 0
}
