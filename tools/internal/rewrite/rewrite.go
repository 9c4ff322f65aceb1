package rewrite

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"os"
	"slices"
	"strings"
)

// A Package is one type-checked package to rewrite.
type Package struct {
	Fset  *token.FileSet
	Types *types.Package
	Info  *types.Info
	Files []*ast.File
	// Source gives a file's bytes; nil reads the file.
	Source func(name string) ([]byte, error)
	// Show gives the name that positions in the rewritten file carry; nil keeps
	// the file's own.
	Show func(name string) string
	// Stub makes a function with a refused body panic, with the reason, when it
	// is called. What is refused outside a function's body stays refused.
	Stub bool
}

// A Refusal is a construct that cannot be rewritten faithfully.
type Refusal struct {
	Pos    token.Position
	Reason string
	File   string // the file as it was loaded
	at     token.Pos
}

func (r Refusal) Error() string {
	return fmt.Sprintf("%s:%d: %s", r.Pos.Filename, r.Pos.Line, r.Reason)
}

// Refused is the error of a package that has refusals, in the order of their
// positions.
type Refused []Refusal

func (r Refused) Error() string {
	var lines []string
	for _, x := range r {
		lines = append(lines, x.Error())
	}
	return strings.Join(lines, "\n")
}

// Rewrite returns the rewritten text of each file of p by its name, and that of
// a support file where the rewritten code needs one, under SupportName. The
// error is a Refused, or says that a file could not be read.
func Rewrite(m *Model, p *Package) (map[string][]byte, error) {
	w := &rewriter{model: m, pkg: p, prefix: freePrefix(p), need: make(map[string]bool), facts: gather(m, p)}
	out := make(map[string][]byte)
	for _, f := range p.Files {
		name := p.Fset.PositionFor(f.FileStart, false).Filename
		text, err := w.file(name, f)
		if err != nil {
			return nil, err
		}
		out[name] = text
	}
	if len(w.refused) > 0 {
		return nil, w.sortedRefusals()
	}
	if text := w.support(); text != nil {
		out[SupportName] = text
	}
	return out, nil
}

// A rewriter rewrites the files of one package.
type rewriter struct {
	model   *Model
	pkg     *Package
	prefix  string          // begins every name that is added
	need    map[string]bool // names of the support functions in use
	facts   *facts
	refused []Refusal

	// of the current file
	*buffer
	syntax    *ast.File
	name      string
	show      string
	usesSched bool
	sizes     bool // a size became a constant
	temps     int
	commaOK   map[ast.Expr]bool
	handled   map[ast.Node]bool // their parent has written them
	stack     []ast.Node
}

func (w *rewriter) file(name string, f *ast.File) ([]byte, error) {
	read := w.pkg.Source
	if read == nil {
		read = os.ReadFile
	}
	src, err := read(name)
	if err != nil {
		return nil, err
	}
	tf := w.pkg.Fset.File(f.FileStart)
	if tf.Size() != len(src) {
		return nil, fmt.Errorf("%s: changed while it was read", name)
	}
	w.buffer, w.syntax = &buffer{file: tf, src: src}, f
	w.name, w.show = name, name
	if w.pkg.Show != nil {
		w.show = w.pkg.Show(name)
	}
	w.usesSched, w.sizes, w.temps = false, false, 0
	w.commaOK, w.handled = make(map[ast.Expr]bool), make(map[ast.Node]bool)

	before := len(w.refused)
	w.checkFile()
	ast.Inspect(f, func(n ast.Node) bool {
		if n == nil {
			w.stack = w.stack[:len(w.stack)-1]
			return true
		}
		w.stack = append(w.stack, n)
		w.node(n)
		w.checkNode(n)
		return true
	})
	var stubs []*ast.FuncDecl
	if w.pkg.Stub {
		stubs = w.stub(f, before)
	}
	w.imports(f, stubs)
	if w.usesSched {
		w.close(f.Name.End(), fmt.Sprintf("; import %s %q", w.schedName(), Sched))
	}
	body := w.render(0, len(src))
	return fmt.Appendf(nil, "//line %s:1:1\n%s%s", w.show, body, w.keepImports(f, stubs)), nil
}

// keepImports returns a use of what the file may no longer use: package unsafe
// after sizes have become constants, package sched after a body was dropped.
func (w *rewriter) keepImports(f *ast.File, stubs []*ast.FuncDecl) string {
	if w.usesSched && len(stubs) > 0 {
		return "\nvar _ *" + w.schedName() + ".Chan[int]\n" + w.keepUnsafe(f)
	}
	return w.keepUnsafe(f)
}

