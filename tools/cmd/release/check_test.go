package main

import (
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	f := newFixture(t)
	f.inWorkspace()
	before := f.state()
	out, _ := f.release(0, "check")
	wantIn(t, out, "ok    core v0.1.0 (untagged)", "ok    addon v0.1.0 (untagged)", "checked alone: 2 modules passed, 0 failed",
		"note  addon: go.sum lines of unpublished siblings")
	var rows []string
	for _, line := range strings.Split(out, "\n") {
		if f := strings.Fields(line); len(f) > 2 && f[1] == "v0.1.0" {
			rows = append(rows, strings.Join(f, " "))
		}
	}
	// package, version, compiled in..., graph, go.sum lines, examples
	want := "core v0.1.0 core 1 2 1\naddon v0.1.0 addon 2 2 0\naddon/dial v0.1.0 addon core 2 4 2"
	if got := strings.Join(rows, "\n"); got != want {
		t.Errorf("rows\n%s\nwant\n%s", got, want)
	}
	if f.state() != before {
		t.Error("check changed the tree")
	}

	// With the lines written there is nothing to note.
	f.release(0, "sum", "-w")
	f.commit()
	out, _ = f.release(0, "check", "addon")
	if strings.Contains(out, "note") || strings.Contains(out, "core v0.1.0") {
		t.Errorf("unwanted lines in\n%s", out)
	}
	wantIn(t, out, "checked alone: 1 modules passed, 0 failed")
}

// What go mod tidy -diff does not mind, check does not.
func TestCheckBlankLine(t *testing.T) {
	f := newFixture(t)
	f.edit("core/go.mod", "go 1.26.0\n", "go 1.26.0\n\n")
	f.commit()
	f.release(0, "check", "core")
}

// Each fault passes in the workspace and must fail here.
func TestCheckFaults(t *testing.T) {
	for _, tc := range []struct {
		name   string
		module string
		fault  func(*fixture)
		want   string
	}{
		{"forgotten version", "addon", func(f *fixture) {
			f.edit("addon/go.mod", "core v0.1.0", "core v0.2.0")
			f.edit("go.work", "core v0.1.0", "core v0.2.0")
		}, "addon v0.1.0: requires kit.test/mods/core@v0.2.0, which has neither a tag nor a line in tools/versions.txt"},
		{"sibling API newer than the pinned version", "addon", func(f *fixture) {
			f.publishCore()
			f.addAPI()
			f.edit("addon/dial/dial.go", "core.Add(a, b)", "core.Sub(a, -b)")
		}, "undefined: core.Sub"},
		{"sibling API newer than the pinned version, next one named", "addon", func(f *fixture) {
			f.publishCore()
			f.addAPI()
			f.edit("tools/versions.txt", "core v0.1.0", "core v0.2.0")
			f.edit("addon/dial/dial.go", "core.Add(a, b)", "core.Sub(a, -b)")
		}, "undefined: core.Sub"},
		{"missing require", "addon", func(f *fixture) {
			f.edit("addon/go.mod", "\nrequire kit.test/mods/core v0.1.0\n", "")
		}, "go.mod is not tidy:\n+\n+require kit.test/mods/core v0.1.0"},
		{"replace by a sibling folder", "addon", func(f *fixture) {
			f.edit("addon/go.mod", "require kit.test/mods/core v0.1.0", "require kit.test/mods/core v0.0.0\n\nreplace kit.test/mods/core => ../core")
			f.edit("go.work", "\nreplace kit.test/mods/core v0.1.0 => ./core\n", "")
		}, "addon v0.1.0: go.mod has a replace line (kit.test/mods/core)"},

		{"exclude", "core", func(f *fixture) {
			f.edit("core/go.mod", "go 1.26.0", "go 1.26.0\n\nexclude other.test/dep v0.9.0")
		}, "go.mod has an exclude line"},
		{"toolchain", "core", func(f *fixture) {
			f.edit("core/go.mod", "go 1.26.0", "go 1.26.0\n\ntoolchain go1.26.1")
		}, "go.mod has a toolchain line (go1.26.1)"},
		{"tool", "core", func(f *fixture) {
			f.edit("core/go.mod", "go 1.26.0", "go 1.26.0\n\ntool kit.test/mods/core/cmd/show")
		}, "go.mod has a tool line (kit.test/mods/core/cmd/show)"},
		{"file of the repository", "core", func(f *fixture) {
			f.edit("core/core_test.go", "if Add", "if _, err := os.Stat(\"../LICENSE\"); err != nil {\nt.Fatal(err)\n}\nif Add")
			f.edit("core/core_test.go", `import "testing"`, "import (\n\"os\"\n\"testing\"\n)")
		}, "--- FAIL: TestAdd"},
		{"example that needs its package's tests", "core", func(f *fixture) {
			f.edit("core/example_test.go", "core.Add(1, 2)", "three()")
			f.edit("core/example_test.go", "ExampleAdd", "Example")
			f.edit("core/example_test.go", "\t\"kit.test/mods/core\"\n", "")
			f.write("core/x_test.go", "package core_test\n\nfunc three() int { return 3 }\n")
		}, "undefined: three"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			tc.fault(f)
			f.commit()
			f.inWorkspace()
			before := f.state()
			out, stderr := f.release(1, "check", tc.module)
			wantIn(t, out, "FAIL  ", tc.want, "0 modules passed, 1 failed")
			if stderr != "" {
				t.Errorf("also said %q", stderr)
			}
			if f.state() != before {
				t.Error("check changed the tree")
			}
		})
	}
}

