package modelrun

import (
	"context"
	"errors"
	"fmt"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"

	"example.com/interlock/tools/internal/rewrite"
)

// A target is one package with the files that take part in the run.
type target struct {
	path, dir, module string
	// scenarios maps the name that a scenario file has for the compiler to the
	// name that the author knows.
	scenarios map[string]string
	// absent are the package's own test files that are left out.
	absent []string
}

// scenarioPrefix begins the names of scenario files in the overlay. The rest of
// the name stays, so that wake_linux_test.go.txt keeps its constraint.
const scenarioPrefix = "zzmodel_"

func newTarget(l listed, scenarioDir string, withTests bool) (*target, error) {
	t := &target{path: l.ImportPath, dir: l.Dir, module: l.Module.Path, scenarios: make(map[string]string)}
	if scenarioDir == "" {
		scenarioDir = filepath.Join(l.Dir, "testdata", "model")
	}
	found, err := filepath.Glob(filepath.Join(scenarioDir, "*_test.go.txt"))
	if err != nil {
		return nil, err
	}
	for _, name := range found {
		name, err := filepath.Abs(name)
		if err != nil {
			return nil, err
		}
		t.scenarios[filepath.Join(l.Dir, scenarioPrefix+strings.TrimSuffix(filepath.Base(name), ".txt"))] = name
	}
	if withTests {
		return t, nil
	}
	t.absent, err = filepath.Glob(filepath.Join(l.Dir, "*_test.go"))
	return t, err
}

// stubDirective is a line in a scenario file that stands for the flag -stub.
var stubDirective = regexp.MustCompile(`(?m)^//modeltest:stub\r?$`)

// stubs says whether the scenarios ask for stubs.
func (t *target) stubs(overlay map[string][]byte) bool {
	for name := range t.scenarios {
		if stubDirective.Match(overlay[name]) {
			return true
		}
	}
	return false
}

// overlay is what the loader sees in place of files on disk: over holds what
// the caller replaces.
func (t *target) overlay(over map[string][]byte) (map[string][]byte, error) {
	ignored := []byte("//go:build ignore\n\npackage ignored\n")
	o := make(map[string][]byte)
	for name, text := range over {
		switch {
		case !strings.HasSuffix(name, ".go"):
		case text == nil:
			o[name] = ignored
		default:
			o[name] = text
		}
	}
	for _, name := range t.absent {
		o[name] = ignored
	}
	for name, origin := range t.scenarios {
		text, replaced := over[origin]
		if !replaced {
			var err error
			if text, err = os.ReadFile(origin); err != nil {
				return nil, err
			}
		}
		o[name] = text
	}
	return o, nil
}

// A loader type-checks the packages of one run.
type loader struct {
	ctx     context.Context
	dir     string
	env     []string
	overlay map[string][]byte
}

func (l *loader) load(mode packages.LoadMode, tests bool, patterns ...string) ([]*packages.Package, error) {
	return packages.Load(&packages.Config{
		Context: l.ctx, Mode: mode, Dir: l.dir, Env: append(os.Environ(), l.env...),
		Tests: tests, Overlay: l.overlay,
	}, patterns...)
}

// A loaded run: what to rewrite and the model to rewrite it for.
type loaded struct {
	model    *rewrite.Model
	packages []*packages.Package
}

