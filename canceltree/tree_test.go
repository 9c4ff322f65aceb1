package canceltree_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"

	"example.com/interlock/canceltree"
)

func dump(t *testing.T, k *canceltree.Token) string {
	t.Helper()
	var b bytes.Buffer
	if err := k.Dump(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestDump(t *testing.T) {
	root := canceltree.NewWith(canceltree.Options{Name: "root"})
	a, b := root.ChildNamed("a"), root.ChildNamed("b \"quoted\"\n")
	a.ChildNamed("a1").Clone()
	timed := canceltree.FromContext(context.WithValue(b, key(1), 1))
	timed.ChildNamed("below").OnCancel(func(error) {}).Stop()
	timed.Release()
	gone := root.ChildNamed("gone")
	gone.ChildNamed("moved").ChildNamed("below moved")
	gone.Release()
	root.ChildNamed("cancelled").Cancel(nil)
	want := `"root" children=3 handles=1
  "a" children=1 handles=1
    "a1" children=0 handles=2
  "b \"quoted\"\n" children=1 handles=1
    0xID children=1 handles=0 relay
      "below" children=0 handles=1
  "moved" children=1 handles=1
    "below moved" children=0 handles=1
`
	hex := regexp.MustCompile(`0x[0-9a-f]+`)
	if got := hex.ReplaceAllString(dump(t, root), "0xID"); got != want {
		t.Fatalf("got\n%swant\n%s", got, want)
	}
	if got := dump(t, a); got != "\"a\" children=1 handles=1\n  \"a1\" children=0 handles=2\n" {
		t.Fatal(got)
	}
	root.Cancel(errTest)
	if got := dump(t, root); got != "\"root\" children=0 handles=1 ended: \"test cause\"\n" {
		t.Fatal(got)
	}
	if got := dump(t, gone); got != "\"gone\" children=0 handles=0 ended: \"canceltree: token released\"\n" {
		t.Fatal(got)
	}
}

func TestDOT(t *testing.T) {
	root := canceltree.NewWith(canceltree.Options{Name: `back\slash "quote"` + "\nline"})
	x, y := root.ChildNamed("x"), root.ChildNamed("y")
	canceltree.Any(y, x).ChildNamed("any")
	relay := canceltree.FromContext(context.WithValue(x, key(1), 1))
	relay.Child()
	relay.Release()
	var b bytes.Buffer
	if err := root.DOT(&b); err != nil {
		t.Fatal(err)
	}
	want := `digraph canceltree {
	node [shape=box];
	n0 [label="back\\slash \"quote\"\nline"];
	n1 [label="x"];
	n0 -> n1;
	n2 [label="relay", style=dashed];
	n1 -> n2;
	n3 [label="token"];
	n2 -> n3;
	n4 [label="y"];
	n0 -> n4;
	n5 [label="token"];
	n4 -> n5;
	n6 [label="any"];
	n5 -> n6;
}
`
	if b.String() != want {
		t.Fatalf("got\n%swant\n%s", b.String(), want)
	}
	b.Reset()
	root.Cancel(nil)
	root.DOT(&b)
	if !strings.Contains(b.String(), "style=dotted") || strings.Contains(b.String(), "->") {
		t.Fatal(b.String())
	}
}

func TestDOTEscapesWhatGraphvizCannotTake(t *testing.T) {
	for name, label := range map[string]string{
		"a\x00b":       "a\uFFFDb",
		"a\xffb":       "a\uFFFDb",
		"a\r\nb\rc\nd": `a\nb\nc\nd`,
		`a\N"b"`:       `a\\N\"b\"`,
	} {
		var b bytes.Buffer
		canceltree.NewWith(canceltree.Options{Name: name}).DOT(&b)
		if want := `n0 [label="` + label + `"];`; !strings.Contains(b.String(), want) {
			t.Errorf("%q: no %s in\n%s", name, want, b.String())
		}
	}
}

func TestTreeShowsAnyUnderTheFirst(t *testing.T) {
	root := canceltree.New()
	x, y := root.ChildNamed("x"), root.ChildNamed("y")
	a := canceltree.Any(y, x)
	k := a.ChildNamed("k")
	canceltree.Any(a, k, x)
	shape := func() (s string) {
		for i := range root.Tree() {
			s += fmt.Sprintf("%d%s(%d) ", i.Depth, i.Name, i.Children)
		}
		return s
	}
	if got := shape(); got != "0(2) 1x(0) 1y(1) 2(2) 3k(0) 3(0) " {
		t.Fatal(got)
	}
	if got := dump(t, x); strings.Count(got, "\n") != 4 { // from x, the rest is below x
		t.Fatal(got)
	}
	y.Release()
	if got := shape(); got != "0(2) 1x(0) 1(2) 2k(0) 2(0) " {
		t.Fatal(got)
	}
}

func TestTreeStopsEarlyAndRunsAgain(t *testing.T) {
	root := canceltree.New()
	for range 5 {
		root.Child().Child()
	}
	seq := root.Tree()
	for range 3 {
		n := 0
		for range seq {
			if n++; n == 4 {
				break
			}
		}
		sound(t, root)
	}
	n := 0
	for i := range seq {
		if n++; i.Err != nil || i.Cause != nil || i.Relay || i.Handles != 1 {
			t.Fatalf("%+v", i)
		}
		root.Child().Release() // the loop body may use the tree
	}
	if n != 11 {
		t.Fatal(n)
	}
	sound(t, root)
}

// failing fails after some bytes.
type failing struct{ left int }

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

func TestTheWritersErrorIsReturned(t *testing.T) {
	root := canceltree.New()
	for range 1000 {
		root.Child()
	}
	for _, left := range []int{0, 5000, 20000} {
		if err := root.Dump(&failing{left}); !errors.Is(err, io.ErrClosedPipe) {
			t.Fatal(left, err)
		}
		if err := root.DOT(&failing{left}); !errors.Is(err, io.ErrClosedPipe) {
			t.Fatal(left, err)
		}
	}
}

func TestTreeWhileTheTreeChanges(t *testing.T) {
	// Leaves that live throughout are shown once each, whatever happens to the nodes
	// between them and the root.
	root := canceltree.New()
	const leaves = 60
	for round := range 200 {
		var inner []*canceltree.Token
		want := map[string]bool{}
		var keep []*canceltree.Token
		for i := range leaves {
			p := root
			for range i % 5 {
				p = p.Child()
				inner = append(inner, p)
			}
			name := fmt.Sprint("leaf ", i)
			want[name] = true
			keep = append(keep, p.ChildNamed(name))
		}
		var wg sync.WaitGroup
		start := make(chan bool)
		wg.Go(func() {
			<-start
			for i := range inner {
				inner[(i*7+round)%len(inner)].Release()
			}
		})
		wg.Go(func() {
			<-start
			for range 200 {
				c := root.Child()
				c.Child().Cancel(nil)
				c.Release()
			}
		})
		close(start)
		for range 3 {
			shown := map[string]int{}
			for i := range root.Tree() {
				shown[i.Name]++
			}
			for name := range want {
				if shown[name] != 1 {
					t.Fatalf("round %d: %s shown %d times", round, name, shown[name])
				}
			}
		}
		wg.Wait()
		for _, k := range inner {
			k.Release()
		}
		for _, k := range keep {
			k.Release()
		}
		sound(t, root)
	}
}

func TestTreeUnderCancel(t *testing.T) {
	for range 100 {
		root := canceltree.New()
		mid := root.Child()
		for range 50 {
			mid.Child().Child()
		}
		var wg sync.WaitGroup
		wg.Go(func() { mid.Cancel(nil) })
		for range root.Tree() {
		}
		wg.Wait()
		sound(t, root, mid)
	}
}
