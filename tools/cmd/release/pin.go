package main

import (
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// A pin is one version of one library, and where its files come from.
type pin struct {
	lib
	version string
	rev     string // the commit of its tag, or the source of untagged versions
	tagged  bool
	time    time.Time
}

func (p pin) module() module.Version { return module.Version{Path: p.path, Version: p.version} }

// where says in words what the pin was taken from.
func (p pin) where() string {
	if p.tagged {
		return "tag " + p.dir + "/" + p.version
	}
	return "untagged"
}

// plan lists every version of every library: those of the tags, and after
// them the one that source (a commit or tree) would be released as, unless it
// is a tagged version and the library has not changed since.
func (r *repo) plan(source string) ([]pin, error) {
	var pins []pin
	for _, l := range r.libs {
		p, err := r.planLib(l, source)
		if err != nil {
			return nil, err
		}
		pins = append(pins, p...)
	}
	return pins, nil
}

func (r *repo) planLib(l lib, source string) ([]pin, error) {
	pins, err := r.tags(l)
	if err != nil {
		return nil, err
	}
	if err := r.licensed(source, l); err != nil {
		return nil, err
	}
	head := pin{lib: l, version: l.next, rev: source}
	if head.time, err = r.commitTime(source); err != nil {
		return nil, err
	}
	if len(pins) > 0 {
		last := pins[len(pins)-1]
		switch semver.Compare(l.next, last.version) {
		case -1:
			return nil, refuse("%s names %s %s, but %s is tagged already", versionsFile, l.dir, l.next, last.version)
		case 0:
			same, err := r.sameFolder(l, last.rev, source)
			if err != nil || same {
				return pins, err
			}
			head.version = module.PseudoVersion(semver.Major(last.version), last.version, head.time, source[:12])
		}
	}
	return append(pins, head), nil
}

// tags lists the tagged versions of a library, oldest first. A tag whose go.mod
// has another module path belongs to a prefix of the past.
func (r *repo) tags(l lib) ([]pin, error) {
	out, err := r.git("tag", "--list", l.dir+"/v*")
	if err != nil {
		return nil, err
	}
	var pins []pin
	for _, tag := range strings.Fields(out) {
		version := strings.TrimPrefix(tag, l.dir+"/")
		if checkVersion(l.path, version) != nil {
			continue
		}
		mod, err := r.git("show", tag+":"+l.dir+"/go.mod")
		if err != nil || modfile.ModulePath([]byte(mod)) != l.path {
			continue
		}
		p := pin{lib: l, version: version, tagged: true}
		if p.rev, err = r.git("rev-parse", tag+"^{commit}"); err != nil {
			return nil, err
		}
		if p.time, err = r.commitTime(p.rev); err != nil {
			return nil, err
		}
		pins = append(pins, p)
	}
	slices.SortFunc(pins, func(a, b pin) int { return semver.Compare(a.version, b.version) })
	return pins, nil
}

// sameFolder reports whether a library's folder has the same files in two revisions.
func (r *repo) sameFolder(l lib, a, b string) (bool, error) {
	x, err := r.git("rev-parse", a+":"+l.dir)
	if err != nil {
		return false, err
	}
	y, err := r.git("rev-parse", b+":"+l.dir)
	return x == y, err
}

// newest picks the last pin of each of libs.
func newest(pins []pin, libs []lib) []pin {
	var out []pin
	for _, l := range libs {
		for _, p := range slices.Backward(pins) {
			if p.dir == l.dir {
				out = append(out, p)
				break
			}
		}
	}
	return out
}