// Other people's modules: what the policy allows may come along, with the hashes that the
// library's own go.sum has.
func TestCheckPolicy(t *testing.T) {
	const require = "go 1.26.0\n\nrequire other.test/dep v1.0.0"
	sum := func(f *fixture) string {
		// dep's own lines, as the go command would write them with the database on.
		x := proxy(strings.TrimPrefix(mustEnv(f, "GOPROXY"), "file://"))
		lines, err := x.sumLines(sumModule("other.test/dep v1.0.0"))
		if err != nil {
			f.Fatal(err)
		}
		return strings.Join(lines, "\n") + "\n"
	}
	inTest := func(f *fixture) {
		f.edit("core/go.mod", "go 1.26.0", require)
		f.write("core/go.sum", sum(f))
		f.edit("core/core_test.go", `import "testing"`, "import (\n\"testing\"\n\n\"other.test/dep\"\n)\n\nvar _ = dep.Answer")
		f.commit()
	}
	compiled := func(f *fixture) {
		inTest(f)
		f.edit("core/core.go", "// Add", "var _ = dep.Answer\n\n// Add")
		f.edit("core/core.go", "package core\n", "package core\n\nimport \"other.test/dep\"\n")
		f.commit()
	}
	t.Run("test dependency", func(t *testing.T) {
		f := newFixture(t)
		inTest(f)
		out, _ := f.release(0, "check", "core")
		wantIn(t, strings.Join(strings.Fields(out), " "), "core v0.1.0 core 2 ")
	})
	t.Run("test dependency not allowed", func(t *testing.T) {
		f := newFixture(t)
		f.write("tools/imports.txt", "addon/dial core\n")
		inTest(f)
		out, _ := f.release(1, "check", "core")
		wantIn(t, out, "module other.test/dep v1.0.0 in the graph, which tools/imports.txt does not allow")
	})
	t.Run("compiled in", func(t *testing.T) {
		f := newFixture(t)
		f.write("tools/imports.txt", "core other.test/dep\n")
		compiled(f)
		out, _ := f.release(0, "check", "core")
		wantIn(t, strings.Join(strings.Fields(out), " "), "core v0.1.0 core other.test/dep 2 4 1")
	})
	t.Run("compiled in, allowed for tests only", func(t *testing.T) {
		f := newFixture(t)
		compiled(f)
		out, _ := f.release(1, "check", "core")
		wantIn(t, out, "module other.test/dep v1.0.0 is compiled in, which tools/imports.txt does not allow")
	})
	t.Run("other hash", func(t *testing.T) {
		f := newFixture(t)
		compiled(f)
		f.edit("core/go.sum", "dep v1.0.0 h1:", "dep v1.0.0 h1:A")
		f.commit()
		f.release(1, "check", "core")
	})
	t.Run("untidy go.sum", func(t *testing.T) {
		f := newFixture(t)
		f.write("core/go.sum", sum(f))
		f.commit()
		out, _ := f.release(1, "check", "core")
		wantIn(t, out, "go.sum is not tidy:\n-other.test/dep v1.0.0 h1:")
	})
}

func mustEnv(f *fixture, name string) string {
	f.Helper()
	v, err := goEnv(name)
	if err != nil {
		f.Fatal(err)
	}
	return v
}

