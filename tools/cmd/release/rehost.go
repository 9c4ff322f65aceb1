package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// rehostCommand moves every module to another prefix. The tree was clean, so what it
// wrote can be taken back, and is, when the result does not hold.
func rehostCommand(r *repo, o options, args []string, w io.Writer) error {
	if len(args) != 1 {
		return refuse("name one prefix: release rehost host/owner/repo")
	}
	prefix := args[0]
	if err := r.hostable(prefix); err != nil {
		return err
	}
	source, err := r.head("commit first")
	if err != nil {
		return err
	}
	for _, l := range r.libs {
		if err := r.licensed(source, l); err != nil {
			return err
		}
	}
	if err := r.unused(prefix); err != nil {
		return err
	}
	files, err := r.tracked()
	if err != nil {
		return err
	}
	m := &move{repo: r, prefix: prefix, before: map[string][]byte{}}
	if err := m.run(files, w); err != nil {
		if uerr := m.undo(); uerr != nil {
			return fmt.Errorf("%w; and the tree could not be restored: %v", err, uerr)
		}
		if err != errFailed {
			err = fmt.Errorf("%w\nthe tree is as it was", err)
		}
		return err
	}
	fmt.Fprintf(w, "moved %d files from %s to %s; make test, then commit\n", m.moved, r.prefix, prefix)
	return nil
}

// hostable refuses what cannot be the prefix of the modules.
func (r *repo) hostable(prefix string) error {
	if prefix == r.prefix {
		return refuse("prefix already used: the modules are at %s", prefix)
	}
	for _, l := range r.libs {
		if err := module.CheckPath(prefix + "/" + l.dir); err != nil || path.Clean(prefix) != prefix {
			return refuse("malformed prefix %q: want host/owner/repo with a dot in host", prefix)
		}
	}
	// The rewritten text could not be told from the old one.
	if strings.Contains(prefix, r.prefix) || strings.HasPrefix(r.prefix, prefix+"/") {
		return refuse("prefix already used: %s and %s lie inside each other", prefix, r.prefix)
	}
	return nil
}

// unused refuses a prefix under which somebody else's modules are required: from then on
// they could not be told from siblings.
func (r *repo) unused(prefix string) error {
	files, err := r.tracked()
	if err != nil {
		return err
	}
	for _, name := range files {
		if path.Base(name) != "go.mod" {
			continue
		}
		data, err := r.read(name)
		if err != nil {
			return err
		}
		mod, err := modfile.ParseLax(name, data, nil)
		if err != nil {
			continue // a fixture
		}
		for _, req := range mod.Require {
			if req.Mod.Path == prefix || strings.HasPrefix(req.Mod.Path, prefix+"/") {
				return refuse("prefix already used: %s requires %s", name, req.Mod.Path)
			}
		}
	}
	return nil
}

// tracked lists the regular files that git tracks.
func (r *repo) tracked() ([]string, error) {
	out, err := r.git("ls-files", "-z", "--stage")
	if err != nil {
		return nil, err
	}
	var files []string
	for _, entry := range strings.Split(out, "\x00") {
		info, name, ok := strings.Cut(entry, "\t")
		if ok && strings.HasPrefix(info, "100") { // no symbolic link, no submodule
			files = append(files, name)
		}
	}
	return files, nil
}

// A move is a rehost under way.
type move struct {
	*repo
	prefix string
	moved  int               // files with the prefix in them
	before map[string][]byte // the files that it rewrote, as they were; nil for one that was not there
}

func (m *move) run(files []string, w io.Writer) error {
	for _, name := range files {
		if err := m.rewrite(name); err != nil {
			return err
		}
	}
	if err := m.leftovers(files); err != nil {
		return err
	}
	moved, err := openRepo(m.root)
	if err != nil {
		return err
	}
	// go.sum files are about to change without m's doing.
	for _, l := range moved.libs {
		if err := m.keep(l.dir + "/go.sum"); err != nil {
			return err
		}
	}
	if err := moved.writeSums(moved.libs, io.Discard); err != nil {
		return err
	}
	return moved.rebuild(w)
}

// keep remembers a file as it is now, unless it is remembered already.
func (m *move) keep(name string) error {
	if _, ok := m.before[name]; ok {
		return nil
	}
	data, err := m.read(name)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	m.before[name] = data
	return nil
}

// undo writes back what the move changed.
func (m *move) undo() error {
	for name, data := range m.before {
		err := error(nil)
		if data != nil {
			err = os.WriteFile(m.file(name), data, 0o666)
		} else if err = os.Remove(m.file(name)); os.IsNotExist(err) {
			err = nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// rewrite moves the text of one file.
func (m *move) rewrite(name string) error {
	old, err := m.read(name)
	if err != nil {
		return err
	}
	text := replacePrefix(old, m.repo.prefix, m.prefix)
	if q := regexp.QuoteMeta(m.repo.prefix); q != m.repo.prefix {
		text = replacePrefix(text, q, regexp.QuoteMeta(m.prefix))
	}
	if bytes.Equal(text, old) {
		return nil
	}
	if text, err = arrange(name, old, text); err != nil {
		return err
	}
	if err := m.keep(name); err != nil {
		return err
	}
	m.moved++
	return os.WriteFile(m.file(name), text, 0o666)
}

// leftovers fails if the old prefix is still somewhere, in a file or in a file's name.
func (m *move) leftovers(files []string) error {
	old := m.repo.prefix
	for _, name := range files {
		if strings.Contains(name, old) {
			return fmt.Errorf("%s has the old prefix in its name", name)
		}
		data, err := m.read(name)
		if err != nil {
			return err
		}
		if i := bytes.Index(data, []byte(old)); i >= 0 {
			return fmt.Errorf("%s:%d: the old prefix is part of a longer name there", name, 1+bytes.Count(data[:i], []byte("\n")))
		}
	}
	return nil
}

// rebuild compiles every module of the workspace, tests included, and checks the libraries as
// strangers get them.
func (r *repo) rebuild(w io.Writer) error {
	work, err := r.read("go.work")
	if err != nil {
		return err
	}
	parsed, err := modfile.ParseWork("go.work", work, nil)
	if err != nil {
		return err
	}
	args := []string{"vet"}
	for _, use := range parsed.Use {
		args = append(args, "./"+path.Clean(use.Path)+"/...")
	}
	if _, err := runGo(r.root, append(os.Environ(), "GOWORK="), args...); err != nil {
		return err
	}
	faults, err := r.lintMods()
	if err != nil {
		return err
	}
	if len(faults) > 0 {
		return fmt.Errorf("%s", strings.Join(faults, "\n"))
	}
	source, err := r.workingTree()
	if err != nil {
		return err
	}
	return r.check(source, r.libs, checkOptions{}, w)
}
