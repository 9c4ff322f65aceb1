package core

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// host lists what runs on the goroutine of the exploration's caller alone, or
// touches nothing that is shared.
var host = map[string]bool{
	"Run": true, "close": true, "dismiss": true, "report": true, "Text": true, "MarkDone": true,
	"RuntimeError": true, "Error": true, "String": true, "Format": true, "Parse": true,
	"inEngine": true, "position": true, "short": true, "raceErrors": true, "meetAll": true,
}

// TestNorace: the race detector must see nothing of the engine.
func TestNorace(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range files {
		name := f.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || name == "race_off.go" || name == "coro_pull.go" {
			continue
		}
		fset := token.NewFileSet()
		tree, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range tree.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || host[fn.Name.Name] && !(name == "chan.go" && fn.Name.Name == "Close") {
				continue
			}
			n++
			marked := false
			if fn.Doc != nil {
				for _, c := range fn.Doc.List {
					marked = marked || c.Text == "//go:norace"
				}
			}
			if !marked {
				t.Errorf("%s: %s is not marked //go:norace", fset.Position(fn.Pos()), fn.Name.Name)
			}
		}
	}
	if n < 100 {
		t.Errorf("only %d functions seen", n)
	}
}

func TestScheduleText(t *testing.T) {
	steps := []Step{{N: 0}, {N: 0}, {N: 12}, {Choice: true, N: 2}, {Choice: true, N: 2}, {N: 1}}
	text := Format(steps)
	if text != "0x2.12.c2.c2.1" {
		t.Errorf("Format: %q", text)
	}
	back, err := Parse(text)
	if err != nil || len(back) != len(steps) {
		t.Fatalf("Parse: %v, %v", back, err)
	}
	for i := range steps {
		if back[i] != steps[i] {
			t.Errorf("step %d: %v", i, back[i])
		}
	}
	for _, bad := range []string{"", "x", "1x", "1x0", "-1", "c", "1..2", "1x99999999"} {
		if _, err := Parse(bad); err == nil {
			t.Errorf("Parse(%q): no error", bad)
		}
	}
}

// TestFootprints: the classes of accesses.
func TestFootprints(t *testing.T) {
	classes := []Access{Read, Write, Inc, Dec}
	for _, a := range classes {
		for _, b := range classes {
			var x, y, z Foot
			x.add(1, a)
			y.add(1, b)
			z.add(2, b)
			want := a != b || a == Write
			if conflict(&x, &y) != want {
				t.Errorf("%d and %d: conflict is %v", a, b, !want)
			}
			if conflict(&x, &z) {
				t.Errorf("%d and %d on different objects conflict", a, b)
			}
			x.add(1, b) // both: a write, unless they are the same
			var r Foot
			r.add(1, a)
			if got := conflict(&x, &r); got != want {
				t.Errorf("%d then %d against %d: conflict is %v", a, b, a, got)
			}
		}
	}
}
