package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

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
