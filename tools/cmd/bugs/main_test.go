package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// fixture unpacks the module with the faults into a folder of its own.
func fixture(t *testing.T) string {
	t.Helper()
	t.Setenv("GOWORK", "") // the fixture is a module of its own
	a, err := txtar.ParseFile("testdata/fixture.txtar")
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

// bugs runs the command and returns its status, its output and its complaints.
func bugs(t *testing.T, args ...string) (int, string, string) {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestFixture(t *testing.T) {
	dir := fixture(t)
	for _, tt := range []struct {
		fault string
		code  int
		want  string // regexp for the fault's line
	}{
		{"a_killed", 0, `^killed    a_killed  by TestAdd  \d`},
		{"b_survives", 1, `^SURVIVED  b_survives  \d.*: has another name, and nobody looks`},
		{"c_stale", 2, `^ERROR     c_stale: counter\.go: the diff is stale: `},
		{"d_broken", 2, `^ERROR     d_broken: with the fault: does not compile\n(?s:.*)cannot use "one"`},
		{"e_hangs", 0, `^killed    e_hangs  by timeout`},
		{"g_race", 0, `^killed    g_race  by TestAtOnce`},
		{"h_model", 0, `^killed    h_model  by TestModelSum  \d`},
		{"i_model", 1, `^SURVIVED  i_model_survives  `},
		{"f_no_test", 2, `^ERROR     f_no_test: without the fault: no test ran`},
	} {
		t.Run(tt.fault, func(t *testing.T) {
			code, out, errs := bugs(t, "-run", tt.fault, dir)
			if code != tt.code || !regexp.MustCompile(tt.want).MatchString(out) {
				t.Errorf("status %d, want %d; output:\n%s%s\nwant %s", code, tt.code, out, errs, tt.want)
			}
		})
	}
}

// Every fault has its line, in the order of names, whatever ended first; the
// total counts each once, and the worst decides the status.
func TestTotal(t *testing.T) {
	dir := fixture(t)
	code, out, errs := bugs(t, "-p", "3", "-run", "^[a-e]_", dir)
	var got []string
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); !strings.HasPrefix(line, " ") {
			got = append(got, f[0]+" "+strings.TrimSuffix(f[1], ":"))
		}
	}
	want := []string{"killed a_killed", "SURVIVED b_survives", "ERROR c_stale", "ERROR d_broken", "killed e_hangs", dir + ": 5"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") || !strings.Contains(out, "5 faults, 2 killed, 1 survived, 2 errors") || code != 2 {
		t.Errorf("status %d, output:\n%s%s", code, out, errs)
	}
}

func TestTreeIsNotTouched(t *testing.T) {
	dir := fixture(t)
	before, err := os.ReadFile(filepath.Join(dir, "counter.go"))
	if err != nil {
		t.Fatal(err)
	}
	if code, out, errs := bugs(t, "-run", "a_killed", dir); code != 0 {
		t.Fatalf("status %d: %s%s", code, out, errs)
	}
	after, err := os.ReadFile(filepath.Join(dir, "counter.go"))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("counter.go changed (%v)", err)
	}
}

func TestUsage(t *testing.T) {
	empty := t.TempDir()
	for _, args := range [][]string{{}, {"-nonsense"}, {"-run", "(", "."}, {empty}} {
		if code, _, errs := bugs(t, args...); code != 2 || errs == "" {
			t.Errorf("bugs %q: status %d, said %q", args, code, errs)
		}
	}
	if code, _, errs := bugs(t, "-h"); code != 0 || !strings.Contains(errs, "MODULE-FOLDER") {
		t.Errorf("bugs -h: status %d, said %q", code, errs)
	}
}
