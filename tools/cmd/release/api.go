package main

import (
	"fmt"
	"go/types"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/exp/apidiff"
	"golang.org/x/mod/semver"
	"golang.org/x/tools/go/packages"
)

// apiCommand compares the exported API of each library with its last tag.
func apiCommand(r *repo, o options, args []string, w io.Writer) error {
	libs, err := r.pick(args)
	if err != nil {
		return err
	}
	source, err := r.source(o.tree)
	if err != nil {
		return err
	}
	return r.api(source, libs, w)
}

// api prints what changed and fails when the version in versionsFile is lower than
// the one that is due.
func (r *repo) api(source string, libs []lib, w io.Writer) error {
	pins, err := r.plan(source)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "release-api-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	x := proxy(filepath.Join(tmp, "proxy"))
	if err := r.pack(x, pins); err != nil {
		return err
	}
	failed := false
	for _, p := range newest(pins, libs) {
		base, ok := lastTag(pins, p.lib)
		switch {
		case !ok:
			fmt.Fprintf(w, "%s: no tag to compare with; %s is the first version\n", p.dir, p.next)
			continue
		case p.tagged:
			fmt.Fprintf(w, "%s: unchanged since %s\n", p.dir, base.version)
			continue
		}
		report, err := r.compare(x, tmp, base, p)
		if err != nil {
			return fmt.Errorf("%s: %w", p.dir, err)
		}
		due := dueVersion(base.version, report)
		fmt.Fprintf(w, "%s: since %s\n", p.dir, base.version)
		if len(report.Changes) == 0 {
			fmt.Fprintln(w, "no change of the exported API")
		} else if err := report.Text(w); err != nil {
			return err
		}
		if semver.Compare(p.next, due) < 0 {
			fmt.Fprintf(w, "FAIL  %s: %s is due, %s has %s\n", p.dir, due, versionsFile, p.next)
			failed = true
		} else {
			fmt.Fprintf(w, "ok    %s: %s is due, %s has %s\n", p.dir, due, versionsFile, p.next)
		}
	}
	if failed {
		return errFailed
	}
	return nil
}

// lastTag finds the newest tagged version of a library.
func lastTag(pins []pin, l lib) (pin, bool) {
	var last pin
	for _, p := range pins {
		if p.dir == l.dir && p.tagged {
			last = p
		}
	}
	return last, last.tagged
}

// compare reports the changes of the exported API between two versions of a library.
func (r *repo) compare(x proxy, tmp string, a, b pin) (apidiff.Report, error) {
	old, err := r.exported(x, tmp, a)
	if err != nil {
		return apidiff.Report{}, err
	}
	now, err := r.exported(x, tmp, b)
	if err != nil {
		return apidiff.Report{}, err
	}
	return apidiff.ModuleChanges(old, now), nil
}

// exported type-checks the public packages of a version, as they are on this platform.
func (r *repo) exported(x proxy, tmp string, p pin) (*apidiff.Module, error) {
	home, err := os.MkdirTemp(tmp, "api-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(home)
	dir := filepath.Join(home, filepath.Base(p.dir))
	if err := x.unzip(p.module(), dir); err != nil {
		return nil, err
	}
	s, err := newStranger(x, r.prefix, home)
	if err != nil {
		return nil, err
	}
	// The go.sum lines of unpublished siblings may be out of date; that is check's to say.
	if _, err := s.run(dir, "mod", "tidy"); err != nil {
		return nil, err
	}
	loaded, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedTypes | packages.NeedImports | packages.NeedDeps |
			packages.NeedSyntax | packages.NeedTypesInfo | packages.NeedFiles | packages.NeedCompiledGoFiles,
		Dir: dir,
		Env: append(s.env, "PWD="+dir),
	}, "./...")
	if err != nil {
		return nil, err
	}
	m := &apidiff.Module{Path: p.path}
	for _, pkg := range loaded {
		if len(pkg.Errors) > 0 {
			return nil, pkg.Errors[0]
		}
		if public(pkg.PkgPath, pkg.Types) {
			m.Packages = append(m.Packages, pkg.Types)
		}
	}
	return m, nil
}

// public reports whether others can import a package.
func public(path string, pkg *types.Package) bool {
	return pkg.Name() != "main" && !strings.Contains("/"+path+"/", "/internal/")
}

// dueVersion is the lowest version that may follow base with these changes. Before v1
// a minor version may change anything; after it, an incompatible change wants a new major
// version.
func dueVersion(base string, report apidiff.Report) string {
	var n [3]int
	for i, f := range strings.SplitN(strings.TrimPrefix(semver.Canonical(base), "v"), ".", 3) {
		f, _, _ = strings.Cut(f, "-")
		n[i], _ = strconv.Atoi(f)
	}
	breaks := false
	for _, c := range report.Changes {
		breaks = breaks || !c.Compatible
	}
	switch {
	case breaks && n[0] > 0:
		return fmt.Sprintf("v%d.0.0", n[0]+1)
	case len(report.Changes) > 0:
		return fmt.Sprintf("v%d.%d.0", n[0], n[1]+1)
	case semver.Prerelease(base) != "":
		return fmt.Sprintf("v%d.%d.%d", n[0], n[1], n[2])
	}
	return fmt.Sprintf("v%d.%d.%d", n[0], n[1], n[2]+1)
}
