package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// versionsFile names the libraries, each with the version that it has next or has now.
const versionsFile = "tools/versions.txt"

// A lib is a module that users import.
type lib struct {
	dir  string // from the root, and the prefix of its tags
	path string // the module path
	next string // its version in versionsFile
}

// A repo is the repository that the commands work on.
type repo struct {
	root   string
	prefix string // what every module path starts with
	libs   []lib  // in the order of versionsFile
}

// openRepo reads the layout of the repository around dir.
func openRepo(dir string) (*repo, error) {
	top, err := (&repo{root: dir}).git("rev-parse", "--show-toplevel")
	if err != nil {
		return nil, refuse("no git repository here: %s", firstLine(err.Error()))
	}
	r := &repo{root: filepath.FromSlash(top)}
	data, err := r.read(versionsFile)
	if err != nil {
		return nil, refuse("no %s in %s", versionsFile, r.root)
	}
	for i, line := range strings.Split(string(data), "\n") {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if len(f) != 2 {
			return nil, refuse("%s:%d: want MODULE VERSION", versionsFile, i+1)
		}
		if err := r.addLib(f[0], f[1]); err != nil {
			return nil, refuse("%s:%d: %v", versionsFile, i+1, err)
		}
	}
	if len(r.libs) == 0 {
		return nil, refuse("%s names no module", versionsFile)
	}
	return r, nil
}

func (r *repo) addLib(dir, version string) error {
	data, err := r.read(dir + "/go.mod")
	if err != nil {
		return fmt.Errorf("no module in %s", dir)
	}
	path := modfile.ModulePath(data)
	prefix, ok := strings.CutSuffix(path, "/"+dir)
	if !ok {
		return fmt.Errorf("module %s does not end in its folder %s", path, dir)
	}
	if r.prefix != "" && r.prefix != prefix {
		return fmt.Errorf("module %s is not under %s", path, r.prefix)
	}
	if err := checkVersion(path, version); err != nil {
		return err
	}
	r.prefix = prefix
	r.libs = append(r.libs, lib{dir: dir, path: path, next: version})
	return nil
}

// checkVersion says whether version can name a release of the module at path.
func checkVersion(path, version string) error {
	switch {
	case semver.Canonical(version) != version || version == "":
		return refuse("malformed version %q: want vX.Y.Z", version)
	case module.IsPseudoVersion(version):
		return refuse("%s is a pseudo-version: want vX.Y.Z", version)
	}
	if err := module.Check(path, version); err != nil {
		return refuse("%s cannot be a version of %s: the major version belongs into the path", version, path)
	}
	return nil
}

// lib finds a library by its folder; a trailing slash and a leading ./ may stay.
func (r *repo) lib(name string) (lib, error) {
	dir := strings.TrimSuffix(strings.TrimPrefix(name, "./"), "/")
	var known []string
	for _, l := range r.libs {
		if l.dir == dir {
			return l, nil
		}
		known = append(known, l.dir)
	}
	return lib{}, refuse("unknown module %q: %s has %s", name, versionsFile, strings.Join(known, ", "))
}

// pick resolves names to libraries; no names are all of them.
func (r *repo) pick(names []string) ([]lib, error) {
	if len(names) == 0 {
		return r.libs, nil
	}
	var libs []lib
	for _, n := range names {
		l, err := r.lib(n)
		if err != nil {
			return nil, err
		}
		libs = append(libs, l)
	}
	return libs, nil
}

// sibling reports whether path is a module of this repository.
func (r *repo) sibling(path string) bool {
	return strings.HasPrefix(path, r.prefix+"/")
}

// short is path without the prefix if it has it.
func (r *repo) short(path string) string {
	return strings.TrimPrefix(path, r.prefix+"/")
}

func (r *repo) file(name string) string { return filepath.Join(r.root, filepath.FromSlash(name)) }

func (r *repo) read(name string) ([]byte, error) { return os.ReadFile(r.file(name)) }

// git runs git at the root and returns what it printed, without the last newline.
func (r *repo) git(args ...string) (string, error) {
	out, err := r.gitEnv(nil, args...)
	return strings.TrimSuffix(out, "\n"), err
}

// gitEnv runs git with additions to the environment and returns exactly what it printed.
func (r *repo) gitEnv(env []string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = r.root
	cmd.Env = append(os.Environ(), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %v: %s", args[0], err, strings.TrimSpace(errs.String()))
	}
	return out.String(), nil
}

// clean refuses a tree in which something is not committed; remedy says what to do.
func (r *repo) clean(remedy string) error {
	out, err := r.git("status", "--porcelain")
	if err != nil {
		return err
	}
	if out != "" {
		return refuse("the tree is dirty (%s); %s", strings.TrimSpace(firstLine(out)), remedy)
	}
	return nil
}

// head is the commit that a command works on which changes the repository.
func (r *repo) head(remedy string) (string, error) {
	if err := r.clean(remedy); err != nil {
		return "", err
	}
	return r.git("rev-parse", "HEAD")
}

// source is the commit, or with tree the tree object, that untagged versions
// are taken from.
func (r *repo) source(tree bool) (string, error) {
	if tree {
		return r.workingTree()
	}
	return r.head("commit first, or give -tree")
}

// workingTree stores the working tree, without what git ignores, as a tree
// object. It works on an index of its own: the user's stays as it is.
func (r *repo) workingTree() (string, error) {
	tmp, err := os.MkdirTemp("", "release-index-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	env := []string{"GIT_INDEX_FILE=" + filepath.Join(tmp, "index")}
	if _, err := r.gitEnv(env, "add", "--all", "."); err != nil {
		return "", err
	}
	tree, err := r.gitEnv(env, "write-tree")
	return strings.TrimSpace(tree), err
}

// licensed refuses a source without the LICENSE that a library's zip must hold.
// The file at the root counts for every module, as it does for the go command.
func (r *repo) licensed(rev string, l lib) error {
	for _, name := range []string{l.dir + "/LICENSE", "LICENSE"} {
		if _, err := r.git("cat-file", "-e", rev+":"+name); err == nil {
			return nil
		}
	}
	return refuse("no LICENSE for %s: neither at the root nor in the module", l.dir)
}

// commitTime is the time of a commit; that of a tree object is HEAD's.
func (r *repo) commitTime(rev string) (time.Time, error) {
	kind, err := r.git("cat-file", "-t", rev)
	if err != nil {
		return time.Time{}, err
	}
	if kind == "tree" {
		rev = "HEAD"
	}
	out, err := r.git("log", "-1", "--format=%cI", rev)
	if err != nil {
		return time.Time{}, err
	}
	t, err := time.Parse(time.RFC3339, out)
	return t.UTC(), err
}