// target type-checks the target with its scenarios, the packages to rewrite with
// it, and the modelled packages.
func (l *loader) target(t *target, also []string) (*loaded, error) {
	graph, err := l.load(packages.NeedName|packages.NeedImports|packages.NeedDeps|packages.NeedModule|packages.NeedFiles, true, t.path)
	if err != nil {
		return nil, err
	}
	deps := together(graph, t, also)
	own, err := l.load(packages.LoadSyntax|packages.NeedModule|packages.NeedForTest, true, t.path)
	if err != nil {
		return nil, err
	}
	own = testVariants(own, t.path)
	rest, err := l.load(packages.LoadSyntax|packages.NeedModule, false, append(slices.Collect(maps.Values(rewrite.Modelled)), deps...)...)
	if err != nil {
		return nil, err
	}
	twins, chosen := make(map[string]*types.Package), own
	for _, p := range rest {
		if std := standardOf(p.PkgPath); std != "" {
			twins[std] = p.Types
			continue
		}
		chosen = append(chosen, p)
	}
	paths := []string{t.path}
	for _, p := range chosen {
		paths = append(paths, p.PkgPath)
	}
	if err := loadErrors(append(rest, chosen...), t); err != nil {
		return nil, err
	}
	return &loaded{model: rewrite.NewModel(twins, paths), packages: chosen}, nil
}

func standardOf(twin string) string {
	for std, path := range rewrite.Modelled {
		if path == twin {
			return std
		}
	}
	return ""
}

// together lists the packages to rewrite with the target: what it imports,
// directly or not, from its own module, and what the caller names.
func together(roots []*packages.Package, t *target, also []string) []string {
	found := make(map[string]bool)
	packages.Visit(roots, func(p *packages.Package) bool {
		own := p.Module != nil && p.Module.Path == t.module
		if (own || named(p.PkgPath, also)) && p.ForTest == "" && p.PkgPath != t.path && !strings.HasSuffix(p.PkgPath, ".test") &&
			p.PkgPath != t.path+"_test" && p.PkgPath != rewrite.Sched && standardOf(p.PkgPath) == "" {
			found[p.PkgPath] = true
		}
		return true
	}, nil)
	return slices.Sorted(maps.Keys(found))
}

// named reports whether one of the patterns, a path or a path/..., has p.
func named(p string, patterns []string) bool {
	for _, pattern := range patterns {
		if root, ok := strings.CutSuffix(pattern, "/..."); ok && (p == root || strings.HasPrefix(p, root+"/")) || p == pattern {
			return true
		}
	}
	return false
}

// testVariants picks, of what a load with tests gives, the package as its tests
// see it and its external tests.
func testVariants(all []*packages.Package, path string) []*packages.Package {
	var plain, variant, external *packages.Package
	for _, p := range all {
		switch {
		case p.PkgPath == path && strings.Contains(p.ID, "["):
			variant = p
		case p.PkgPath == path:
			plain = p
		case p.PkgPath == path+"_test":
			external = p
		}
	}
	if variant == nil {
		variant = plain
	}
	var out []*packages.Package
	for _, p := range []*packages.Package{variant, external} {
		if p != nil {
			out = append(out, p)
		}
	}
	return out
}

// A compileError is what the type checker said about the packages as they are.
type compileError struct {
	msgs  []error
	files []string // where, as they were loaded
}

func (e *compileError) Error() string {
	msgs := e.msgs
	if len(msgs) > 8 {
		msgs = append(msgs[:8:8], fmt.Errorf("and %d more", len(msgs)-8))
	}
	return errors.Join(msgs...).Error()
}

// loadErrors collects what the type checker said, with the names that the
// author of a scenario knows. What go list says beside it repeats it.
func loadErrors(all []*packages.Package, t *target) error {
	var typed, listed compileError
	seen := make(map[string]bool)
	for _, p := range all {
		for _, e := range p.Errors {
			name, at, _ := strings.Cut(e.Pos, ":")
			if origin, ok := t.scenarios[name]; ok {
				e.Pos = origin + ":" + at
			}
			if seen[e.Error()] {
				continue
			}
			seen[e.Error()] = true
			into := &typed
			if e.Kind == packages.ListError {
				into = &listed
			}
			into.msgs, into.files = append(into.msgs, e), append(into.files, name)
		}
	}
	switch {
	case len(typed.msgs) > 0:
		return &typed
	case len(listed.msgs) > 0:
		return &listed
	}
	return nil
}
