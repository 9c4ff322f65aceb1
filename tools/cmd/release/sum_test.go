package main

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/module"
)

// The lines of a version do not depend on what is committed, only on the module's files.
func TestSum(t *testing.T) {
	f := newFixture(t)
	first, _ := f.release(0, "sum", "core")
	lines := strings.Split(strings.TrimSpace(first), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "kit.test/mods/core v0.1.0 h1:") ||
		!strings.HasPrefix(lines[1], "kit.test/mods/core v0.1.0/go.mod h1:") {
		t.Fatalf("got %q", first)
	}
	f.write("addon/more.go", "package addon\n")
	if again, _ := f.release(0, "sum", "core"); again != first {
		t.Error("a file of addon changed core's lines")
	}
	f.write("core/more.go", "package core\n")
	dirty, _ := f.release(0, "sum", "core")
	if dirty == first {
		t.Error("a new file did not change the hash")
	}
	f.commit()
	if committed, _ := f.release(0, "sum", "core"); committed != dirty {
		t.Error("the commit changed the hash")
	}
	all, _ := f.release(0, "sum")
	if got := strings.Count(all, "\n"); got != 4 || !strings.HasPrefix(all, dirty) {
		t.Errorf("all lines are %q", all)
	}
}

// With a chain of requirements, a rewritten go.sum changes the hash that the next one up needs.
func TestSumWriteChain(t *testing.T) {
	f := newFixture(t)
	f.write("top/go.mod", "module kit.test/mods/top\n\ngo 1.26.0\n\nrequire kit.test/mods/addon v0.1.0\n\nrequire kit.test/mods/core v0.1.0 // indirect\n")
	f.write("top/top.go", "package top\n\nimport _ \"kit.test/mods/addon/dial\"\n")
	f.write("tools/versions.txt", "top v0.1.0\naddon v0.1.0\ncore v0.1.0\n")
	f.write("tools/imports.txt", "top addon core\naddon/dial core\n")
	f.write("top/go.sum", "kit.test/mods/addon v0.0.9 h1:stale=\nother.test/dep v1.0.0 h1:kept=\n")
	out, _ := f.release(0, "sum", "-w")
	wantIn(t, out, "addon/go.sum rewritten", "top/go.sum rewritten")
	want, _ := f.release(0, "sum", "addon", "core")
	got := f.read("top/go.sum")
	if want += "other.test/dep v1.0.0 h1:kept=\n"; got != want {
		t.Errorf("top/go.sum is\n%s\nwant\n%s", got, want)
	}
	if out, _ = f.release(0, "sum", "-w"); out != "" {
		t.Errorf("written twice: %s", out)
	}
}

func TestSumForgottenVersion(t *testing.T) {
	f := newFixture(t)
	f.edit("addon/go.mod", "core v0.1.0", "core v0.7.0")
	before := f.state()
	_, stderr := f.release(2, "sum", "-w")
	wantIn(t, stderr, "addon requires kit.test/mods/core@v0.7.0, which has neither a tag nor a line")
	if f.state() != before {
		t.Error("the tree is not as it was")
	}
}

func TestSortSums(t *testing.T) {
	want := []string{
		"a.test/x v1.9.0 h1:1=", "a.test/x v1.9.0/go.mod h1:2=", "a.test/x v1.10.0/go.mod h1:3=", "b.test/x v0.1.0 h1:4=",
	}
	got := strings.Split(strings.TrimSpace(string(sortSums([]string{want[3], want[2], want[1], want[0], want[2]}))), "\n")
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if sortSums(nil) != nil {
		t.Error("no lines must make no file")
	}
	kept := sumsWithout([]byte(strings.Join(want, "\n")+"\n"), func(m module.Version) bool {
		return m == module.Version{Path: "a.test/x", Version: "v1.9.0"}
	})
	if !slices.Equal(kept, want[2:]) {
		t.Errorf("kept %q", kept)
	}
}
