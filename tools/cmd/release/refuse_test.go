package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Bad input is one clear line, exit status 2, and a tree as it was.
func TestRefusals(t *testing.T) {
	dirty := func(f *fixture) { f.edit("core/core.go", "a + b }", "b + a }") }
	untracked := func(f *fixture) { f.write("core/new.go", "package core\n") }
	unlicensed := func(f *fixture) { f.remove("LICENSE"); f.commit() }
	renamed := func(f *fixture) { f.git("mv", "LICENSE", "COPYING"); f.commit() }
	tagged := func(f *fixture) { f.git("tag", "core/v0.1.0") }
	for _, tc := range []struct {
		name  string
		setup func(*fixture)
		args  string
		want  string // in the line
	}{
		{"no command", nil, "", "no command"},
		{"unknown command", nil, "publish", `unknown command "publish"`},
		{"unknown flag", nil, "check -race", "usage: release check"},

		{"pack, dirty", dirty, "pack", "the tree is dirty (M core/core.go); commit first, or give -tree"},
		{"pack, untracked", untracked, "pack", "the tree is dirty (?? core/new.go)"},
		{"pack, unknown module", nil, "pack nosuch", `unknown module "nosuch"`},
		{"pack, tools", nil, "pack tools", `unknown module "tools"`},
		{"pack, malformed version", nil, "pack core@1.0", `malformed version "1.0"`},
		{"pack, short version", nil, "pack core@v0.2", `malformed version "v0.2"`},
		{"pack, no version", nil, "pack core@", `malformed version ""`},
		{"pack, major version", nil, "pack core@v2.0.0", "the major version belongs into the path"},
		{"pack, pseudo-version", nil, "pack core@v0.1.1-0.20260101000000-0123456789ab", "pseudo-version"},
		{"pack, no LICENSE", unlicensed, "pack", "no LICENSE for core"},
		{"pack, COPYING", renamed, "pack", "no LICENSE for core"},

		{"check, dirty", dirty, "check", "the tree is dirty"},
		{"check, unknown module", nil, "check core nosuch", `unknown module "nosuch"`},
		{"check, no LICENSE", unlicensed, "check", "no LICENSE for core"},
		{"check, version behind the tags", func(f *fixture) { f.git("tag", "core/v0.3.0") }, "check",
			"names core v0.1.0, but v0.3.0 is tagged"},

		{"sum, unknown module", nil, "sum nosuch", `unknown module "nosuch"`},
		{"sum, no LICENSE", unlicensed, "sum", "no LICENSE for core"},
		{"api, dirty", untracked, "api", "the tree is dirty"},
		{"api, unknown module", nil, "api nosuch", `unknown module "nosuch"`},
		{"mods, argument", nil, "mods core", "no argument"},

		{"tag, no module", nil, "tag", "name one module"},
		{"tag, three", nil, "tag core v0.1.0 now", "name one module"},
		{"tag, unknown module", nil, "tag nosuch", `unknown module "nosuch"`},
		{"tag, malformed version", nil, "tag core v0.1", `malformed version "v0.1"`},
		{"tag, used version", tagged, "tag core v0.1.0", "version already used: there is a tag core/v0.1.0"},
		{"tag, used version by default", tagged, "tag core", "version already used"},
		{"tag, other version", nil, "tag core v0.5.0", "names core v0.1.0, not v0.5.0"},
		{"tag, dirty", dirty, "tag core", "the tree is dirty (M core/core.go); commit first\n"},
		{"tag, no LICENSE", unlicensed, "tag core", "no LICENSE for core"},
		{"tag, no changelog section", func(f *fixture) { f.edit("core/CHANGELOG.md", "0.1.0", "0.0.9"); f.commit() }, "tag core",
			"core/CHANGELOG.md has no section 0.1.0"},
		{"tag, no changelog", func(f *fixture) { f.remove("core/CHANGELOG.md"); f.commit() }, "tag core",
			"no core/CHANGELOG.md"},
		{"tag, untagged sibling", nil, "tag addon", "requires core/v0.1.0, which has no tag"},

		{"rehost, no prefix", nil, "rehost", "name one prefix"},
		{"rehost, dirty", dirty, "rehost git.test/x", "the tree is dirty"},
		{"rehost, untracked", untracked, "rehost git.test/x", "the tree is dirty"},
		{"rehost, no LICENSE", unlicensed, "rehost git.test/x", "no LICENSE for core"},
		{"rehost, no dot", nil, "rehost localhost/x", `malformed prefix "localhost/x"`},
		{"rehost, scheme", nil, "rehost https://git.test/x", "malformed prefix"},
		{"rehost, trailing slash", nil, "rehost git.test/x/", "malformed prefix"},
		{"rehost, parent", nil, "rehost git.test/../x", "malformed prefix"},
		{"rehost, upper case host", nil, "rehost Git.test/x", "malformed prefix"},
		{"rehost, bad rune", nil, "rehost git.test/a!b", "malformed prefix"},
		{"rehost, same", nil, "rehost kit.test/mods", "prefix already used: the modules are at kit.test/mods"},
		{"rehost, inside", nil, "rehost kit.test/mods/v", "lie inside each other"},
		{"rehost, around", nil, "rehost kit.test", "lie inside each other"},
		{"rehost, somebody else's", func(f *fixture) {
			f.edit("tools/go.mod", "go 1.26.0", "go 1.26.0\n\nrequire other.test/dep v1.0.0 // indirect")
			f.commit()
		}, "rehost other.test", "prefix already used: tools/go.mod requires other.test/dep"},

		{"versions, unreadable line", func(f *fixture) { f.write("tools/versions.txt", "core\n"); f.commit() }, "check",
			"tools/versions.txt:1: want MODULE VERSION"},
		{"versions, malformed", func(f *fixture) { f.write("tools/versions.txt", "\ncore 0.1.0\n"); f.commit() }, "check",
			"tools/versions.txt:2: malformed version"},
		{"versions, no such folder", func(f *fixture) { f.write("tools/versions.txt", "gone v0.1.0\n"); f.commit() }, "check",
			"no module in gone"},
		{"versions, empty", func(f *fixture) { f.write("tools/versions.txt", "# none\n"); f.commit() }, "check", "names no module"},
		{"versions, none", func(f *fixture) { f.remove("tools/versions.txt"); f.commit() }, "check", "no tools/versions.txt"},
		{"module path, other folder", func(f *fixture) { f.edit("core/go.mod", "mods/core", "mods/kernel"); f.commit() }, "check",
			"does not end in its folder core"},
		{"module path, other prefix", func(f *fixture) { f.edit("addon/go.mod", "module kit.test/mods", "module kit.test/bits"); f.commit() }, "check",
			"not under kit.test/mods"},
		{"imports, twice", func(f *fixture) { f.write("tools/imports.txt", "core a.b/c\ncore a.b/d\n"); f.commit() }, "check",
			"core stands here twice"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			if tc.setup != nil {
				tc.setup(f)
			}
			before := f.state()
			stdout, stderr := f.release(2, strings.Fields(tc.args)...)
			if stdout != "" {
				t.Errorf("printed %q", stdout)
			}
			if strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "release: ") || !strings.Contains(stderr, tc.want) {
				t.Errorf("said %q, want one line with %q", stderr, tc.want)
			}
			if f.state() != before {
				t.Error("the tree is not as it was")
			}
		})
	}
}

func TestRefuseOutsideRepository(t *testing.T) {
	f := newFixture(t)
	if err := os.RemoveAll(filepath.Join(f.dir, ".git")); err != nil {
		t.Fatal(err)
	}
	_, stderr := f.release(2, "check")
	wantIn(t, stderr, "no git repository here")
}
