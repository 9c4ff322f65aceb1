package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/module"
)

// files lists what a proxy directory holds.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, name)
			out = append(out, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func TestPack(t *testing.T) {
	f := newFixture(t)
	dir := filepath.Join(f.dir, "dist", "proxy") // the default, ignored by git
	out, _ := f.release(0, "pack")
	wantIn(t, out, "kit.test/mods/core@v0.1.0 (untagged)", "kit.test/mods/addon@v0.1.0 (untagged)", "packed 2 versions into "+dir)
	want := []string{
		"kit.test/mods/addon/@v/list", "kit.test/mods/addon/@v/v0.1.0.info",
		"kit.test/mods/addon/@v/v0.1.0.mod", "kit.test/mods/addon/@v/v0.1.0.zip",
		"kit.test/mods/core/@v/list", "kit.test/mods/core/@v/v0.1.0.info",
		"kit.test/mods/core/@v/v0.1.0.mod", "kit.test/mods/core/@v/v0.1.0.zip",
	}
	if got := files(t, dir); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	core := filepath.Join(dir, "kit.test", "mods", "core", "@v")
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(core, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	if got := read("list"); got != "v0.1.0\n" {
		t.Errorf("list is %q", got)
	}
	if got := read("v0.1.0.mod"); got != f.read("core/go.mod") {
		t.Errorf("go.mod is %q", got)
	}
	wantIn(t, read("v0.1.0.info"), `"Version":"v0.1.0"`, `"Time":"20`)
	license, err := zipped(filepath.Join(core, "v0.1.0.zip"), module.Version{Path: "kit.test/mods/core", Version: "v0.1.0"}, "LICENSE")
	if err != nil || string(license) != f.read("LICENSE") {
		t.Errorf("LICENSE in the zip: %q, %v", license, err)
	}

	// The same again changes nothing; the same version with other content is refused.
	f.release(0, "pack")
	f.addAPI()
	before := f.state()
	_, stderr := f.release(2, "pack")
	wantIn(t, stderr, "version already used", "kit.test/mods/core@v0.1.0")
	if f.state() != before {
		t.Error("a refused pack changed the directory")
	}
	// A version to be goes beside it.
	f.release(0, "pack", "core@v0.2.0-rc.1", "core@v0.2.0")
	if got := read("list"); got != "v0.1.0\nv0.2.0-rc.1\nv0.2.0\n" {
		t.Errorf("list is %q", got)
	}
}

// A module's own LICENSE goes before that of the root.
func TestPackOwnLicense(t *testing.T) {
	f := newFixture(t)
	f.write("core/LICENSE", "core's own\n")
	f.commit()
	dir := t.TempDir()
	f.release(0, "pack", "-o", dir, "core")
	m := module.Version{Path: "kit.test/mods/core", Version: "v0.1.0"}
	name, err := proxy(dir).file(m, ".zip")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := zipped(name, m, "LICENSE"); string(got) != "core's own\n" {
		t.Errorf("LICENSE is %q, %v", got, err)
	}
}

// A tagged version comes from its tag; what HEAD has beyond it is a pseudo-version after it, which
// is not listed.
func TestPackTags(t *testing.T) {
	f := newFixture(t)
	f.git("tag", "core/v0.1.0")
	f.git("tag", "core/vnext")   // no version
	f.git("tag", "core/v2.0.0")  // not of this path
	f.git("tag", "other/v0.1.0") // no library
	dir := t.TempDir()
	out, _ := f.release(0, "pack", "-o", dir)
	wantIn(t, out, "core@v0.1.0 (tag core/v0.1.0)", "packed 2 versions")

	f.addAPI()
	out, _ = f.release(0, "pack", "-o", dir)
	wantIn(t, out, "core@v0.1.0 (tag core/v0.1.0)", "core@v0.1.1-0.20", "packed 3 versions")
	if got := strings.Count(strings.Join(files(t, dir), "\n"), ".zip"); got != 3 {
		t.Errorf("%d zips, want 3", got)
	}
	list, err := os.ReadFile(filepath.Join(dir, "kit.test", "mods", "core", "@v", "list"))
	if err != nil || string(list) != "v0.1.0\n" {
		t.Errorf("list is %q, %v", list, err)
	}
	// By name, the tagged version has not moved.
	f.release(0, "pack", "-o", dir, "core@v0.1.0")

	// The next version, named, takes the place of the pseudo-version.
	f.edit("tools/versions.txt", "core v0.1.0", "core v0.2.0")
	f.commit()
	out, _ = f.release(0, "pack", "-o", dir)
	wantIn(t, out, "core@v0.1.0 (tag core/v0.1.0)", "core@v0.2.0 (untagged)", "packed 3 versions")
}

// -tree packs what is not committed, without touching the index.
func TestPackTree(t *testing.T) {
	f := newFixture(t)
	f.write("core/new.go", "package core\n\nconst New = 1\n")
	f.write("dist/junk.go", "package junk\n")
	before := f.state()
	dir := t.TempDir()
	f.release(0, "pack", "-o", dir, "-tree", "core")
	m := module.Version{Path: "kit.test/mods/core", Version: "v0.1.0"}
	name, err := proxy(dir).file(m, ".zip")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := zipped(name, m, "new.go"); string(got) != f.read("core/new.go") {
		t.Errorf("new.go is %q, %v", got, err)
	}
	if f.state() != before {
		t.Error("the tree is not as it was")
	}
}

// A packed directory serves from any static file server.
func TestPackServed(t *testing.T) {
	f := newFixture(t)
	f.release(0, "pack")
	server := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(f.dir, "dist", "proxy"))))
	defer server.Close()
	app, cache := t.TempDir(), t.TempDir()
	if err := put(app, "go.mod", "module app.test/x\n"); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "get", "kit.test/mods/addon/dial@v0.1.0")
	cmd.Dir = app
	cmd.Env = append(os.Environ(), "GOPROXY="+server.URL, "GOMODCACHE="+cache, "GOFLAGS=-modcacherw", "GONOSUMDB=kit.test/mods/*")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// The go command's hashes are those that sum says.
	got, err := os.ReadFile(filepath.Join(app, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	sums, _ := f.release(0, "sum")
	if want := string(sortSums(strings.Split(strings.TrimSpace(sums), "\n"))); string(got) != want {
		t.Errorf("go.sum is\n%s\nwant\n%s", got, want)
	}
}
