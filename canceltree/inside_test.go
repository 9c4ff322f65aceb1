package canceltree

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"
)

// Tests of what cannot be brought about from outside in reasonable time.

func TestTooManyHandles(t *testing.T) {
	k := New()
	k.word.bits += (maxHandles - 2) * handle
	c := k.Clone()
	for range 2 {
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.HasPrefix(text, "canceltree: too many handles") {
					t.Errorf("panic %q", text)
				}
			}()
			k.Clone()
		}()
	}
	if w := k.word.Load(); handles(w) != maxHandles || w&^(maxHandles*handle) != valid|held {
		t.Fatalf("the word became %#x", w)
	}
	c.Release()
	c = k.Clone()
	c.Release()
	k.word.bits -= (maxHandles - 2) * handle
	if k.Release(); k.Err() != ErrReleased {
		t.Fatal(k.Err())
	}
}

// TestSnapshotBesideASnapshot meets the cursors of another, and those stay
// where they are.
func TestSnapshotBesideASnapshot(t *testing.T) {
	root := NewWith(Options{Name: "root"})
	root.ChildNamed("a")
	b := root.ChildNamed("b")
	root.ChildNamed("c")
	const want = "\"root\" children=3 handles=1\n  \"a\" children=0 handles=1\n  \"b\" children=0 handles=1\n  \"c\" children=0 handles=1\n"
	other := open{node: root}
	for _, name := range []string{"a", "b", "c"} {
		if x := other.step(); x.name() != name {
			t.Fatalf("%q, want %q", x.name(), name)
		}
		var out bytes.Buffer
		if root.Dump(&out); out.String() != want {
			t.Fatalf("got\n%swant\n%s", out.String(), want)
		}
	}
	if x := other.step(); x != nil {
		t.Fatalf("%q after the last", x.name())
	}
	other.leave()

	// One whose node goes away has come to its end.
	for _, end := range []func(){func() { b.Cancel(nil) }, func() { root.Cancel(nil) }} {
		other = open{node: b}
		k := b.Child()
		b.Child()
		if x := other.step(); x != k {
			t.Fatal("another child")
		}
		end()
		if x := other.step(); x != nil {
			t.Fatal("goes on in a list that is not there")
		}
		other.leave()
		b = root.Child()
	}

	p := New()
	n := p.Child()
	n.Child()
	other = open{node: n}
	other.step()
	n.Release() // the cursor moves up
	if x := other.step(); x != nil {
		t.Fatal("goes on in the list of the parent")
	}
	other.leave()
	if err := p.Check(); err != nil || p.kids == nil || p.kids.next != p.kids {
		t.Fatal("the cursor stayed", err)
	}
}

// TestSnapshotOfWhatMovesUp meets a token again whose parent is released behind it,
// and shows it once.
func TestSnapshotOfWhatMovesUp(t *testing.T) {
	root := New()
	mid := root.Child()
	leaf, both := mid.Child(), Any(mid, New())
	s := survey{met: map[*Token]bool{}, junctions: map[*Token]*junction{}}
	b := &branch{}
	s.enter(root, b)
	advance := func() (x *Token) {
		o := &s.open[len(s.open)-1]
		if x = o.step(); x == nil {
			o.leave()
			s.open = s.open[:len(s.open)-1]
		} else {
			s.visit(x, o.branch)
		}
		return x
	}
	for _, want := range []*Token{mid, leaf, nil} { // nil: the end of the leaf's list
		if x := advance(); x != want {
			t.Fatal("not in order")
		}
	}
	advance() // the link
	mid.Release()
	for len(s.open) > 0 {
		advance()
	}
	shown := map[uint64]int{}
	for i := range b.infos() {
		shown[i.ID]++
	}
	if len(shown) != 4 || shown[leaf.id()] != 1 || shown[both.id()] != 1 {
		t.Errorf("shown: %v", shown)
	}
	if err := root.Check(); err != nil {
		t.Error(err)
	}
}

// TestDoneIsNotMadeByTheWay: it costs more than the token.
func TestDoneIsNotMadeByTheWay(t *testing.T) {
	k := New()
	FromContext(k)
	FromContext(context.WithoutCancel(k))
	Any(k, New())
	k.Child().Err()
	k.Value(1)
	k.Value(stdKey())
	k.OnCancel(func(error) {}).Stop()
	k.Dump(new(bytes.Buffer))
	if k.shadow.Load() != nil {
		t.Fatal("somebody asked for Done")
	}
	if k.Done(); k.shadow.Load() == nil {
		t.Fatal("Done left nothing")
	}
}

