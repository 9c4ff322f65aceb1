package modelrun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/version"
	"io/fs"
	"os"
	"path/filepath"
	goruntime "runtime"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"example.com/interlock/tools/internal/rewrite"
	_ "example.com/interlock/tools/sched" // its version is in the build information
)

// A workspace is a go.work file of our own beside the caller's. It has the
// caller's modules, the module of tools/sched, and a copy of each module that
// must be rewritten and lies in the module cache, which no overlay may touch.
// So neither the package under test nor its module has to require anything.
type workspace struct {
	dir  string // temporary
	work *modfile.WorkFile
	env  goEnv
	// origin maps the folder of each copied module to the folder it came from.
	origin map[string]string
}

func newWorkspace(ctx context.Context, tmp, dir, schedDir string) (*workspace, error) {
	env, err := goCmd{dir: dir}.readEnv(ctx)
	if err != nil {
		return nil, err
	}
	ws := &workspace{dir: tmp, env: env, origin: make(map[string]string)}
	if err := ws.base(); err != nil {
		return nil, err
	}
	if err := ws.useSched(ctx, dir, schedDir); err != nil {
		return nil, err
	}
	return ws, ws.write()
}

// base starts from the caller's workspace, or makes one of the caller's module.
func (ws *workspace) base() error {
	if ws.env.GOWORK != "" && ws.env.GOWORK != "off" {
		return ws.copyWork(ws.env.GOWORK)
	}
	if ws.env.GOMOD == "" || ws.env.GOMOD == os.DevNull {
		return errors.New("no go.mod or go.work here: run modeltest inside a module")
	}
	text, err := os.ReadFile(ws.env.GOMOD)
	if err != nil {
		return err
	}
	mod, err := modfile.ParseLax(ws.env.GOMOD, text, nil)
	if err != nil {
		return err
	}
	ws.work = new(modfile.WorkFile)
	ws.work.Syntax = new(modfile.FileSyntax)
	if err := ws.work.AddGoStmt(workGo(mod.Go)); err != nil {
		return err
	}
	if err := copyFile(strings.TrimSuffix(ws.env.GOMOD, ".mod")+".sum", filepath.Join(ws.dir, "go.work.sum")); err != nil {
		return err
	}
	return ws.work.AddUse(filepath.Dir(ws.env.GOMOD), "")
}

// workGo is the language version of the workspace: at least that of tools/sched.
func workGo(g *modfile.Go) string {
	const least = "1.26.0"
	if g == nil || compareGo(g.Version, least) < 0 {
		return least
	}
	return g.Version
}

// copyWork copies a go.work file and makes its paths absolute.
func (ws *workspace) copyWork(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if ws.work, err = modfile.ParseWork(name, text, nil); err != nil {
		return err
	}
	root := filepath.Dir(name)
	for _, u := range slices.Clone(ws.work.Use) {
		rel := u.Path // DropUse clears u
		if filepath.IsAbs(rel) {
			continue
		}
		if err := errors.Join(ws.work.DropUse(rel), ws.work.AddUse(filepath.Join(root, rel), "")); err != nil {
			return err
		}
	}
	for _, r := range slices.Clone(ws.work.Replace) {
		if r.New.Version != "" || filepath.IsAbs(r.New.Path) {
			continue
		}
		if err := ws.work.AddReplace(r.Old.Path, r.Old.Version, filepath.Join(root, r.New.Path), ""); err != nil {
			return err
		}
	}
	if err := ws.work.AddGoStmt(workGo(ws.work.Go)); err != nil {
		return err
	}
	return copyFile(name+".sum", filepath.Join(ws.dir, "go.work.sum"))
}

// copyFile copies a file; a missing one is no error.
func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o666)
}

func (ws *workspace) name() string { return filepath.Join(ws.dir, "go.work") }

func (ws *workspace) write() error {
	ws.work.Cleanup()
	return os.WriteFile(ws.name(), modfile.Format(ws.work.Syntax), 0o666)
}