func TestMods(t *testing.T) {
	for _, tc := range []struct {
		name  string
		fault func(*fixture)
		want  string
	}{
		{"sound", func(f *fixture) {}, ""},
		{"ready for the first requirement", func(f *fixture) {
			f.edit("go.work", "\nreplace kit.test/mods/core v0.1.0 => ./core\n",
				"\nreplace (\n\tkit.test/mods/addon v0.1.0 => ./addon\n\tkit.test/mods/core v0.1.0 => ./core\n)\n")
		}, ""},
		{"replace in a library", func(f *fixture) {
			f.edit("addon/go.mod", "core v0.1.0", "core v0.1.0\n\nreplace kit.test/mods/core => ../core")
		}, "addon: go.mod has a replace line"},
		{"tool in a library", func(f *fixture) {
			f.edit("core/go.mod", "go 1.26.0", "go 1.26.0\n\ntool kit.test/mods/core/cmd/show")
		}, "core: go.mod has a tool line"},
		{"toolchain in a library", func(f *fixture) {
			f.edit("core/go.mod", "go 1.26.0", "go 1.26.0\n\ntoolchain go1.26.1")
		}, "core: go.mod has a toolchain line"},
		{"tool in tools", func(f *fixture) {
			f.edit("tools/go.mod", "go 1.26.0", "go 1.26.0\n\ntool kit.test/mods/core/cmd/show")
		}, ""},
		{"replace in tools", func(f *fixture) {
			f.edit("tools/go.mod", "go 1.26.0", "go 1.26.0\n\nreplace kit.test/mods/core => ../core")
		}, "tools: go.mod has a replace line"},
		{"no replace for a requirement", func(f *fixture) {
			f.edit("addon/go.mod", "core v0.1.0", "core v0.2.0")
		}, "go.work: no replace of kit.test/mods/core@v0.2.0, which addon requires"},
		{"stale replace", func(f *fixture) {
			f.edit("addon/go.mod", "core v0.1.0", "core v0.2.0")
			f.edit("tools/versions.txt", "core v0.1.0", "core v0.2.0")
			f.edit("go.work", "core v0.1.0 => ./core", "core v0.2.0 => ./core\n\nreplace kit.test/mods/core v0.1.0 => ./core")
		}, "go.work: replace of kit.test/mods/core@v0.1.0, a version that nobody requires"},
		{"replace at all versions", func(f *fixture) {
			f.edit("go.work", "mods/core v0.1.0", "mods/core")
		}, "go.work: replace of core at all versions"},
		{"replace by another folder", func(f *fixture) {
			f.edit("go.work", "=> ./core", "=> ./addon")
		}, "go.work: replace of kit.test/mods/core@v0.1.0 by ./addon"},
		{"replace of a stranger", func(f *fixture) {
			f.edit("go.work", "=> ./core", "=> ./core\n\nreplace other.test/dep v1.0.0 => ./core")
		}, "go.work: replace of other.test/dep, which is no sibling"},
		{"library left out", func(f *fixture) {
			f.edit("go.work", "\t./core\n", "")
		}, "go.work: does not use core"},
		{"folder without a module", func(f *fixture) {
			f.edit("go.work", "\t./core\n", "\t./core\n\t./gone\n")
		}, "gone: no go.mod"},
		{"module of another path", func(f *fixture) {
			f.edit("tools/go.mod", "mods/tools", "mods/toolbox")
		}, "tools: module kit.test/mods/toolbox, want kit.test/mods/tools"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			tc.fault(f)
			if tc.want == "" {
				if out, _ := f.release(0, "mods"); out != "" {
					t.Errorf("said %q", out)
				}
				return
			}
			out, _ := f.release(1, "mods")
			wantIn(t, out, tc.want)
		})
	}
}

func TestLineDiff(t *testing.T) {
	for _, tc := range []struct{ old, new, want string }{
		{"a\nb\n", "a\nb\n", ""},
		{"a\nb\nc\n", "a\nc\nd\n", "-b\n+d"},
		{"a\nb\n", "b\na\n", "-a\n+a"}, // the same lines in another order
		{"a\n\nb\n", "a\nb\n", "-"},
		{"", "a\n", "+a"},
		{"a\n", "", "-a"},
		{"a", "a\n", "-a\n+a\n+"},
	} {
		if got := lineDiff([]byte(tc.old), []byte(tc.new)); got != tc.want {
			t.Errorf("lineDiff(%q, %q) = %q, want %q", tc.old, tc.new, got, tc.want)
		}
	}
}
