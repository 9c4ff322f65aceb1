package main

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
	"golang.org/x/mod/sumdb/dirhash"
	modzip "golang.org/x/mod/zip"
)

// packCommand writes a proxy directory of all versions, or of those named.
func packCommand(r *repo, o options, args []string, w io.Writer) error {
	source, err := r.source(o.tree)
	if err != nil {
		return err
	}
	pins, err := r.plan(source)
	if err != nil {
		return err
	}
	if len(args) > 0 {
		if pins, err = r.selectPins(pins, args, source); err != nil {
			return err
		}
	}
	dir := o.out
	if dir == "" {
		dir = r.file("dist/proxy")
	}
	if err := r.pack(proxy(dir), pins); err != nil {
		return err
	}
	for _, p := range pins {
		fmt.Fprintf(w, "%s@%s (%s)\n", p.path, p.version, p.where())
	}
	fmt.Fprintf(w, "packed %d versions into %s\n", len(pins), dir)
	return nil
}

// selectPins picks MODULE (its newest version) and MODULE@VERSION. A version
// without a tag is one that source is about to get.
func (r *repo) selectPins(pins []pin, args []string, source string) ([]pin, error) {
	var out []pin
	for _, arg := range args {
		name, version, versioned := strings.Cut(arg, "@")
		l, err := r.lib(name)
		if err != nil {
			return nil, err
		}
		p := newest(pins, []lib{l})[0]
		if versioned && version != p.version {
			if err := checkVersion(l.path, version); err != nil {
				return nil, err
			}
			i := slices.IndexFunc(pins, func(p pin) bool { return p.dir == l.dir && p.version == version })
			if i >= 0 {
				p = pins[i]
			} else {
				p = pin{lib: l, version: version, rev: source}
				if p.time, err = r.commitTime(source); err != nil {
					return nil, err
				}
			}
		}
		out = append(out, p)
	}
	return out, nil
}

// A proxy is a directory that the go command can use as a file GOPROXY, and that
// a static file server can serve as one.
type proxy string

// file is the place of a version's .info, .mod or .zip file.
func (x proxy) file(m module.Version, ext string) (string, error) {
	path, err := module.EscapePath(m.Path)
	if err != nil {
		return "", err
	}
	version, err := module.EscapeVersion(m.Version)
	if err != nil {
		return "", err
	}
	return filepath.Join(string(x), filepath.FromSlash(path), "@v", version+ext), nil
}

// pack adds versions to the proxy directory. A version that is there already must
// have the same content, for somebody may have pinned it; if one differs, nothing is
// written.
func (r *repo) pack(dir proxy, pins []pin) error {
	tmp, err := os.MkdirTemp("", "release-pack-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	staged := proxy(tmp)
	for _, p := range pins {
		if err := r.stage(staged, p); err != nil {
			return err
		}
		if err := dir.conflict(staged, p.module()); err != nil {
			return err
		}
	}
	for _, p := range pins {
		if err := dir.take(staged, p.module()); err != nil {
			return err
		}
	}
	return nil
}

// stage writes the three files of one version.
func (r *repo) stage(dir proxy, p pin) error {
	m := p.module()
	if err := r.licensed(p.rev, p.lib); err != nil {
		return err
	}
	files, err := r.archive(p.rev, p.lib)
	if err != nil {
		return err
	}
	name, err := dir.file(m, ".zip")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	err = modzip.Create(f, m, files)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("%s: %w", m, err)
	}
	mod, err := zipped(name, m, "go.mod")
	if err != nil {
		return err
	}
	info, err := json.Marshal(struct {
		Version string
		Time    time.Time
	}{p.version, p.time})
	if err != nil {
		return err
	}
	base := strings.TrimSuffix(name, ".zip")
	if err := os.WriteFile(base+".mod", mod, 0o666); err != nil {
		return err
	}
	return os.WriteFile(base+".info", info, 0o666)
}

// zipped reads one file of a module zip.
func zipped(name string, m module.Version, file string) ([]byte, error) {
	z, err := zip.OpenReader(name)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	f, err := z.Open(m.Path + "@" + m.Version + "/" + file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// conflict refuses a version that x has with other content.
func (x proxy) conflict(staged proxy, m module.Version) error {
	name, err := x.file(m, ".zip")
	if err != nil {
		return err
	}
	if _, err := os.Stat(name); err != nil {
		return nil
	}
	have, err := dirhash.HashZip(name, dirhash.DefaultHash)
	if err != nil {
		return err
	}
	want, _, err := staged.hashes(m)
	if err != nil {
		return err
	}
	if have != want {
		return refuse("version already used: %s holds another %s; give it a new number or remove the directory", x, m)
	}
	return nil
}

// take copies a version out of the staging directory and lists it.
func (x proxy) take(staged proxy, m module.Version) error {
	for _, ext := range []string{".mod", ".zip", ".info"} {
		from, err := staged.file(m, ext)
		if err != nil {
			return err
		}
		to, err := x.file(m, ext)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(to, data, 0o666); err != nil {
			return err
		}
	}
	return x.list(m)
}

// list adds a version to the module's list. Pseudo-versions are not listed: they are
// fetched by name only, so that nobody gets one who asked for the latest.
func (x proxy) list(m module.Version) error {
	zip, err := x.file(m, ".zip")
	if err != nil {
		return err
	}
	name := filepath.Join(filepath.Dir(zip), "list")
	data, err := os.ReadFile(name)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	versions := strings.Fields(string(data))
	if !module.IsPseudoVersion(m.Version) && !slices.Contains(versions, m.Version) {
		versions = append(versions, m.Version)
	}
	semver.Sort(versions)
	text := strings.Join(versions, "\n")
	if text != "" {
		text += "\n"
	}
	return os.WriteFile(name, []byte(text), 0o666)
}