// TestALeafIsALeaf: what most tokens are is released the short way, and what
// is not, is not.
func TestALeafIsALeaf(t *testing.T) {
	root := New()
	for name, c := range map[string]struct {
		leaf bool
		k    func() *Token
	}{
		"Child":                {true, func() *Token { return root.Child() }},
		"ChildNamed":           {true, func() *Token { return root.ChildNamed("x") }},
		"FromContext":          {true, func() *Token { return FromContext(root) }},
		"Any of one":           {true, func() *Token { return Any(root) }},
		"cloned":               {true, func() *Token { k := root.Child(); k.Clone().Release(); return k }},
		"shown":                {true, func() *Token { k := root.Child(); k.Dump(new(bytes.Buffer)); return k }},
		"asked":                {true, func() *Token { k := root.Child(); k.Err(); k.Deadline(); k.Value(1); return k }},
		"asked for Done":       {false, func() *Token { k := root.Child(); k.Done(); return k }},
		"with a child":         {false, func() *Token { k := root.Child(); k.Child(); return k }},
		"having had one":       {false, func() *Token { k := root.Child(); k.Child().Release(); return k }},
		"with a callback":      {false, func() *Token { k := root.Child(); k.OnCancel(func(error) {}); return k }},
		"with a link":          {false, func() *Token { k := root.Child(); Any(k, root); return k }},
		"with two handles":     {false, func() *Token { k := root.Child(); k.Clone(); return k }},
		"with a deadline":      {false, func() *Token { return root.ChildTimeout(1 << 50) }},
		"with values":          {false, func() *Token { return FromContext(context.WithValue(root, name(1), 1)) }},
		"with two parents":     {false, func() *Token { return Any(root, root.Child()) }},
		"cancelled":            {false, func() *Token { k := root.Child(); k.Cancel(nil); return k }},
		"another's handle":     {false, func() *Token { return root.Child().Clone() }},
		"released":             {false, func() *Token { k := root.Child(); k.Release(); return k }},
		"born cancelled":       {false, func() *Token { p := New(); p.Cancel(nil); return p.Child() }},
		"the zero Token":       {false, func() *Token { return new(Token) }},
		"a cursor's or link's": {false, func() *Token { return newMark(root) }},
	} {
		k := c.k()
		if got := k.word.Load() == leaf; got != c.leaf {
			t.Errorf("%s: a leaf %v", name, got)
		}
	}
}

type name int

// TestReleasedMeanwhile is what a goroutine meets whose handle another one
// releases between the look at the handle and the lock.
func TestReleasedMeanwhile(t *testing.T) {
	k := New()
	k.Child().Cancel(nil)
	k.Release()
	for method, f := range map[string]func(){
		"Child":    func() { k.place(newNode(k), "Child") },
		"OnCancel": func() { k.register(&Registration{node: k, on: func(error) {}}, "OnCancel") },
	} {
		func() {
			defer func() {
				if text, _ := recover().(string); text != "canceltree: "+method+" on a released Token" {
					t.Errorf("%s: panic %q", method, text)
				}
			}()
			f()
		}()
	}
	if k.cancel(endCanceled, false) || k.Err() != ErrReleased {
		t.Error("a Cancel came after the Release and won")
	}
	c := newNode(k)
	if k.adopts(c) || c.parent.Load() != nil || c.Err() != nil {
		t.Error("Any of a parent that was released meanwhile")
	}
	if k.kids != nil || k.count != 0 || k.mu.TryLock() == false {
		t.Error("something is left")
	}
}

// A counter is a context with a method AfterFunc that counts registrations.
type counter struct {
	context.Context
	registered int
}

func (c *counter) Done() <-chan struct{} { return never }

func (c *counter) AfterFunc(func()) func() bool {
	c.registered++
	return func() bool { c.registered--; return true }
}

// TestCancelledMeanwhile: what a new token was linked to is let go of if the
// token ends before it knows.
func TestCancelledMeanwhile(t *testing.T) {
	outside := &counter{Context: context.Background()}
	c := newCarrier(nil, &env{})
	c.cancel(endCanceled, false)
	if c.follow(outside); outside.registered != 0 {
		t.Error("the registration outside is left")
	}

	x, y := New(), New()
	a := newCarrier(nil, &env{})
	a.cancel(endCanceled, false)
	if a.linkTo([]*Token{x, y}); x.kids != nil || y.kids != nil || x.count+y.count != 0 {
		t.Error("a link is left")
	}

	d := newCarrier(nil, &env{deadline: time.Now().Add(time.Hour), expires: true})
	k := d.ext.Load().carried
	d.cancel(endCanceled, false)
	if d.startTimer(time.Now().Add(time.Hour)); k.timer != nil || d.ext.Load().carried != nil {
		t.Error("a timer is left")
	}
}
