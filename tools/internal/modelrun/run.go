package modelrun

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"

	"example.com/interlock/tools/internal/rewrite"
)

// ErrFailed says that a scenario or test failed or was not complete.
var ErrFailed = errors.New("failed")

// Run rewrites and runs each package that the patterns name. Its error is
// ErrFailed when tests failed; anything else, a rewrite.Refused among it,
// says why nothing could be run.
func Run(ctx context.Context, o Options) error {
	if len(o.Patterns) == 0 {
		o.Patterns = []string{"."}
	}
	dir, err := filepath.Abs(cmp.Or(o.Dir, "."))
	if err != nil {
		return err
	}
	o.Dir = dir
	tmp, err := os.MkdirTemp("", "modeltest")
	if err != nil {
		return err
	}
	if tmp, err = filepath.EvalSymlinks(tmp); err != nil {
		return err
	}
	if o.Keep {
		fmt.Fprintf(o.Stderr, "modeltest: files in %s\n", tmp)
	} else {
		defer os.RemoveAll(tmp)
	}
	ws, err := newWorkspace(ctx, tmp, dir, o.Sched)
	if err != nil {
		return err
	}
	s := session{o: o, ws: ws, goCmd: goCmd{dir: dir, env: ws.environ()}}
	return s.all(ctx)
}

// A session is one call of Run.
type session struct {
	o     Options
	ws    *workspace
	goCmd goCmd
	runs  int
}

func (s *session) all(ctx context.Context) error {
	found, err := s.resolve(ctx)
	if err != nil {
		return err
	}
	var targets []*target
	for _, l := range found {
		t, err := newTarget(l, s.o.Scenarios, s.o.WithTests)
		if err != nil {
			return err
		}
		if len(t.scenarios) > 0 || s.o.WithTests && len(found) == 1 {
			targets = append(targets, t)
		}
	}
	if len(targets) == 0 {
		return fmt.Errorf("no scenarios: %s has no testdata/model/*_test.go.txt", strings.Join(s.o.Patterns, ", "))
	}
	var errs error
	for _, t := range targets {
		err := s.one(ctx, t)
		if err != nil && !errors.Is(err, ErrFailed) {
			return err
		}
		errs = cmp.Or(errs, err)
	}
	return errs
}

// resolve lists the packages, and copies the modules that lie where no overlay
// reaches.
func (s *session) resolve(ctx context.Context) ([]listed, error) {
	found, err := s.goCmd.list(ctx, s.o.Patterns...)
	if err != nil {
		return nil, err
	}
	all := found
	for _, a := range s.o.Also {
		more, err := s.goCmd.list(ctx, a)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	copied := false
	for _, l := range all {
		if l.Standard || l.Module == nil {
			return nil, fmt.Errorf("%s: a package of the standard library cannot be rewritten", l.ImportPath)
		}
		if !l.Module.Main {
			copied = true
			if err := s.ws.adopt(l.Module); err != nil {
				return nil, err
			}
		}
	}
	if !copied {
		return found, nil
	}
	return s.goCmd.list(ctx, s.o.Patterns...)
}

// one rewrites one package and runs its scenarios.
func (s *session) one(ctx context.Context, t *target) error {
	out, err := s.rewritten(ctx, t)
	if err != nil {
		return err
	}
	if s.o.Out != "" {
		return s.export(t, out)
	}
	name, err := s.overlayFile(t, out)
	if err != nil {
		return err
	}
	return s.test(ctx, t, name)
}

// rewritten loads and rewrites the package. Of the package's own tests, files
// that are refused are left out, and named: a test that needs a real network
// or a synctest bubble says nothing about the rewritten package. So are files
// that cannot do without those.
func (s *session) rewritten(ctx context.Context, t *target) (map[string][]byte, error) {
	leftOut := 0
	for {
		overlay, err := t.overlay(s.o.Overlay)
		if err != nil {
			return nil, err
		}
		l := loader{ctx: ctx, dir: s.o.Dir, env: s.goCmd.env, overlay: overlay}
		in, err := l.target(t, s.o.Also)
		if broken, ok := errors.AsType[*compileError](err); ok && leftOut > 0 && s.leaveOut(t, broken.files, broken.msgs) {
			leftOut++
			continue
		}
		if err != nil {
			return nil, err
		}
		out, err := s.rewrite(t, in, overlay)
		refused, ok := rewrite.IsRefused(err)
		if !ok {
			return out, err
		}
		var files []string
		var why []error
		for _, r := range refused {
			files, why = append(files, r.File), append(why, r)
		}
		if !s.leaveOut(t, files, why) {
			return nil, err
		}
		leftOut++
	}
}

// leaveOut takes test files out of the target, and says why. It reports false
// when there is anything but ordinary test files among them.
func (s *session) leaveOut(t *target, files []string, why []error) bool {
	for _, name := range files {
		_, scenario := t.scenarios[name]
		if scenario || !strings.HasSuffix(name, "_test.go") {
			return false
		}
	}
	for i, name := range files {
		if !slices.Contains(t.absent, name) {
			t.absent = append(t.absent, name)
			fmt.Fprintf(s.o.Stderr, "modeltest: left out %v\n", why[i])
		}
	}
	return true
}

// rewrite returns the text of every file that changes, by the name it has for
// the compiler.
func (s *session) rewrite(t *target, in *loaded, overlay map[string][]byte) (map[string][]byte, error) {
	out := make(map[string][]byte)
	var refused rewrite.Refused
	for _, p := range in.packages {
		files, err := rewrite.Rewrite(in.model, &rewrite.Package{
			Fset: p.Fset, Types: p.Types, Info: p.TypesInfo, Files: p.Syntax,
			Source: func(name string) ([]byte, error) {
				if text, ok := overlay[name]; ok {
					return text, nil
				}
				return os.ReadFile(name)
			},
			Show: func(name string) string {
				if origin, ok := t.scenarios[name]; ok {
					return origin
				}
				return s.ws.original(name)
			},
			Stub: s.o.Stub || t.stubs(overlay),
		})
		if r, ok := rewrite.IsRefused(err); ok {
			refused = append(refused, r...)
			continue
		}
		if err != nil {
			return nil, err
		}
		for name, text := range files {
			if name == rewrite.SupportName {
				name = supportPath(p)
			}
			out[name] = text
		}
	}
	if len(refused) > 0 {
		return nil, s.shorten(refused)
	}
	return out, nil
}

// supportPath puts the support file where only the package that needs it sees
// it: external tests are a package of their own in the same folder.
func supportPath(p *packages.Package) string {
	dir := filepath.Dir(p.GoFiles[0])
	if strings.HasSuffix(p.PkgPath, "_test") {
		return filepath.Join(dir, strings.TrimSuffix(rewrite.SupportName, ".go")+"_test.go")
	}
	return filepath.Join(dir, rewrite.SupportName)
}

// shorten makes the names in refusals relative to the caller's folder.
func (s *session) shorten(r rewrite.Refused) rewrite.Refused {
	for i := range r {
		r[i].Pos.Filename = s.relative(r[i].Pos.Filename)
	}
	return r
}

func (s *session) relative(name string) string {
	if rel, err := filepath.Rel(s.o.Dir, name); err == nil && !strings.HasPrefix(rel, "..") {
		return rel
	}
	return name
}
