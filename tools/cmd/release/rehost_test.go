package main

import (
	"go/format"
	"strings"
	"testing"
)

// After a rehost every module builds under the new prefix, nothing of the old one is left,
// and the check passes.
func TestRehost(t *testing.T) {
	f := newFixture(t)
	f.release(0, "sum", "-w")
	// Sorts between the old and the new prefix, in go.mod and in imports.
	f.edit("tools/go.mod", "go 1.26.0", "go 1.26.0\n\nrequire (\n\tkit.test/mods/core v0.1.0\n\tother.test/dep v1.0.0\n)")
	f.edit("tools/tools.go", "\t_ \"kit.test/mods/addon/dial\"\n", "\t_ \"kit.test/mods/addon/dial\"\n\t_ \"other.test/dep\"\n")
	f.write("tools/unformatted.go.txt", "package   x // kit.test/mods\n")
	f.git("tag", "core/v0.1.0") // of the old prefix: it must not count
	f.commit()

	const prefix = "z.example.org/Acme/kit"
	out, _ := f.release(0, "rehost", prefix)
	wantIn(t, out, "checked alone: 2 modules passed, 0 failed", "moved 11 files from kit.test/mods to "+prefix)

	for _, name := range strings.Split(f.git("ls-files"), "\n") {
		text := f.read(name)
		if strings.Contains(text, "kit.test") || strings.Contains(text, `kit\.test`) {
			t.Errorf("%s still has the old prefix:\n%s", name, text)
		}
		if strings.HasSuffix(name, ".go") {
			if want, err := format.Source([]byte(text)); err != nil || string(want) != text {
				t.Errorf("%s is not formatted: %v\n%s", name, err, text)
			}
		}
	}
	wantIn(t, f.read("README.md"), "at "+prefix+": "+prefix+"/core and https://"+prefix+"/addon.\n", "A longer "+prefix+".\n")
	wantIn(t, f.read("tools/tools.go"), "`^z\\.example\\.org/Acme/kit/`", "\t_ \"other.test/dep\"\n\t_ \""+prefix+"/addon/dial\"\n")
	wantIn(t, f.read("tools/go.mod"), "\tother.test/dep v1.0.0\n\t"+prefix+"/core v0.1.0\n")
	if got := f.read("tools/unformatted.go.txt"); got != "package   x // "+prefix+"\n" {
		t.Errorf("the fixture became %q", got)
	}

	f.commit()
	f.inWorkspace()
	f.release(0, "mods")
	out, _ = f.release(0, "check")
	if strings.Contains(out, "note") {
		t.Errorf("go.sum lines were not remade:\n%s", out)
	}
	// And back, which shows that nothing was lost on the way.
	f.release(0, "rehost", "kit.test/mods")
	wantIn(t, f.read("README.md"), "at kit.test/mods: kit.test/mods/core and https://kit.test/mods/addon.\n")
}

// What does not hold after the move is taken back.
func TestRehostUndone(t *testing.T) {
	for _, tc := range []struct {
		name  string
		fault func(*fixture)
		want  string
	}{
		{"part of a longer name", func(f *fixture) { f.write("core/doc.txt", "x\nsee notkit.test/mods\n") },
			"core/doc.txt:2: the old prefix is part of a longer name there"},
		{"name of a file", func(f *fixture) { f.write("core/testdata/kit.test/mods/a.txt", "a\n") },
			"core/testdata/kit.test/mods/a.txt has the old prefix in its name"},
		{"does not compile", func(f *fixture) {
			// Its length depends on the prefix.
			f.write("core/len.go", "package core\n\nvar _ = [1]int{}[len(\"kit.test/mods\")-13]\n")
		}, "out of bounds"},
		{"fails alone", func(f *fixture) {
			f.edit("addon/go.mod", "\nrequire kit.test/mods/core v0.1.0\n", "")
			f.edit("go.work", "\nreplace kit.test/mods/core v0.1.0 => ./core\n", "")
		}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			tc.fault(f)
			f.commit()
			before := f.state()
			_, stderr := f.release(1, "rehost", "git.example.org/acme/kit")
			wantIn(t, stderr, tc.want)
			if f.state() != before {
				t.Error("the tree is not as it was")
			}
		})
	}
}

func TestReplacePrefix(t *testing.T) {
	for in, want := range map[string]string{
		"a.b/c":                 "N",
		"a.b/c/d":               "N/d",
		`"a.b/c/d"`:             `"N/d"`,
		"a.b/c.":                "N.",
		"a.b/c, a.b/c.\na.b/c":  "N, N.\nN",
		"a.b/c...":              "N...",
		"https://a.b/c":         "https://N",
		"pkg.go.test/a.b/c/d@v": "pkg.go.test/N/d@v",
		"a.b/c@v1":              "N@v1",
		"xa.b/c":                "xa.b/c",
		"x.a.b/c":               "x.a.b/c",
		"a.b/cd":                "a.b/cd",
		"a.b/c.d":               "a.b/c.d",
		"a.b/c-d":               "a.b/c-d",
		"a.b/c_d a.b/c":         "a.b/c_d N",
		"":                      "",
	} {
		if got := string(replacePrefix([]byte(in), "a.b/c", "N")); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}
