package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// sumCommand prints the lines of the libraries' next versions, or writes them
// where a sibling requires them.
func sumCommand(r *repo, o options, args []string, w io.Writer) error {
	libs, err := r.pick(args)
	if err != nil {
		return err
	}
	if o.write {
		return r.writeSums(libs, w)
	}
	tmp, pins, err := r.packTree()
	if err != nil {
		return err
	}
	defer os.RemoveAll(string(tmp))
	for _, p := range newest(pins, libs) {
		lines, err := tmp.sumLines(p.module())
		if err != nil {
			return err
		}
		fmt.Fprintln(w, strings.Join(lines, "\n"))
	}
	return nil
}

// packTree packs the working tree into a temporary directory that the caller removes.
func (r *repo) packTree() (proxy, []pin, error) {
	source, err := r.workingTree()
	if err != nil {
		return "", nil, err
	}
	pins, err := r.plan(source)
	if err != nil {
		return "", nil, err
	}
	tmp, err := os.MkdirTemp("", "release-tree-")
	if err != nil {
		return "", nil, err
	}
	if err := r.pack(proxy(tmp), pins); err != nil {
		os.RemoveAll(tmp)
		return "", nil, err
	}
	return proxy(tmp), pins, nil
}

// writeSums brings the siblings' lines in the libraries' go.sum files up to date. The
// hash of a module covers its go.sum, so a rewritten one changes the lines of those
// above it: it goes round until nothing changes, at most once for each level of
// requirement.
func (r *repo) writeSums(libs []lib, w io.Writer) error {
	for range len(r.libs) + 1 {
		tmp, pins, err := r.packTree()
		if err != nil {
			return err
		}
		changed := false
		for _, l := range libs {
			c, err := r.writeSum(l, tmp, pins)
			if err != nil {
				os.RemoveAll(string(tmp))
				return err
			}
			if c {
				fmt.Fprintf(w, "%s/go.sum rewritten\n", l.dir)
				changed = true
			}
		}
		os.RemoveAll(string(tmp))
		if !changed {
			return nil
		}
	}
	return fmt.Errorf("the libraries require each other in a circle")
}

// writeSum does so for one library and reports whether its go.sum changed.
func (r *repo) writeSum(l lib, x proxy, pins []pin) (bool, error) {
	data, err := r.read(l.dir + "/go.mod")
	if err != nil {
		return false, err
	}
	mod, err := modfile.Parse(l.dir+"/go.mod", data, nil)
	if err != nil {
		return false, err
	}
	old, err := r.read(l.dir + "/go.sum")
	if err != nil && !os.IsNotExist(err) {
		return false, err
	}
	lines := sumsWithout(old, func(m module.Version) bool { return r.sibling(m.Path) })
	for _, req := range mod.Require {
		if !r.sibling(req.Mod.Path) {
			continue
		}
		if !slices.ContainsFunc(pins, func(p pin) bool { return p.module() == req.Mod }) {
			return false, refuse("%s requires %s, which has neither a tag nor a line in %s", l.dir, req.Mod, versionsFile)
		}
		s, err := x.sumLines(req.Mod)
		if err != nil {
			return false, err
		}
		lines = append(lines, s...)
	}
	text := sortSums(lines)
	if bytes.Equal(text, old) {
		return false, nil
	}
	return true, os.WriteFile(r.file(l.dir+"/go.sum"), text, 0o666)
}

// sumModule is the module that a go.sum line is about; the version may end in /go.mod.
func sumModule(line string) module.Version {
	f := append(strings.Fields(line), "", "")
	return module.Version{Path: f[0], Version: f[1]}
}

// sumsWithout are the lines of a go.sum file but for those of modules that drop selects.
func sumsWithout(data []byte, drop func(module.Version) bool) []string {
	var lines []string
	for _, line := range strings.Split(string(data), "\n") {
		m := sumModule(line)
		m.Version = strings.TrimSuffix(m.Version, "/go.mod")
		if m.Path != "" && !drop(m) {
			lines = append(lines, line)
		}
	}
	return lines
}

// sortSums joins lines in the order in which the go command writes them.
func sortSums(lines []string) []byte {
	if len(lines) == 0 {
		return nil
	}
	byModule := map[module.Version][]string{}
	var mods []module.Version
	for _, line := range lines {
		m := sumModule(line)
		if byModule[m] == nil {
			mods = append(mods, m)
		}
		byModule[m] = append(byModule[m], line)
	}
	module.Sort(mods)
	var out bytes.Buffer
	for _, m := range mods {
		slices.Sort(byModule[m])
		for _, line := range slices.Compact(byModule[m]) {
			out.WriteString(line + "\n")
		}
	}
	return out.Bytes()
}
