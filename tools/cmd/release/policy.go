package main

import (
	"os"
	"strings"
)

// importsFile says what each public package may bring along.
const importsFile = "tools/imports.txt"

// A policy holds, by package folder, the modules that may be compiled into a
// consumer beside the package's own. The entry "tests" is what the libraries' tests
// require: a consumer sees it in the module graph, never in a binary.
type policy map[string][]string

// readPolicy reads importsFile: "PACKAGE MODULE...", where a MODULE without a dot
// in its first element is a sibling. No file allows nothing.
func (r *repo) readPolicy() (policy, error) {
	data, err := r.read(importsFile)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	p := policy{}
	for i, line := range strings.Split(string(data), "\n") {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if _, ok := p[f[0]]; ok {
			return nil, refuse("%s:%d: %s stands here twice", importsFile, i+1, f[0])
		}
		for j, m := range f[1:] {
			if first, _, _ := strings.Cut(m, "/"); !strings.Contains(first, ".") {
				f[1+j] = r.prefix + "/" + m
			}
		}
		p[f[0]] = f[1:]
	}
	return p, nil
}

// graph is what may be in the module graph of a consumer of a library: what any of its
// packages may bring along, and what the tests require.
func (p policy) graph(l lib) map[string]bool {
	ok := map[string]bool{l.path: true}
	for pkg, mods := range p {
		if pkg != "tests" && pkg != l.dir && !strings.HasPrefix(pkg, l.dir+"/") {
			continue
		}
		for _, m := range mods {
			ok[m] = true
		}
	}
	return ok
}
