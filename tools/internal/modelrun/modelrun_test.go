package modelrun

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"

	"example.com/interlock/tools/internal/rewrite"
)

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// The workspace of a run has the caller's modules and replacements by absolute
// path, the sums, and one tools/sched; the caller's file stays as it was.
func TestWorkspaceFromGoWork(t *testing.T) {
	root, tmp := t.TempDir(), t.TempDir()
	files := map[string]string{
		"go.work":      "go 1.24\n\nuse (\n\t./a\n\t./b\n)\n\nreplace example.org/c v1.0.0 => ./c\n\nreplace example.org/d => example.org/e v1.2.0\n",
		"go.work.sum":  "example.org/x v1.0.0 h1:abc=\n",
		"a/go.mod":     "module example.org/a\n\ngo 1.24\n",
		"b/go.mod":     "module example.org/b\n\ngo 1.24\n",
		"c/go.mod":     "module example.org/c\n\ngo 1.24\n",
		"sched/go.mod": "module " + rewrite.Sched + "\n\ngo 1.26.0\n",
	}
	write(t, root, files)
	t.Setenv("GOWORK", "")
	t.Setenv("GOFLAGS", "-mod=mod -trimpath")
	ws, err := newWorkspace(t.Context(), tmp, filepath.Join(root, "a"), filepath.Join(root, "sched"))
	if err != nil {
		t.Fatal(err)
	}
	got := read(t, ws.name())
	for _, want := range []string{
		filepath.Join(root, "a"), filepath.Join(root, "b"), filepath.Join(root, "sched"),
		"example.org/c v1.0.0 => " + filepath.Join(root, "c"), "example.org/d => example.org/e v1.2.0", "go 1.26.0",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	if strings.Contains(got, "./") {
		t.Errorf("a relative path in\n%s", got)
	}
	if read(t, filepath.Join(tmp, "go.work.sum")) != files["go.work.sum"] || read(t, filepath.Join(root, "go.work")) != files["go.work"] {
		t.Error("go.work.sum was not copied, or go.work was changed")
	}
	if env := strings.Join(ws.environ(), " "); !strings.Contains(env, "GOFLAGS=-trimpath") || strings.Contains(env, "-mod") {
		t.Errorf("environment %s: a workspace takes no -mod", env)
	}
}

func TestWorkspaceFromGoMod(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{
		"go.mod":       "module example.org/a\n\ngo 1.30\n",
		"go.sum":       "example.org/x v1.0.0 h1:abc=\n",
		"sched/go.mod": "module " + rewrite.Sched + "\n\ngo 1.26.0\n",
	})
	ws := &workspace{dir: t.TempDir(), env: goEnv{GOMOD: filepath.Join(root, "go.mod")}}
	if err := ws.base(); err != nil {
		t.Fatal(err)
	}
	if ws.work.Go.Version != "1.30" || len(ws.work.Use) != 1 || ws.work.Use[0].Path != root {
		t.Errorf("go %s, use %v", ws.work.Go.Version, ws.work.Use)
	}
	if read(t, filepath.Join(ws.dir, "go.work.sum")) == "" {
		t.Error("the module's sums are missing")
	}
	for _, env := range []goEnv{{}, {GOMOD: os.DevNull}, {GOWORK: "off"}} {
		if err := (&workspace{dir: t.TempDir(), env: env}).base(); err == nil {
			t.Errorf("no module, and no error: %v", env)
		}
	}
}

// A module of the cache is copied once, gets a go.mod if it is from before
// modules, and its files are known by the names they had.
func TestAdopt(t *testing.T) {
	cache, tmp := t.TempDir(), t.TempDir()
	write(t, cache, map[string]string{"a.go": "package old\n", "sub/b.go": "package sub\n"})
	ws := &workspace{dir: tmp, origin: make(map[string]string), work: &modfile.WorkFile{Syntax: new(modfile.FileSyntax)}}
	m := &module{Path: "example.org/old", Version: "v1.0.0", Dir: cache}
	for range 2 {
		if err := ws.adopt(m); err != nil {
			t.Fatal(err)
		}
	}
	if len(ws.work.Use) != 1 {
		t.Fatalf("use %v", ws.work.Use)
	}
	to := ws.work.Use[0].Path
	if got := modulePath(to); got != "example.org/old" {
		t.Errorf("module %q", got)
	}
	if got := ws.original(filepath.Join(to, "sub", "b.go")); got != filepath.Join(cache, "sub", "b.go") {
		t.Errorf("original of the copy: %s", got)
	}
	if name := filepath.Join(cache, "a.go"); ws.original(name) != name {
		t.Error("a file of the cache has another original")
	}
}

func TestFindSched(t *testing.T) {
	dir, err := findSched(t.Context(), ".")
	if err != nil || modulePath(dir) != rewrite.Sched {
		t.Errorf("found %q (%v)", dir, err)
	}
}

func TestNamed(t *testing.T) {
	for _, tt := range []struct {
		path, pattern string
		want          bool
	}{
		{"a/b", "a/b", true}, {"a/b/c", "a/b", false}, {"a/b/c", "a/b/...", true}, {"a/b", "a/b/...", true}, {"a/bc", "a/b/...", false},
	} {
		if got := named(tt.path, []string{"x", tt.pattern}); got != tt.want {
			t.Errorf("named(%s, %s) is %v", tt.path, tt.pattern, got)
		}
	}
}

func TestLogLines(t *testing.T) {
	got := logLines([]string{"=== RUN   TestA\n", "    a_test.go:7: TestA: 3 schedules\n", "plain\n", "\n", "--- PASS: TestA (0.00s)\n"})
	if strings.Join(got, "|") != "TestA: 3 schedules|plain" {
		t.Errorf("%q", got)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
