package main

import (
	"strings"
	"testing"

	"golang.org/x/exp/apidiff"
)

// The whole way of two releases: core first, then addon, which needs core's hashes, and a
// second version of core.
func TestTag(t *testing.T) {
	f := newFixture(t)
	out, _ := f.release(0, "tag", "core")
	wantIn(t, out, "ok    core v0.1.0", "core: no tag to compare with; v0.1.0 is the first version", "tagged core/v0.1.0; git push origin core/v0.1.0")
	if got := f.git("cat-file", "-t", "core/v0.1.0"); got != "tag" {
		t.Errorf("core/v0.1.0 is a %s, want an annotated tag", got)
	}
	if got := f.git("rev-parse", "core/v0.1.0^{commit}"); got != f.git("rev-parse", "HEAD") {
		t.Error("core/v0.1.0 is not HEAD")
	}

	// Without the sum of its sibling addon would not build for those who work on it alone.
	out, _ = f.release(1, "tag", "addon", "v0.1.0")
	wantIn(t, out, "go.sum is not tidy")
	if tags := f.git("tag"); tags != "core/v0.1.0" {
		t.Errorf("tags %q", tags)
	}
	out, _ = f.release(0, "sum", "-w")
	wantIn(t, out, "addon/go.sum rewritten")
	f.commit()
	f.release(0, "tag", "addon", "v0.1.0")

	// An addition wants a minor version.
	f.addAPI()
	f.edit("tools/versions.txt", "core v0.1.0", "core v0.1.1")
	f.edit("core/CHANGELOG.md", "## [0.1.0]", "## [0.2.0]\n\n## [0.1.1]\n\n## [0.1.0]")
	f.commit()
	out, _ = f.release(1, "tag", "core")
	wantIn(t, out, "Sub: added", "FAIL  core: v0.2.0 is due, tools/versions.txt has v0.1.1")
	f.edit("tools/versions.txt", "core v0.1.1", "core v0.2.0")
	f.commit()
	out, _ = f.release(0, "tag", "core")
	wantIn(t, out, "ok    core: v0.2.0 is due", "tagged core/v0.2.0")
	// addon still stands on the version that it requires.
	f.release(0, "check")
}

// A go.sum with lines for the sibling as it was some commits ago passes check, with a note, for the
// sibling is not published; a tag makes them wrong for good.
func TestTagStaleSums(t *testing.T) {
	f := newFixture(t)
	f.release(0, "sum", "-w")
	f.addAPI()
	out, _ := f.release(0, "check", "addon")
	wantIn(t, out, "note  addon: go.sum lines of unpublished siblings are not up to date")
	f.git("tag", "core/v0.1.0")
	f.release(1, "check", "addon")
	_, _ = f.release(1, "tag", "addon")
	if tags := f.git("tag"); tags != "core/v0.1.0" {
		t.Errorf("tags %q", tags)
	}
}

func TestAPI(t *testing.T) {
	f := newFixture(t)
	out, _ := f.release(0, "api")
	wantIn(t, out, "core: no tag to compare with; v0.1.0 is the first version", "addon: no tag")
	f.git("tag", "core/v0.1.0")
	out, _ = f.release(0, "api", "core")
	if out != "core: unchanged since v0.1.0\n" {
		t.Errorf("said %q", out)
	}

	// Internal packages and commands are nobody's API; other text is a patch.
	f.write("core/internal/deep/more.go", "package deep\n\nfunc More() {}\n")
	f.write("core/cmd/show/more.go", "package main\n\nfunc More() {}\n")
	f.commit()
	out, _ = f.release(1, "api", "core")
	wantIn(t, out, "no change of the exported API", "FAIL  core: v0.1.1 is due, tools/versions.txt has v0.1.0")
	f.edit("tools/versions.txt", "core v0.1.0", "core v0.1.1")
	f.commit()
	out, _ = f.release(0, "api", "core")
	wantIn(t, out, "ok    core: v0.1.1 is due")

	f.edit("core/core.go", "func Add(a, b int) int", "func Add(a, b int64) int64")
	f.edit("core/core_test.go", "Add(1, 2) != 3", "Add(1, 2) == 4")
	f.commit()
	out, _ = f.release(1, "api", "core")
	wantIn(t, out, "Incompatible changes:", "Add: changed from", "FAIL  core: v0.2.0 is due")

	// A package taken away.
	f.git("tag", "addon/v0.1.0")
	f.git("rm", "-rq", "addon/dial")
	f.commit()
	out, _ = f.release(1, "api", "addon")
	wantIn(t, out, "Incompatible changes:", "dial: removed", "FAIL  addon: v0.2.0 is due")
}

func TestDueVersion(t *testing.T) {
	none := apidiff.Report{}
	adds := apidiff.Report{Changes: []apidiff.Change{{Message: "a", Compatible: true}}}
	breaks := apidiff.Report{Changes: []apidiff.Change{{Message: "a", Compatible: true}, {Message: "b"}}}
	for _, tc := range []struct {
		base   string
		report apidiff.Report
		want   string
	}{
		{"v0.1.0", none, "v0.1.1"},
		{"v0.1.9", adds, "v0.2.0"},
		{"v0.9.1", breaks, "v0.10.0"},
		{"v1.2.3", none, "v1.2.4"},
		{"v1.2.3", adds, "v1.3.0"},
		{"v1.2.3", breaks, "v2.0.0"},
		{"v0.2.0-rc.1", none, "v0.2.0"},
		{"v1.0.0-rc.1", adds, "v1.1.0"},
	} {
		if got := dueVersion(tc.base, tc.report); got != tc.want {
			t.Errorf("dueVersion(%s, %s) = %s, want %s", tc.base, strings.TrimSpace(tc.report.String()), got, tc.want)
		}
	}
}
