package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// The tests share one environment: nobody's git configuration, no workspace around
// the fixtures, no network. A "usual" proxy holds other.test/dep, which stands for the
// modules of other people.
func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	usual, err := os.MkdirTemp("", "release-usual-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(usual)
	for name, value := range map[string]string{
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1",
		"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@kit.test",
		"GIT_COMMITTER_NAME": "c", "GIT_COMMITTER_EMAIL": "c@kit.test",
		"GOFLAGS": "-buildvcs=false -trimpath", "GOWORK": "", "GOPROXY": fileURL(usual), "GOSUMDB": "off",
	} {
		os.Setenv(name, value)
	}
	if err := packOther(proxy(usual)); err != nil {
		panic(err)
	}
	return m.Run()
}

// packOther writes other.test/dep v1.0.0.
func packOther(x proxy) error {
	if _, err := exec.LookPath("git"); err != nil {
		return nil
	}
	dir, err := os.MkdirTemp("", "release-other-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for name, text := range map[string]string{
		"LICENSE":            "any\n",
		"dep/go.mod":         "module other.test/dep\n\ngo 1.26.0\n",
		"dep/dep.go":         "package dep\n\nconst Answer = 42\n",
		"tools/versions.txt": "dep v1.0.0\n",
	} {
		if err := put(dir, name, text); err != nil {
			return err
		}
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"commit", "-qm", "dep"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("git %v: %v: %s", args, err, out)
		}
	}
	if status := run(dir, []string{"pack", "-o", string(x)}, &bytes.Buffer{}, os.Stderr); status != 0 {
		return fmt.Errorf("pack: status %d", status)
	}
	return nil
}

func put(dir, name, text string) error {
	name = filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	return os.WriteFile(name, []byte(text), 0o666)
}

// A fixture is a repository of its own, with the files of testdata/fixture.txtar committed.
type fixture struct {
	*testing.T
	dir string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git on this machine")
	}
	f := &fixture{t, t.TempDir()}
	ar, err := txtar.ParseFile("testdata/fixture.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range ar.Files {
		f.write(file.Name, string(file.Data))
	}
	f.git("init", "-q", "-b", "main")
	f.commit()
	return f
}

func (f *fixture) write(name, text string) {
	f.Helper()
	if err := put(f.dir, name, text); err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) read(name string) string {
	f.Helper()
	data, err := os.ReadFile(filepath.Join(f.dir, filepath.FromSlash(name)))
	if err != nil {
		f.Fatal(err)
	}
	return string(data)
}

// edit replaces text in a file that must have it.
func (f *fixture) edit(name, old, new string) {
	f.Helper()
	text := f.read(name)
	if !strings.Contains(text, old) {
		f.Fatalf("%s has no %q", name, old)
	}
	f.write(name, strings.ReplaceAll(text, old, new))
}

func (f *fixture) remove(name string) {
	f.Helper()
	if err := os.Remove(filepath.Join(f.dir, name)); err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) git(args ...string) string {
	f.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = f.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		f.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (f *fixture) commit() {
	f.Helper()
	f.git("add", "-A")
	f.git("commit", "-q", "-m", "change")
}

// publishCore tags core, and gives addon the go.sum lines for it.
func (f *fixture) publishCore() {
	f.Helper()
	f.git("tag", "core/v0.1.0")
	f.release(0, "sum", "-w")
	f.commit()
}

// addAPI gives core a function that v0.1.0 does not have.
func (f *fixture) addAPI() {
	f.Helper()
	f.write("core/sub.go", "package core\n\n// Sub returns a - b.\nfunc Sub(a, b int) int { return a - b }\n")
	f.commit()
}

// release runs a command that must end with the given status.
func (f *fixture) release(status int, args ...string) (stdout, stderr string) {
	f.Helper()
	var out, errs bytes.Buffer
	if got := run(f.dir, args, &out, &errs); got != status {
		f.Fatalf("release %v: status %d, want %d\nstdout:\n%s\nstderr:\n%s", args, got, status, &out, &errs)
	}
	return out.String(), errs.String()
}

// inWorkspace demands that everything compiles and the tests pass where the workspace helps.
func (f *fixture) inWorkspace() {
	f.Helper()
	cmd := exec.Command("go", "test", "./core/...", "./addon/...", "./tools/...")
	cmd.Dir = f.dir
	cmd.Env = append(os.Environ(), "PWD="+f.dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		f.Fatalf("go test in the workspace: %v\n%s", err, out)
	}
}

// state is all that a refused command must leave alone: every file, git's view, the tags.
func (f *fixture) state() string {
	f.Helper()
	var b strings.Builder
	err := filepath.WalkDir(f.dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if d.Name() == ".git" {
				return filepath.SkipDir
			}
			return nil
		}
		data, err := os.ReadFile(name)
		fmt.Fprintf(&b, "%s %q\n", name, data)
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	return b.String() + f.git("status", "--porcelain") + f.git("tag") + f.git("rev-parse", "HEAD")
}

func wantIn(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("no %q in:\n%s", p, text)
		}
	}
}
