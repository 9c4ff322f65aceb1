package rewrite

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write the golden files anew")

// world is what the goldens are checked against: export data of the standard
// library and of the modelled packages.
type world struct {
	fset     *token.FileSet
	importer types.Importer
	twins    map[string]*types.Package
}

var loadWorld = sync.OnceValues(func() (*world, error) {
	args := []string{"list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}",
		"testing", "net", "log/slog", "os/signal", "os/exec", "iter", "errors", "unsafe", "fmt", "reflect", Sched}
	args = slices.AppendSeq(args, maps.Values(Modelled))
	args = slices.AppendSeq(args, maps.Keys(Modelled))
	cmd := exec.Command("go", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	files := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		files[path] = file
	}
	w := &world{fset: token.NewFileSet(), twins: make(map[string]*types.Package)}
	w.importer = importer.ForCompiler(w.fset, "gc", func(path string) (io.ReadCloser, error) {
		if files[path] == "" {
			return nil, fmt.Errorf("no export data of %s", path)
		}
		return os.Open(files[path])
	})
	for std, path := range Modelled {
		if w.twins[std], err = w.importer.Import(path); err != nil {
			return nil, err
		}
	}
	return w, nil
})

// check parses and type-checks files, given by name.
func (w *world) check(files map[string][]byte, goVersion string) (*Package, error) {
	p := &Package{Fset: w.fset, Info: &types.Info{
		Types: make(map[ast.Expr]types.TypeAndValue), Instances: make(map[*ast.Ident]types.Instance),
		Defs: make(map[*ast.Ident]types.Object), Uses: make(map[*ast.Ident]types.Object),
		Selections: make(map[*ast.SelectorExpr]*types.Selection), Implicits: make(map[ast.Node]types.Object),
		FileVersions: make(map[*ast.File]string),
	}, Source: func(name string) ([]byte, error) { return files[name], nil }}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := parser.ParseFile(w.fset, name, files[name], parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		p.Files = append(p.Files, f)
	}
	var errs []error
	conf := types.Config{Importer: w.importer, GoVersion: goVersion, Sizes: types.SizesFor("gc", "amd64"), Error: func(err error) { errs = append(errs, err) }}
	p.Types, _ = conf.Check("example.com/p", w.fset, p.Files, p.Info)
	return p, errors.Join(errs...)
}

func (w *world) model() *Model { return NewModel(w.twins, []string{"example.com/p"}) }

// Each testdata/*.golden is a txtar archive: in.go, and what becomes of it, as
// out.go and support.go, or as refusals. What comes out must compile, and each
// identifier must have kept its line.
func TestGolden(t *testing.T) {
	w, err := loadWorld()
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob("testdata/*.golden")
	if err != nil || len(names) == 0 {
		t.Fatalf("no golden files (%v)", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".golden"), func(t *testing.T) {
			golden(t, w, name)
		})
	}
}

func golden(t *testing.T, w *world, name string) {
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	in := section(archive, "in.go")
	version := "go1.26"
	if strings.HasPrefix(filepath.Base(name), "old_") {
		version = "go1.20"
	}
	p, err := w.check(map[string][]byte{"in.go": in}, version)
	p.Stub = strings.HasPrefix(filepath.Base(name), "stub")
	if err != nil {
		t.Fatalf("in.go: %v", err)
	}
	got := []txtar.File{{Name: "in.go", Data: in}}
	out, err := Rewrite(w.model(), p)
	refused, isRefused := IsRefused(err)
	switch {
	case isRefused:
		got = append(got, txtar.File{Name: "refused", Data: []byte(refused.Error() + "\n")})
	case err != nil:
		t.Fatal(err)
	default:
		compiles(t, w, in, out, version, p.Stub)
		got = append(got, txtar.File{Name: "out.go", Data: out["in.go"]})
		if s := out[SupportName]; s != nil {
			got = append(got, txtar.File{Name: "support.go", Data: s})
		}
	}
	archive.Files = got
	text := txtar.Format(archive)
	if *update {
		if err := os.WriteFile(name, text, 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, want) {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

func section(a *txtar.Archive, name string) []byte {
	for _, f := range a.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

// compiles demands that the output type-checks and that the identifiers of the
// input stand at the lines where they stood.
func compiles(t *testing.T, w *world, in []byte, out map[string][]byte, version string, stubs bool) {
	t.Helper()
	renamed := make(map[string][]byte)
	for name, text := range out {
		renamed["out_"+name] = text
	}
	p, err := w.check(renamed, version)
	if err != nil {
		t.Errorf("the output does not compile:\n%v\n%s", err, out["in.go"])
		return
	}
	if stubs {
		return // a stub's body is gone
	}
	before, err := parser.ParseFile(w.fset, "in.go", in, 0)
	if err != nil {
		t.Fatal(err)
	}
	after := make(map[string]int)
	for _, f := range p.Files {
		for at, n := range identLines(w.fset, f) {
			after[at] += n
		}
	}
	for at, n := range identLines(w.fset, before) {
		name, _, _ := strings.Cut(at, " ")
		if builtins[name] {
			continue
		}
		if after[at] < n {
			t.Errorf("line moved: %q stands %d times there, want %d", at, after[at], n)
		}
	}
}

// builtins are the identifiers that rewriting replaces.
var builtins = map[string]bool{"make": true, "close": true, "len": true, "cap": true, "unsafe": true, "Sizeof": true, "guarded": true}

// identLines counts the identifiers by "name file:line", as //line directives
// give them.
func identLines(fset *token.FileSet, f *ast.File) map[string]int {
	m := make(map[string]int)
	ast.Inspect(f, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			at := fset.Position(id.Pos())
			for part := range strings.SplitSeq(strings.TrimPrefix(id.Name, "__"), "_") { // __T_m was T.m
				m[fmt.Sprintf("%s %s:%d", part, filepath.Base(at.Filename), at.Line)]++
			}
		}
		return true
	})
	return m
}
