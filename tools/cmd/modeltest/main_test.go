package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// These tests run go test inside go test. Each fixture has a module of its own
// outside any workspace, as a stranger's package would.
func TestMain(m *testing.M) {
	os.Unsetenv("GOWORK")
	os.Exit(m.Run())
}

// unpack writes a txtar archive of testdata into a new folder.
func unpack(t *testing.T, name string) string {
	t.Helper()
	a, err := txtar.ParseFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range a.Files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// modeltest runs the command in dir and demands its status.
func modeltest(t *testing.T, dir string, status int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	if got := run(t.Context(), dir, args, &out, &errs); got != status {
		t.Fatalf("modeltest %s: status %d, want %d\n%s%s", strings.Join(args, " "), got, status, &out, &errs)
	}
	return out.String(), errs.String()
}

func wants(t *testing.T, text string, patterns ...string) {
	t.Helper()
	for _, p := range patterns {
		if !regexp.MustCompile(p).MatchString(text) {
			t.Errorf("no %s in\n%s", p, text)
		}
	}
}

// complete is the line of a scenario that was explored to its end.
const complete = `: \d+ schedules .*complete=true, [\d.]+.?s, \d+/s\n`

// The README's worked example: the package's own test passes, the scenario
// finds the lost wake-up and shows it, and holds for the repaired code.
func TestWorkedExample(t *testing.T) {
	t.Parallel()
	dir := unpack(t, "latch.txtar")
	cmd := exec.Command("go", "test", ".")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("the ordinary test is meant to pass: %v\n%s", err, out)
	}

	out, _ := modeltest(t, dir, 1)
	wants(t, out, `(?m)^FAIL  TestModelNobodyIsLeftWaiting$`, `deadlock`,
		`(first|second): receive #\d+ at latch\.go:25, started at testdata/model/latch_test\.go\.txt:1[34]`,
		`(?m)opener +atomic store #\d+ +latch\.go:30$`)
	replay := regexp.MustCompile(`(?m)replay: (\S+)$`).FindStringSubmatch(out)
	if replay == nil {
		t.Fatalf("no schedule to replay in\n%s", out)
	}
	again, _ := modeltest(t, dir, 1, "-replay", replay[1], "-run", "NobodyIsLeft")
	wants(t, again, `deadlock`, `receive #\d+ at latch\.go:25`)

	fixed, err := os.ReadFile(filepath.Join(dir, "fixed", "latch.go"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "latch.go"), fixed, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{nil, {"-race"}} {
		out, _ := modeltest(t, dir, 0, args...)
		wants(t, out, `(?m)^ok    TestModelNobodyIsLeftWaiting`+complete)
	}
	if mod, err := os.ReadFile(filepath.Join(dir, "go.mod")); err != nil || strings.Contains(string(mod), "require") {
		t.Errorf("the package's go.mod was changed (%v):\n%s", err, mod)
	}
}

// The Go code of the README is that of the test above.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("testdata/latch.txtar")
	if err != nil {
		t.Fatal(err)
	}
	numbered := regexp.MustCompile(`^\d+\t?`)
	blocks := strings.Split(string(readme), "```go\n")[1:]
	for _, b := range blocks {
		code, _, _ := strings.Cut(b, "```")
		code = strings.TrimPrefix(code, "// latch.go\n")
		var plain strings.Builder
		for line := range strings.Lines(code) {
			plain.WriteString(numbered.ReplaceAllString(line, ""))
		}
		if !strings.Contains(string(example), plain.String()) {
			t.Errorf("not in testdata/latch.txtar:\n%s", plain.String())
		}
	}
	if len(blocks) < 3 {
		t.Errorf("%d blocks of code", len(blocks))
	}
}

// Packages written elsewhere, from the module cache, are explored to completion.
func TestElsewhere(t *testing.T) {
	for _, pkg := range []string{"semaphore", "singleflight"} {
		for _, build := range [][]string{nil, {"-race"}} {
			t.Run(pkg+strings.Join(build, ""), func(t *testing.T) {
				t.Parallel()
				args := append(build, "-scenarios", filepath.Join("testdata", pkg), "golang.org/x/sync/"+pkg)
				out, _ := modeltest(t, "", 0, args...)
				t.Log("\n" + out)
				if n := len(regexp.MustCompile(complete).FindAllString(out, -1)); n < 3 || n != strings.Count(out, "\n") {
					t.Errorf("%d complete scenarios in\n%s", n, out)
				}
			})
		}
	}
}

// Rewritten packages outside any exploration pass their own tests: the
// rewriting has changed no meaning that these tests know of.
func TestDifferential(t *testing.T) {
	for _, tt := range []struct{ name, pkg, run string }{
		{"semaphore", "golang.org/x/sync/semaphore", ""},
		{"singleflight", "golang.org/x/sync/singleflight", ""},
		{"errgroup", "golang.org/x/sync/errgroup", ""},
		{"waitmap", "example.com/interlock/waitmap", "^Test[^AB]"}, // not allocations and bytes
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out, errs := modeltest(t, "", 0, "-with-tests", "-run", tt.run, tt.pkg)
			if n := strings.Count(out, "ok    Test"); n == 0 {
				t.Errorf("no test ran:\n%s%s", out, errs)
			}
		})
	}
}

