package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// tagCommand checks one library and tags HEAD as its next version.
func tagCommand(r *repo, o options, args []string, w io.Writer) error {
	if len(args) < 1 || len(args) > 2 {
		return refuse("name one module: release tag MODULE [VERSION]")
	}
	l, err := r.lib(args[0])
	if err != nil {
		return err
	}
	version := l.next
	if len(args) == 2 {
		version = args[1]
	}
	tag := l.dir + "/" + version
	if err := r.taggable(l, version); err != nil {
		return err
	}
	source, err := r.head("commit first")
	if err != nil {
		return err
	}
	if err := firstError(r.licensed(source, l), r.logged(l, version)); err != nil {
		return err
	}
	if err := r.siblingsTagged(l); err != nil {
		return err
	}
	if err := r.check(source, []lib{l}, checkOptions{tests: true, strict: true}, w); err != nil {
		return err
	}
	if err := r.api(source, []lib{l}, w); err != nil {
		return err
	}
	if _, err := r.git("tag", "--annotate", "--message", l.dir+" "+version, tag, source); err != nil {
		return err
	}
	fmt.Fprintf(w, "tagged %s; git push origin %s publishes it\n", tag, tag)
	return nil
}

// taggable refuses a version that is malformed, used, or not the one that versionsFile names.
func (r *repo) taggable(l lib, version string) error {
	if err := checkVersion(l.path, version); err != nil {
		return err
	}
	if _, err := r.git("rev-parse", "--verify", "--quiet", "refs/tags/"+l.dir+"/"+version); err == nil {
		return refuse("version already used: there is a tag %s/%s", l.dir, version)
	}
	if version != l.next {
		return refuse("%s names %s %s, not %s; change it first", versionsFile, l.dir, l.next, version)
	}
	return nil
}

// logged refuses a version without a section in the library's CHANGELOG.md.
func (r *repo) logged(l lib, version string) error {
	data, err := r.read(l.dir + "/CHANGELOG.md")
	if err != nil {
		return refuse("no %s/CHANGELOG.md", l.dir)
	}
	bare := strings.TrimPrefix(version, "v")
	for _, line := range bytes.Split(data, []byte("\n")) {
		f := strings.Fields(string(line))
		if len(f) > 1 && f[0] == "##" && strings.Trim(f[1], "[]v") == bare {
			return nil
		}
	}
	return refuse("%s/CHANGELOG.md has no section %s", l.dir, bare)
}

// siblingsTagged refuses a library that requires a sibling's version without a tag: the
// sibling's hash, which goes into the library's go.sum, could still change.
func (r *repo) siblingsTagged(l lib) error {
	mod, err := r.readModule(l.dir)
	if err != nil {
		return err
	}
	for _, req := range mod.Require {
		if !r.sibling(req.Mod.Path) {
			continue
		}
		tag := r.short(req.Mod.Path) + "/" + req.Mod.Version
		if _, err := r.git("rev-parse", "--verify", "--quiet", "refs/tags/"+tag); err != nil {
			return refuse("%s requires %s, which has no tag; tag it first", l.dir, tag)
		}
	}
	return nil
}