// environ is the environment for go commands in this workspace.
func (ws *workspace) environ() []string {
	var flags []string
	for f := range strings.FieldsSeq(ws.env.GOFLAGS) {
		if !strings.HasPrefix(f, "-mod=") && !strings.HasPrefix(f, "-modfile=") {
			flags = append(flags, f)
		}
	}
	return []string{"GOWORK=" + ws.name(), "GOFLAGS=" + strings.Join(flags, " ")}
}

// useSched makes tools/sched part of the workspace, from the folder given, from
// the caller's workspace, or from where this program was built.
func (ws *workspace) useSched(ctx context.Context, dir, schedDir string) error {
	for _, u := range slices.Clone(ws.work.Use) {
		if modulePath(u.Path) != rewrite.Sched {
			continue
		}
		if schedDir == "" {
			return nil
		}
		if err := ws.work.DropUse(u.Path); err != nil {
			return err
		}
	}
	if schedDir == "" {
		var err error
		if schedDir, err = findSched(ctx, dir); err != nil {
			return err
		}
	}
	schedDir, err := filepath.Abs(schedDir)
	if err != nil {
		return err
	}
	if got := modulePath(schedDir); got != rewrite.Sched {
		return fmt.Errorf("%s holds module %q, not %s", schedDir, got, rewrite.Sched)
	}
	return ws.work.AddUse(schedDir, "")
}

func modulePath(dir string) string {
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return ""
	}
	return modfile.ModulePath(text)
}

// findSched finds the sources of the runtime that belong to this program: in
// the repository that it was built in, or as the module version that it was
// built with.
func findSched(ctx context.Context, dir string) (string, error) {
	if _, file, _, ok := goruntime.Caller(0); ok {
		beside := filepath.Join(filepath.Dir(file), "..", "..", "sched")
		if modulePath(beside) == rewrite.Sched {
			return beside, nil
		}
	}
	info, _ := debug.ReadBuildInfo()
	if info == nil {
		info = new(debug.BuildInfo)
	}
	for _, m := range info.Deps {
		if m.Path != rewrite.Sched || m.Version == "(devel)" {
			continue
		}
		out, err := goCmd{dir: dir, env: []string{"GOWORK=off", "GOFLAGS=-mod=mod"}}.output(ctx, "mod", "download", "-json", m.Path+"@"+m.Version)
		if err != nil {
			return "", fmt.Errorf("%w: name the module's folder with -sched", err)
		}
		var got module
		err = json.Unmarshal(out, &got)
		return got.Dir, err
	}
	return "", errors.New("cannot find the module " + rewrite.Sched + ": name its folder with -sched")
}

// adopt copies a module from the module cache into the workspace, where it
// takes the place of the version that the build list has.
func (ws *workspace) adopt(m *module) error {
	to := filepath.Join(ws.dir, "copy", filepath.FromSlash(m.Path))
	if _, done := ws.origin[to]; done {
		return nil
	}
	if err := copyTree(m.Dir, to); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(to, "go.mod")); errors.Is(err, fs.ErrNotExist) {
		if err := os.WriteFile(filepath.Join(to, "go.mod"), []byte("module "+m.Path+"\n"), 0o666); err != nil {
			return err
		}
	}
	ws.origin[to] = m.Dir
	if err := ws.work.AddUse(to, ""); err != nil {
		return err
	}
	return ws.write()
}

// original gives the place where a file of a copied module came from.
func (ws *workspace) original(name string) string {
	for to, from := range ws.origin {
		if rel, err := filepath.Rel(to, name); err == nil && filepath.IsLocal(rel) {
			return filepath.Join(from, rel)
		}
	}
	return name
}

func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case d.IsDir():
			return os.MkdirAll(target, 0o777)
		case d.Type().IsRegular():
			return copyFile(name, target)
		}
		return nil
	})
}

// compareGo compares two language versions without the prefix "go".
func compareGo(x, y string) int { return version.Compare("go"+x, "go"+y) }