// Each construct means the same before and after.
func TestConstructs(t *testing.T) {
	t.Parallel()
	dir := unpack(t, "constructs.txtar")
	cmd := exec.Command("go", "test", ".")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("before: %v\n%s", err, out)
	}
	out, errs := modeltest(t, dir, 0, "-with-tests")
	source, err := os.ReadFile(filepath.Join(dir, "constructs_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	if errs != "" || strings.Count(out, "ok    Test") != strings.Count(string(source), "\nfunc Test") {
		t.Errorf("after:\n%s%s", out, errs)
	}
}

// Failures name the lines of the original files, inside selects too.
func TestPositions(t *testing.T) {
	t.Parallel()
	out, _ := modeltest(t, unpack(t, "fixtures.txtar"), 1, "./positions")
	for _, tt := range []struct{ test, want string }{
		{"Operand", `nil pointer .*\(.*main at positions\.go:10\)`},
		{"Body", `nil pointer .*\(.*main at positions\.go:27\)\n(?s:.*)select .* positions\.go:21\n`},
		{"Deadlock", `main.*: select at positions\.go:34\n`},
		{"Check", `arithmetic holds \(.*main at testdata/model/positions_test\.go\.txt:23\)`},
	} {
		_, part, ok := strings.Cut(out, "FAIL  TestModel"+tt.test+"\n")
		part, _, _ = strings.Cut(part, "FAIL  ")
		if !ok {
			t.Errorf("%s did not fail", tt.test)
		}
		wants(t, part, tt.want)
	}
}

// What is refused has its line and status 2; with -stub, or the directive, the
// rest of the package runs, and the function panics with the same words.
func TestRefused(t *testing.T) {
	t.Parallel()
	dir := unpack(t, "fixtures.txtar")
	const why = `refused/refused\.go:10: net\.Dialer\.DialContext passes a context\.Context to or from package net, which is not rewritten`
	_, errs := modeltest(t, dir, 2, "./refused")
	wants(t, errs, `(?m)^`+why+`$`, `(?m)^modeltest: refused: 1 construct`)
	out, _ := modeltest(t, dir, 1, "-stub", "./refused")
	wants(t, out, `(?m)^ok    TestModelFine`+complete, `(?m)^FAIL  TestModelDial$`, `modeltest: refused: .*`+why)

	// A scenario file can ask for it too, on a line of its own.
	scenarios := filepath.Join(dir, "refused", "testdata", "model", "refused_test.go.txt")
	text, err := os.ReadFile(scenarios)
	if err != nil {
		t.Fatal(err)
	}
	for line, status := range map[string]int{"//modeltest:stub": 1, "// see //modeltest:stub": 2} {
		if err := os.WriteFile(scenarios, append([]byte(line+"\n"), text...), 0o666); err != nil {
			t.Fatal(err)
		}
		out, errs := modeltest(t, dir, status, "./refused")
		if got := strings.Contains(out, "ok    TestModelFine"); got != (status == 1) {
			t.Errorf("after %q: explored: %t\n%s%s", line, got, out, errs)
		}
	}
}

// Packages of the module are rewritten with the target, its ordinary tests are
// left out, and the tree is as before.
func TestSameModule(t *testing.T) {
	t.Parallel()
	dir := unpack(t, "fixtures.txtar")
	out, _ := modeltest(t, dir, 0, "./user")
	wants(t, out, `(?m)\Aok    TestModelUser`+complete+`\z`)
	to := t.TempDir()
	out, _ = modeltest(t, dir, 0, "-o", to, "./user")
	wants(t, out, `user\.go`, `gate\.go`, `zzmodel_user_test\.go`)
	if found, err := filepath.Glob(filepath.Join(dir, "user", "*")); err != nil || len(found) != 3 {
		t.Errorf("files in the package: %v (%v)", found, err)
	}
}

// A plain write after its publication shows in the race build alone.
func TestRace(t *testing.T) {
	t.Parallel()
	dir := unpack(t, "fixtures.txtar")
	out, _ := modeltest(t, dir, 0, "./racy")
	wants(t, out, complete)
	out, errs := modeltest(t, dir, 1, "-race", "./racy")
	wants(t, out+errs, `(?i)data race`, `racy/racy\.go:1[2-9]`)
}

func TestUsage(t *testing.T) {
	t.Parallel()
	dir := unpack(t, "fixtures.txtar")
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-nonsense"}, `not defined`},
		{[]string{"./missing"}, `missing`},
		{[]string{"./bare"}, `no scenarios: \./bare has no testdata/model`},
		{[]string{"fmt"}, `standard library`},
		{[]string{"./broken"}, `broken/testdata/model/broken_test\.go\.txt:6:2: undefined: undefined`},
		{[]string{"-run", "TestMissing", "./user"}, `no scenario matches "TestMissing"`},
		{[]string{"-sched", dir, "./user"}, `holds module "example\.org/fixtures"`},
	} {
		_, errs := modeltest(t, dir, 2, tt.args...)
		wants(t, errs, tt.want)
	}
	_, errs := modeltest(t, dir, 0, "-h")
	wants(t, errs, `usage: modeltest`, `-replay`)
	_, errs = modeltest(t, t.TempDir(), 2)
	wants(t, errs, `no go\.mod or go\.work`)
}
