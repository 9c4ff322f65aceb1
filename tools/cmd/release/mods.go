package main

import (
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// modsCommand holds every go.mod and go.work against the rules that the workspace
// itself does not enforce. It reads the working tree.
func modsCommand(r *repo, o options, args []string, w io.Writer) error {
	if len(args) > 0 {
		return refuse("mods takes no argument")
	}
	faults, err := r.lintMods()
	if err != nil {
		return err
	}
	for _, f := range faults {
		fmt.Fprintln(w, f)
	}
	if len(faults) > 0 {
		return errFailed
	}
	return nil
}

// lintLibrary finds what a library's go.mod must not have: replace and exclude, which
// users do not get, so that they build something else than the tests; tool, whose modules users get;
// toolchain, which makes them download a Go.
func lintLibrary(mod *modfile.File) error {
	switch {
	case len(mod.Replace) > 0:
		return fmt.Errorf("go.mod has a replace line (%s), which users do not get", mod.Replace[0].Old)
	case len(mod.Exclude) > 0:
		return fmt.Errorf("go.mod has an exclude line (%s), which users do not get", mod.Exclude[0].Mod)
	case len(mod.Tool) > 0:
		return fmt.Errorf("go.mod has a tool line (%s), whose modules every user gets", mod.Tool[0].Path)
	case mod.Toolchain != nil:
		return fmt.Errorf("go.mod has a toolchain line (%s), which makes users download it", mod.Toolchain.Name)
	case mod.Go == nil:
		return fmt.Errorf("go.mod has no go line")
	}
	return nil
}

// lintMods returns one line for each fault.
func (r *repo) lintMods() ([]string, error) {
	data, err := r.read("go.work")
	if err != nil {
		return nil, err
	}
	work, err := modfile.ParseWork("go.work", data, nil)
	if err != nil {
		return nil, err
	}
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }

	used := map[string]bool{}
	var required []module.Version // siblings, by anyone
	for _, use := range work.Use {
		dir := path.Clean(use.Path)
		used[dir] = true
		mod, err := r.readModule(dir)
		if err != nil {
			fault("%s: %v", dir, err)
			continue
		}
		if want := r.prefix + "/" + dir; mod.Module.Mod.Path != want {
			fault("%s: module %s, want %s", dir, mod.Module.Mod.Path, want)
		}
		if _, err := r.lib(dir); err == nil {
			if err := lintLibrary(mod); err != nil {
				fault("%s: %v", dir, err)
			}
		} else if len(mod.Replace) > 0 {
			fault("%s: go.mod has a replace line; go.work is the place", dir)
		} else if len(mod.Tool) > 0 && dir != "tools" {
			fault("%s: go.mod has a tool line; tools/go.mod is the place", dir)
		}
		for _, req := range mod.Require {
			if !r.sibling(req.Mod.Path) {
				continue
			}
			required = append(required, req.Mod)
			if !replaced(work, req.Mod) {
				fault("go.work: no replace of %s, which %s requires", req.Mod, dir)
			}
		}
	}
	for _, l := range r.libs {
		if !used[l.dir] {
			fault("go.work: does not use %s", l.dir)
		}
	}
	for _, rep := range work.Replace {
		if err := r.lintReplace(rep, required); err != nil {
			fault("go.work: %v", err)
		}
	}
	return faults, nil
}

func (r *repo) readModule(dir string) (*modfile.File, error) {
	data, err := r.read(dir + "/go.mod")
	if err != nil {
		if os.IsNotExist(err) {
			err = fmt.Errorf("no go.mod")
		}
		return nil, err
	}
	return modfile.Parse(dir+"/go.mod", data, nil)
}

func replaced(work *modfile.WorkFile, m module.Version) bool {
	for _, rep := range work.Replace {
		if rep.Old == m {
			return true
		}
	}
	return false
}

// lintReplace finds replaces that are not of a sibling's version by its folder, and those
// of versions that nobody requires and that are not the next ones.
func (r *repo) lintReplace(rep *modfile.Replace, required []module.Version) error {
	dir := r.short(rep.Old.Path)
	switch {
	case !r.sibling(rep.Old.Path):
		return fmt.Errorf("replace of %s, which is no sibling", rep.Old.Path)
	case rep.Old.Version == "":
		return fmt.Errorf("replace of %s at all versions would hide which one is required", dir)
	case rep.New.Version != "" || path.Clean(strings.TrimPrefix(rep.New.Path, "./")) != dir:
		return fmt.Errorf("replace of %s by %s, which is not its folder", rep.Old, rep.New.Path)
	}
	for _, m := range required {
		if m == rep.Old {
			return nil
		}
	}
	l, err := r.lib(dir)
	if err != nil || l.next == rep.Old.Version {
		return nil // a tool's module, or ready for the first to require it
	}
	return fmt.Errorf("replace of %s, a version that nobody requires", rep.Old)
}
