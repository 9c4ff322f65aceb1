package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// checkCommand checks libraries as strangers get them.
func checkCommand(r *repo, o options, args []string, w io.Writer) error {
	libs, err := r.pick(args)
	if err != nil {
		return err
	}
	source, err := r.source(o.tree)
	if err != nil {
		return err
	}
	return r.check(source, libs, checkOptions{tests: true}, w)
}

type checkOptions struct {
	tests  bool // run the libraries' tests, not just compile them
	strict bool // go.sum lines of siblings must be right, which must then be tagged
}

// A checker holds what all checks of one run share.
type checker struct {
	*repo
	checkOptions
	w      io.Writer
	dir    string // temporary, for everything
	proxy  proxy
	pins   []pin
	policy policy
	rows   []consumer
}

// check packs every version that source implies and checks the newest of each of libs. All
// failures are printed before it returns errFailed.
func (r *repo) check(source string, libs []lib, o checkOptions, w io.Writer) error {
	pins, err := r.plan(source)
	if err != nil {
		return err
	}
	c := &checker{repo: r, checkOptions: o, w: w, pins: pins}
	if c.policy, err = r.readPolicy(); err != nil {
		return err
	}
	if c.dir, err = os.MkdirTemp("", "release-check-"); err != nil {
		return err
	}
	defer os.RemoveAll(c.dir)
	c.proxy = proxy(filepath.Join(c.dir, "proxy"))
	if err := r.pack(c.proxy, pins); err != nil {
		return err
	}
	failed := 0
	for _, p := range newest(pins, libs) {
		start := time.Now()
		if err := c.checkPin(p); err != nil {
			fmt.Fprintf(w, "FAIL  %s %s: %v\n", p.dir, p.version, err)
			failed++
			continue
		}
		fmt.Fprintf(w, "ok    %s %s (%s) in %.1fs\n", p.dir, p.version, p.where(), time.Since(start).Seconds())
	}
	c.table()
	fmt.Fprintf(w, "checked alone: %d modules passed, %d failed\n", len(libs)-failed, failed)
	if failed > 0 {
		return errFailed
	}
	return nil
}

func (c *checker) checkPin(p pin) error {
	if err := c.checkUnpacked(p); err != nil {
		return err
	}
	return c.checkConsumers(p)
}

// checkUnpacked takes a library out of its zip and builds it there, without siblings
// beside it: what it needs must come from its go.mod.
func (c *checker) checkUnpacked(p pin) error {
	home, err := os.MkdirTemp(c.dir, "alone-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(home)
	dir := filepath.Join(home, filepath.Base(p.dir))
	if err := c.proxy.unzip(p.module(), dir); err != nil {
		return err
	}
	mod, err := readMod(dir)
	if err != nil {
		return err
	}
	if err := firstError(lintLibrary(mod), c.pinned(mod)); err != nil {
		return err
	}
	s, err := newStranger(c.proxy, c.prefix, home)
	if err != nil {
		return err
	}
	if err := c.tidy(s, p, dir); err != nil {
		return err
	}
	if !c.tests {
		_, err = s.run(dir, "vet", "./...")
		return err
	}
	// A test may ask runtime.Caller for its folder.
	_, err = s.run(dir, "test", "-trimpath=false", "./...")
	return err
}

func readMod(dir string) (*modfile.File, error) {
	data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return nil, err
	}
	return modfile.Parse("go.mod", data, nil)
}

// pinned finds requirements of sibling versions that nobody will find: a forgotten tag.
func (c *checker) pinned(mod *modfile.File) error {
	for _, req := range mod.Require {
		if c.sibling(req.Mod.Path) && !c.has(req.Mod) {
			return fmt.Errorf("requires %s, which has neither a tag nor a line in %s", req.Mod, versionsFile)
		}
	}
	return nil
}

// has reports whether the packed proxy holds a version.
func (c *checker) has(m module.Version) bool {
	return slices.ContainsFunc(c.pins, func(p pin) bool { return p.module() == m })
}

// unpublished reports whether m is a version that has no tag yet. Its hashes change with each
// commit, so a go.sum line for it can be out of date without a fault in the go.mod file.
func (c *checker) unpublished(m module.Version) bool {
	return slices.ContainsFunc(c.pins, func(p pin) bool { return p.module() == m && !p.tagged })
}

// tidy demands that `go mod tidy` changes nothing, as `go mod tidy -diff` would, but that
// stale lines for unpublished siblings are a warning unless strict. It leaves dir tidy, so that the tests run.
func (c *checker) tidy(s *stranger, p pin, dir string) error {
	modName, sumName := filepath.Join(dir, "go.mod"), filepath.Join(dir, "go.sum")
	oldMod, err := os.ReadFile(modName)
	if err != nil {
		return err
	}
	oldSum, err := os.ReadFile(sumName)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	kept := sumsWithout(oldSum, c.unpublished)
	if len(oldSum) > 0 {
		if err := os.WriteFile(sumName, sortSums(kept), 0o666); err != nil {
			return err
		}
	}
	if _, err := s.run(dir, "mod", "tidy"); err != nil {
		return err
	}
	newMod, err := os.ReadFile(modName)
	if err != nil {
		return err
	}
	newSum, err := os.ReadFile(sumName)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	// As for tidy -diff, a blank line is no difference.
	if parsed, err := modfile.Parse("go.mod", oldMod, nil); err == nil {
		if oldMod, err = parsed.Format(); err != nil {
			return err
		}
	}
	if !bytes.Equal(oldMod, newMod) {
		return fmt.Errorf("go.mod is not tidy:\n%s", lineDiff(oldMod, newMod))
	}
	if now := sumsWithout(newSum, c.unpublished); !slices.Equal(kept, now) {
		return fmt.Errorf("go.sum is not tidy:\n%s", lineDiff(sortSums(kept), sortSums(now)))
	}
	if bytes.Equal(oldSum, newSum) {
		return nil
	}
	if c.strict {
		return fmt.Errorf("go.sum has other lines for siblings than they will get (release sum -w writes them):\n%s", lineDiff(oldSum, newSum))
	}
	fmt.Fprintf(c.w, "note  %s: go.sum lines of unpublished siblings are not up to date; make sum writes them\n", p.dir)
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// table prints what consumers got.
func (c *checker) table() {
	if len(c.rows) == 0 {
		return
	}
	t := tabwriter.NewWriter(c.w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nimported\tversion\tmodules compiled in\tin the graph\tgo.sum lines\texamples")
	for _, row := range c.rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%d\n", row.pkg, row.version,
			strings.Join(row.compiled, " "), row.graph, row.sums, row.examples)
	}
	t.Flush()
	fmt.Fprintln(c.w)
}
