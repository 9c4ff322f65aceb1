package faults

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const diff = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name, header string
		want         Fault
		wantErr      string
	}{
		{name: "test", header: "# loses a value\n# test: -run 'TestA|TestB' .\n",
			want: Fault{What: "loses a value", Kind: Test, Args: []string{"-run", "TestA|TestB", "."}}},
		{name: "race with a timeout", header: "# forgets the lock\n# race: -run TestA ./...\n# timeout: 20s\n",
			want: Fault{What: "forgets the lock", Kind: Race, Args: []string{"-run", "TestA", "./..."}, Timeout: 20 * time.Second}},
		{name: "model, two lines, double quotes", header: "# wakes one\n# of two\n# model: -run \"Model A\"\n",
			want: Fault{What: "wakes one of two", Kind: Model, Args: []string{"-run", "Model A"}}},
		{name: "empty argument", header: "# x\n# test: -run '' .\n",
			want: Fault{What: "x", Kind: Test, Args: []string{"-run", "", "."}}},
		{name: "no test", header: "# loses a value\n", wantErr: "names no test"},
		{name: "two tests", header: "# x\n# test: .\n# race: .\n", wantErr: "two tests"},
		{name: "no sentence", header: "# test: .\n", wantErr: "what is wrong"},
		{name: "open quote", header: "# x\n# test: -run 'TestA .\n", wantErr: "closing quote"},
		{name: "timeout", header: "# x\n# test: .\n# timeout: soon\n", wantErr: "not a duration"},
		{name: "negative timeout", header: "# x\n# test: .\n# timeout: -1s\n", wantErr: "not a duration"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse(tt.header + diff)
			if tt.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
					t.Fatalf("error %v, want %q", err, tt.wantErr)
				}
				return
			}
			tt.want.Diff = diff
			if err != nil || !cmp.Equal(*got, tt.want) {
				t.Errorf("error %v, difference %s", err, cmp.Diff(tt.want, *got))
			}
		})
	}
	if _, err := Parse("# x\n# test: .\n"); err == nil {
		t.Error("a fault without a diff was accepted")
	}
}

func TestApply(t *testing.T) {
	const src = "one\ntwo\nthree\nfour\n"
	for _, tt := range []struct {
		name, diff string
		want       string // of a.go; "" with a wantErr
		wantErr    string
	}{
		{"change", "--- a/a.go\n+++ b/a.go\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n", "one\n2\nthree\nfour\n", ""},
		{"with git's header", "diff --git a/a.go b/a.go\nindex 1..2 100644\n--- a/a.go\n+++ b/a.go\n@@ -1,3 +1,2 @@\n one\n-two\n three\n", "one\nthree\nfour\n", ""},
		{"moved by a line", "--- a/a.go\n+++ b/a.go\n@@ -2,3 +2,3 @@\n one\n-two\n+2\n three\n", "", "stale"},
		{"other context", "--- a/a.go\n+++ b/a.go\n@@ -1,3 +1,3 @@\n uno\n-two\n+2\n three\n", "", "stale"},
		{"missing file", "--- a/b.go\n+++ b/b.go\n@@ -1 +1 @@\n-a\n+b\n", "", "stale"},
		{"outside", "--- a/../a.go\n+++ b/../a.go\n@@ -1 +1 @@\n-a\n+b\n", "", "not a path in the module"},
		{"bare paths", "--- a.go\n+++ a.go\n@@ -1,2 +1,2 @@\n-one\n+1\n two\n", "", "must begin with a/ and b/"},
		{"no change", "--- a/a.go\n+++ b/a.go\n@@ -1,2 +1,2 @@\n-one\n+one\n two\n", "", "changes nothing"},
		{"prose", "see below\n--- a/a.go\n+++ b/a.go\n@@ -1 +1 @@\n-one\n+1\n", "", "text before the diff"},
		{"not a diff", "nothing\n", "", "text before the diff"},
		{"short hunk", "--- a/a.go\n+++ b/a.go\n@@ -1,3 +1,3 @@\n one\n-two\n", "", "cannot be read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			name := filepath.Join(dir, "a.go")
			if err := os.WriteFile(name, []byte(src), 0o666); err != nil {
				t.Fatal(err)
			}
			f := Fault{Diff: tt.diff}
			got, err := f.Apply(dir)
			if tt.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
					t.Fatalf("error %v, want %q", err, tt.wantErr)
				}
				return
			}
			if err != nil || string(got[name]) != tt.want {
				t.Errorf("error %v, got %q, want %q", err, got[name], tt.want)
			}
		})
	}
}

// A diff may add and remove files: a new file has its text, a removed one nil.
func TestApplyNewAndRemoved(t *testing.T) {
	dir := t.TempDir()
	old := filepath.Join(dir, "old.go")
	if err := os.WriteFile(old, []byte("a\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	f := Fault{Diff: "--- /dev/null\n+++ b/new.go\n@@ -0,0 +1 @@\n+b\n" +
		"--- a/old.go\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n"}
	got, err := f.Apply(dir)
	if err != nil {
		t.Fatal(err)
	}
	text, there := got[old]
	if string(got[filepath.Join(dir, "new.go")]) != "b\n" || !there || text != nil {
		t.Errorf("got %q", got)
	}
}
