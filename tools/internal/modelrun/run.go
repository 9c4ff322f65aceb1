package modelrun

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/tools/go/packages"

	"example.com/interlock/tools/internal/rewrite"
)

// Options says what to run and how. Zero values are the defaults of the
// command.
type Options struct {
	Dir       string   // where the patterns are resolved
	Patterns  []string // packages; none means "."
	Scenarios string   // folder of *_test.go.txt; "" is testdata/model of each package
	Also      []string // further packages to rewrite, as paths or path/...
	Sched     string   // folder of the module tools/sched; "" finds it
	Out       string   // folder to write the rewritten files to, instead of running them

	WithTests bool // the package's own tests too
	Race      bool
	Verbose   bool
	Keep      bool // keep the temporary files and say where
	Stub      bool // a function that is refused panics instead

	// Overlay replaces files of the packages, scenarios among them, before they
	// are rewritten, by absolute name. A nil text removes a file.
	Overlay map[string][]byte

	Run     string        // which tests, as for go test
	Time    time.Duration // limit for each scenario; 0 is sched's
	Timeout time.Duration // limit for the whole test binary; 0 is go test's
	Replay  string        // a schedule to run again

	Stdout, Stderr io.Writer
}

// Flags declares the flags of the command in f.
func (o *Options) Flags(f *flag.FlagSet) {
	f.BoolVar(&o.Race, "race", false, "build with the race detector, which then sees only the edges that the code itself makes")
	f.StringVar(&o.Run, "run", "", "run the scenarios that match this `regexp`, as for go test")
	f.DurationVar(&o.Time, "time", 0, "give each scenario at most this much time (0: the scheduler's default)")
	f.StringVar(&o.Replay, "replay", "", "run one `schedule` again, as a failure printed it; use it with -run")
	f.BoolVar(&o.Verbose, "v", false, "print all that the tests print")
	f.BoolVar(&o.WithTests, "with-tests", false, "run the package's own _test.go files too, rewritten, outside any exploration")
	f.StringVar(&o.Scenarios, "scenarios", "", "take the scenarios from this `folder` instead of the package's testdata/model")
	f.Func("also", "rewrite this package too, a `path` or path/... (repeatable); packages of the same module always are", func(p string) error {
		o.Also = append(o.Also, strings.Split(p, ",")...)
		return nil
	})
	f.BoolVar(&o.Stub, "stub", false, "let a function that is refused panic when it is called, instead of refusing its package")
	f.DurationVar(&o.Timeout, "timeout", 0, "end the test binary after this time (0: go test's default)")
	f.StringVar(&o.Out, "o", "", "write the rewritten files to this `folder` and run nothing")
	f.BoolVar(&o.Keep, "work", false, "keep the temporary files and print where they are")
	f.StringVar(&o.Sched, "sched", "", "use the module tools/sched in this `folder` (default: the one modeltest was built with)")
}

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
			Stub: s.o.Stub,
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

// overlayFile writes the rewritten files and the overlay that puts them in
// place.
func (s *session) overlayFile(t *target, out map[string][]byte) (string, error) {
	s.runs++
	dir := filepath.Join(s.ws.dir, fmt.Sprintf("run%d", s.runs))
	replace := make(map[string]string)
	for _, name := range t.absent {
		replace[name] = ""
	}
	for name, text := range out {
		to := filepath.Join(dir, fmt.Sprintf("%d", len(replace)), filepath.Base(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			return "", err
		}
		if err := os.WriteFile(to, text, 0o666); err != nil {
			return "", err
		}
		replace[name] = to
	}
	text, err := json.MarshalIndent(map[string]any{"Replace": replace}, "", "\t")
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	return name, os.WriteFile(name, text, 0o666)
}

// export writes the rewritten files for a reader.
func (s *session) export(t *target, out map[string][]byte) error {
	var names []string
	for name := range out {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		rel, err := filepath.Rel(t.dir, name)
		if err != nil {
			return err
		}
		to := filepath.Join(s.o.Out, strings.ReplaceAll(rel, "..", "_"))
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(to, out[name], 0o666); err != nil {
			return err
		}
		fmt.Fprintln(s.o.Stdout, to)
	}
	return nil
}
