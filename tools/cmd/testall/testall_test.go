package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

// workspace has one module a way to end.
const workspace = `
-- go.work --
go 1.26.0
use (
	./good
	./bad
	./broken
	./dies
)
-- good/go.mod --
module example.org/good
go 1.26.0
-- good/good_test.go --
package good
import "testing"
func TestOne(t *testing.T) { t.Run("sub", func(t *testing.T) {}); t.Log("quiet") }
func TestSkipped(t *testing.T) { t.Skip("no such device") }
func TestMany(t *testing.T) {
	for _, s := range []string{"a", "b", "c", "d", "e"} { t.Run(s, func(t *testing.T) { t.Skip("too many") }) }
}
-- good/empty/empty.go --
package empty
-- bad/go.mod --
module example.org/bad
go 1.26.0
-- bad/bad_test.go --
package bad
import "testing"
func TestFails(t *testing.T) { t.Error("two and two") }
func TestHolds(t *testing.T) { t.Log("quiet") }
-- broken/go.mod --
module example.org/broken
go 1.26.0
-- broken/broken_test.go --
package broken
import "testing"
func TestNever(t *testing.T) { undefinedName() }
-- dies/go.mod --
module example.org/dies
go 1.26.0
-- dies/dies_test.go --
package dies
import ("os"; "testing")
func TestGone(t *testing.T) { println("last words"); os.Exit(3) }
`

func TestSuite(t *testing.T) {
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(workspace)).Files {
		name := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	t.Setenv("GOWORK", "")
	t.Setenv("GOFLAGS", "")

	for _, tc := range []struct {
		args   []string
		status int
		last   string   // regexp of the closing line
		want   []string // in the output
		not    []string
	}{
		{
			args: []string{"good"}, status: 0,
			last: `^ok: 1 modules, 1 packages; tests: 3 passed, 0 failed, 6 skipped in [0-9.]+s$`,
			want: []string{
				"skip  example.org/good: no such device: TestSkipped\n",
				"skip  example.org/good: too many: TestMany/a, TestMany/b, TestMany/c and 2 more\n",
			},
			not: []string{"quiet", "empty"},
		},
		{
			args: []string{"good", "./bad/"}, status: 1,
			last: `^FAIL: 2 modules, 2 packages; tests: 4 passed, 1 failed, 6 skipped in `,
			want: []string{"FAIL  example.org/bad", "two and two"},
			not:  []string{"quiet"},
		},
		{
			args: []string{"good", "broken"}, status: 1,
			last: `^FAIL: 2 modules, 2 packages; tests: 3 passed, 1 failed, 6 skipped in `,
			want: []string{"FAIL  example.org/broken", "undefined: undefinedName"},
		},
		{
			args: []string{"dies"}, status: 1,
			last: `^FAIL: 1 modules, 1 packages; tests: 0 passed, 1 failed, 0 skipped in `,
			want: []string{"last words"},
		},
		{
			args: []string{"absent"}, status: 1,
			last: `^FAIL: 1 modules, [01] packages; tests: 0 passed, 1 failed, 0 skipped in `,
		},
		{
			args: []string{"good", "--", "-run", "TestOne/sub"}, status: 0,
			last: `^ok: 1 modules, 1 packages; tests: 2 passed, 0 failed, 0 skipped in `,
		},
		{args: []string{}, status: 2, last: `^usage: `},
		{args: []string{"-race", "good"}, status: 2, last: `^usage: `},
	} {
		t.Run(strings.Join(tc.args, " "), func(t *testing.T) {
			var out, errs bytes.Buffer // go test writes to errs while testall writes to out
			if got := run(tc.args, &out, &errs); got != tc.status {
				t.Errorf("status %d, want %d", got, tc.status)
			}
			text := errs.String() + out.String()
			lines := strings.Split(strings.TrimSpace(text), "\n")
			if last := lines[len(lines)-1]; !regexp.MustCompile(tc.last).MatchString(last) {
				t.Errorf("last line %q, want %s", last, tc.last)
			}
			for _, w := range tc.want {
				if !strings.Contains(text, w) {
					t.Errorf("no %q", w)
				}
			}
			for _, w := range tc.not {
				if strings.Contains(text, w) {
					t.Errorf("unwanted %q", w)
				}
			}
			if t.Failed() {
				t.Logf("output:\n%s", text)
			}
		})
	}
}

// Lines that are no events reach the reader of the log unchanged.
func TestReportPassesOnOtherLines(t *testing.T) {
	var out bytes.Buffer
	rep := newReport(&out)
	if err := rep.read(strings.NewReader("warning: no event\n{\"odd\":1}\nno newline")); err != nil {
		t.Fatal(err)
	}
	rep.summary(3, 1500*time.Millisecond)
	want := "warning: no event\n{\"odd\":1}\nno newline" +
		"ok: 3 modules, 0 packages; tests: 0 passed, 0 failed, 0 skipped in 1.5s\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", &out, want)
	}
}