func (w *rewriter) keepUnsafe(f *ast.File) string {
	if !w.sizes {
		return ""
	}
	for _, s := range f.Imports {
		if s.Path.Value != `"unsafe"` {
			continue
		}
		switch {
		case s.Name == nil:
			return "\nvar _ unsafe.Pointer\n"
		case s.Name.Name == ".":
			return "\nvar _ Pointer\n"
		case s.Name.Name != "_":
			return "\nvar _ " + s.Name.Name + ".Pointer\n"
		}
	}
	return ""
}

// node rewrites what n itself is; its children follow by themselves.
func (w *rewriter) node(n ast.Node) {
	if w.handled[n] {
		return
	}
	switch n := n.(type) {
	case *ast.ChanType:
		w.chanType(n)
	case *ast.SendStmt:
		w.send(n)
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			w.receive(n)
		}
	case *ast.AssignStmt:
		w.noteCommaOK(n)
	case *ast.ValueSpec:
		w.noteCommaOKSpec(n)
	case *ast.CallExpr:
		w.builtinCall(n)
	case *ast.RangeStmt:
		w.rangeStmt(n)
	case *ast.GoStmt:
		w.goStmt(n)
	case *ast.SelectStmt:
		w.selectStmt(n)
	}
}

// imports replaces the path of each standard package that has a twin, and
// keeps for its effects alone what only stubs have used.
func (w *rewriter) imports(f *ast.File, stubs []*ast.FuncDecl) {
	for _, s := range f.Imports {
		if len(stubs) > 0 && !w.usedOutside(f, s, stubs) {
			w.replace(s.Pos(), s.End(), "_ "+s.Path.Value)
			continue
		}
		path := strings.Trim(s.Path.Value, "`\"")
		twin, ok := Modelled[path]
		if !ok || s.Name != nil && s.Name.Name == "_" {
			continue
		}
		name := ""
		if s.Name == nil {
			name = path[strings.LastIndex(path, "/")+1:] + " "
		}
		w.replace(s.Path.Pos(), s.Path.End(), name+fmt.Sprintf("%q", twin))
	}
}

// sched returns the qualified name of something in package sched.
func (w *rewriter) sched(name string) string {
	w.usesSched = true
	return w.schedName() + "." + name
}

func (w *rewriter) schedName() string { return w.prefix + "sched" }

// helper returns the name of a support function and has it written.
func (w *rewriter) helper(name string) string {
	w.need[name] = true
	return w.prefix + name
}

// temp returns a new local name.
func (w *rewriter) temp() string {
	w.temps++
	return fmt.Sprintf("%st%d", w.prefix, w.temps)
}

// freePrefix finds a prefix that no identifier of the package begins with.
func freePrefix(p *Package) string {
	prefix := "__"
	for taken := true; taken; {
		taken = false
		for _, f := range p.Files {
			ast.Inspect(f, func(n ast.Node) bool {
				id, ok := n.(*ast.Ident)
				taken = taken || ok && len(id.Name) > len(prefix) && strings.HasPrefix(id.Name, prefix)
				return !taken
			})
		}
		if taken {
			prefix += "_"
		}
	}
	return prefix
}

func (w *rewriter) refuse(p token.Pos, format string, args ...any) {
	at := w.buffer.file.PositionFor(p, false)
	at.Filename = w.show
	w.refused = append(w.refused, Refusal{Pos: at, Reason: fmt.Sprintf(format, args...), File: w.name, at: p})
}

// sortedRefusals returns the refusals in order, one for each line and reason.
func (w *rewriter) sortedRefusals() Refused {
	slices.SortStableFunc(w.refused, func(x, y Refusal) int {
		return cmp.Or(cmp.Compare(x.Pos.Filename, y.Pos.Filename), cmp.Compare(x.Pos.Line, y.Pos.Line), cmp.Compare(x.Pos.Column, y.Pos.Column))
	})
	return slices.CompactFunc(w.refused, func(x, y Refusal) bool {
		return x.Pos.Filename == y.Pos.Filename && x.Pos.Line == y.Pos.Line && x.Reason == y.Reason
	})
}

// IsRefused returns the refusals in err.
func IsRefused(err error) (Refused, bool) {
	var r Refused
	ok := errors.As(err, &r)
	return r, ok
}

// SupportName is the name, without a folder, of the file that Rewrite adds.
const SupportName = "zz_modeltest_support.go"
