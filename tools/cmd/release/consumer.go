package main

import (
	"fmt"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"
)

// A consumer is what somebody gets who imports one public package of one library.
type consumer struct {
	pkg      string   // without the prefix
	version  string   // of the library
	compiled []string // modules in the binary, without the prefix
	graph    int      // modules in `go list -m all`, without the consumer
	sums     int      // lines of its go.sum
	examples int      // examples that ran and passed
}

// checkConsumers makes a consumer of each public package of a library.
func (c *checker) checkConsumers(p pin) error {
	src, err := os.MkdirTemp(c.dir, "src-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(src)
	if err := c.proxy.unzip(p.module(), src); err != nil {
		return err
	}
	pkgs, err := publicPackages(src)
	if err != nil {
		return err
	}
	if len(pkgs) == 0 {
		return fmt.Errorf("no public package")
	}
	for _, rel := range pkgs {
		row, err := c.consume(p, src, rel)
		if err != nil {
			return fmt.Errorf("as a consumer of %s gets it: %w", path.Join(p.dir, rel), err)
		}
		c.rows = append(c.rows, row)
	}
	return nil
}

// consume starts with an empty folder and an empty module cache.
func (c *checker) consume(p pin, src, rel string) (row consumer, err error) {
	home, err := os.MkdirTemp(c.dir, "consumer-")
	if err != nil {
		return row, err
	}
	defer os.RemoveAll(home)
	s, err := newStranger(c.proxy, c.prefix, home)
	if err != nil {
		return row, err
	}
	dir := filepath.Join(home, "app")
	row = consumer{pkg: path.Join(p.dir, rel), version: p.version}
	if err := s.fetch(dir, path.Join(p.path, rel), p.module()); err != nil {
		return row, err
	}
	if row.sums, err = c.checkSums(dir, src); err != nil {
		return row, err
	}
	if row.graph, err = c.checkGraph(s, dir, p); err != nil {
		return row, err
	}
	if row.compiled, err = c.checkCompiled(s, dir, p, row.pkg); err != nil {
		return row, err
	}
	if _, err := s.run(dir, "mod", "verify"); err != nil {
		return row, err
	}
	row.examples, err = s.examples(dir, filepath.Join(src, filepath.FromSlash(rel)))
	return row, err
}

// fetch writes a program that imports pkg, gets exactly version m of its module, and builds it.
func (s *stranger) fetch(dir, pkg string, m module.Version) error {
	files := map[string]string{
		"go.mod":  "module consumer.test/app\n",
		"main.go": "package main\n\nimport _ \"" + pkg + "\"\n\nfunc main() {}\n",
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			return err
		}
	}
	for _, args := range [][]string{
		{"get", pkg + "@" + m.Version},
		{"mod", "tidy"},
		{"build", "-o", "app.exe", "."},
		{"vet", "."},
	} {
		if _, err := s.run(dir, args...); err != nil {
			return err
		}
	}
	return nil
}

// checkSums counts the go.sum lines of a consumer. The checksum database was off, so each
// line about somebody else's module must stand in the library's own go.sum.
func (c *checker) checkSums(dir, src string) (int, error) {
	got, err := os.ReadFile(filepath.Join(dir, "go.sum"))
	if err != nil {
		return 0, err
	}
	own, err := os.ReadFile(filepath.Join(src, "go.sum"))
	if err != nil && !os.IsNotExist(err) {
		return 0, err
	}
	known := sumsWithout(own, func(module.Version) bool { return false })
	for _, line := range sumsWithout(got, func(m module.Version) bool { return c.sibling(m.Path) }) {
		if !slices.Contains(known, line) {
			return 0, fmt.Errorf("go.sum line that the library's go.sum does not have: %s", line)
		}
	}
	return strings.Count(string(got), "\n"), nil
}

// checkGraph counts the modules of a consumer's graph and holds them against the policy.
func (c *checker) checkGraph(s *stranger, dir string, p pin) (int, error) {
	out, err := s.run(dir, "list", "-m", "all")
	if err != nil {
		return 0, err
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")[1:] // the first is the consumer
	allowed := c.policy.graph(p.lib)
	for _, line := range lines {
		mod, version, _ := strings.Cut(line, " ")
		if mod == p.path && version != p.version {
			return 0, fmt.Errorf("asked for %s, got %s", p.version, version)
		}
		if !allowed[mod] {
			return 0, fmt.Errorf("module %s in the graph, which %s does not allow", line, importsFile)
		}
	}
	return len(lines), nil
}

// checkCompiled reads out of the binary which modules it was built from.
func (c *checker) checkCompiled(s *stranger, dir string, p pin, pkg string) ([]string, error) {
	out, err := s.run(dir, "version", "-m", "app.exe")
	if err != nil {
		return nil, err
	}
	allowed := append([]string{p.path}, c.policy[pkg]...)
	var mods []string
	for _, line := range strings.Split(out, "\n") {
		f := strings.Fields(line)
		if len(f) < 3 || f[0] != "dep" {
			continue
		}
		if !slices.Contains(allowed, f[1]) {
			return nil, fmt.Errorf("module %s %s is compiled in, which %s does not allow", f[1], f[2], importsFile)
		}
		mods = append(mods, c.short(f[1]))
	}
	if !slices.Contains(mods, p.dir) {
		return nil, fmt.Errorf("the module itself is not compiled in, only %v", mods)
	}
	// The package's own module first.
	slices.SortStableFunc(mods, func(a, b string) int { return boolInt(b == p.dir) - boolInt(a == p.dir) })
	return mods, nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// examples runs the example files of the package in folder pkg as tests of the consumer's own.
func (s *stranger) examples(dir, pkg string) (int, error) {
	files, err := filepath.Glob(filepath.Join(pkg, "example*_test.go"))
	if err != nil || len(files) == 0 {
		return 0, err
	}
	to := filepath.Join(dir, "examples")
	if err := os.Mkdir(to, 0o777); err != nil {
		return 0, err
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			return 0, err
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(name)), data, 0o666); err != nil {
			return 0, err
		}
	}
	// An example of the root package may import a sub-package, which may need more go.sum lines.
	out, err := s.run(dir, "test", "-mod=mod", "-count=1", "-v", "./examples")
	return strings.Count(out, "--- PASS: Example"), err
}

// publicPackages lists the folders under root, by their slash path, that hold a package others
// can import on some platform.
func publicPackages(root string) ([]string, error) {
	found := map[string]bool{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() {
			if name != root && (base == "internal" || base == "testdata" || base == "vendor" ||
				strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(base, ".go") || strings.HasSuffix(base, "_test.go") {
			return nil
		}
		ok, err := importable(name)
		if ok {
			rel, err := filepath.Rel(root, filepath.Dir(name))
			if err != nil {
				return err
			}
			found[filepath.ToSlash(rel)] = true
		}
		return err
	})
	return slices.Sorted(maps.Keys(found)), err
}

// importable reports whether a file belongs to a package that can be imported: it is no
// command and no file that is run by hand (//go:build ignore).
func importable(name string) (bool, error) {
	f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return false, err
	}
	for _, g := range f.Comments {
		for _, comment := range g.List {
			if !constraint.IsGoBuild(comment.Text) {
				continue
			}
			expr, err := constraint.Parse(comment.Text)
			if err == nil && expr.String() == "ignore" {
				return false, nil
			}
		}
	}
	return f.Name.Name != "main", nil
}
