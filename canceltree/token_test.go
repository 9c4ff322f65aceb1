package canceltree_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"

	"example.com/interlock/canceltree"
)

var errTest = errors.New("test cause")

func sound(t *testing.T, tokens ...*canceltree.Token) {
	t.Helper()
	for i, k := range tokens {
		if err := k.Check(); err != nil {
			t.Fatalf("tree %d: %v", i, err)
		}
	}
}

func live(t *testing.T, tokens ...*canceltree.Token) {
	t.Helper()
	for i, k := range tokens {
		if k.Err() != nil || k.Cause() != nil {
			t.Fatalf("token %d ended: %v, %v", i, k.Err(), k.Cause())
		}
		select {
		case <-k.Done():
			t.Fatalf("token %d: Done closed", i)
		default:
		}
	}
}

func ended(t *testing.T, err, cause error, tokens ...*canceltree.Token) {
	t.Helper()
	for i, k := range tokens {
		if k.Err() != err || k.Cause() != cause || context.Cause(k) != cause {
			t.Fatalf("token %d: Err %v, Cause %v, context.Cause %v; want %v, %v", i, k.Err(), k.Cause(), context.Cause(k), err, cause)
		}
		select {
		case <-k.Done():
		default:
			t.Fatalf("token %d: Done open", i)
		}
	}
}

func TestSizes(t *testing.T) {
	if canceltree.NodeBytes != 64 {
		t.Fatalf("a node takes %d bytes, not 64", canceltree.NodeBytes)
	}
	if canceltree.RelayChildren != 16 {
		t.Fatalf("a released node hands over up to %d children, not 16", canceltree.RelayChildren)
	}
}

func TestCancelReachesWhatIsBelowAndNothingElse(t *testing.T) {
	for _, asked := range []bool{false, true} {
		root := canceltree.New()
		a, b := root.Child(), root.Child()
		a1, a2 := a.Child(), a.Child()
		a11 := a1.Child()
		b1 := b.Child()
		all := []*canceltree.Token{root, a, b, a1, a2, a11, b1}
		if asked {
			live(t, all...)
		}
		if !a.Cancel(errTest) {
			t.Fatal("the first Cancel did not win")
		}
		if a.Cancel(nil) || a1.Cancel(nil) || a11.Cancel(io.EOF) {
			t.Fatal("a second Cancel won")
		}
		ended(t, context.Canceled, errTest, a, a1, a2, a11)
		live(t, root, b, b1)
		sound(t, root, a)
		if !root.Cancel(nil) {
			t.Fatal("the Cancel of the root did not win")
		}
		ended(t, context.Canceled, context.Canceled, root, b, b1)
		ended(t, context.Canceled, errTest, a, a1, a2, a11)
		sound(t, root, b)
	}
}

func TestErrIsDeadlineExceededOnlyForADeadline(t *testing.T) {
	root := canceltree.New()
	c := root.Child()
	root.Cancel(context.DeadlineExceeded)
	ended(t, context.Canceled, context.DeadlineExceeded, root, c)
	if on, cancel := context.WithCancel(c); on.Err() != context.Canceled {
		t.Fatalf("a context on top says %v", on.Err())
	} else {
		cancel()
	}
}

func TestChildOfACancelledToken(t *testing.T) {
	root := canceltree.New()
	mid := root.ChildNamed("mid")
	root.Cancel(errTest)
	c, named, timed := root.Child(), mid.ChildNamed("x"), root.ChildTimeout(1<<40)
	ended(t, context.Canceled, errTest, c, named, timed, c.Child(), named.Child(), timed.Child())
	for _, k := range []*canceltree.Token{c, named, timed} {
		if k.Cancel(io.EOF) {
			t.Fatal("Cancel of a token that was born cancelled won")
		}
		k.Release()
		ended(t, context.Canceled, errTest, k)
	}
	sound(t, root, mid, c, named, timed)
}

func TestHandles(t *testing.T) {
	root := canceltree.New()
	a := root.Child()
	b := a.Clone()
	c := b.Clone()
	if !a.Equal(c) || !c.Equal(a) || a.Equal(root) || a.Equal(nil) || root.Equal(root.Child()) {
		t.Fatal("Equal is not identity of the node")
	}
	if a.Done() != b.Done() || b.Done() != c.Done() {
		t.Fatal("handles of one node have different channels")
	}
	a.Release()
	a.Release() // once only
	b.Release()
	b.Release()
	live(t, a, b, c)
	if a.Cancel(errTest) || b.Cancel(errTest) {
		t.Fatal("Cancel through a released handle won")
	}
	live(t, c)
	d := c.Clone()
	c.Release()
	live(t, d)
	d.Release()
	ended(t, canceltree.ErrReleased, canceltree.ErrReleased, a, b, c, d)
	if d.Cancel(nil) {
		t.Fatal("Cancel of a released token won")
	}
	ended(t, canceltree.ErrReleased, canceltree.ErrReleased, a, b, c, d)
	sound(t, root)
}

func TestManyClones(t *testing.T) {
	k := canceltree.New()
	var clones []*canceltree.Token
	for range 1000 {
		clones = append(clones, k.Clone())
	}
	k.Release()
	for i, c := range clones {
		live(t, k)
		if i%2 == 0 {
			c.Clone().Release()
		}
		c.Release()
	}
	ended(t, canceltree.ErrReleased, canceltree.ErrReleased, k)
}

func TestCancelThroughAClone(t *testing.T) {
	root := canceltree.New()
	c := root.Clone()
	k := c.Child()
	if !c.Cancel(errTest) || root.Cancel(nil) {
		t.Fatal("wrong winner")
	}
	ended(t, context.Canceled, errTest, root, c, k)
}

func TestMisuse(t *testing.T) {
	var zero canceltree.Token
	for name, f := range map[string]func(){
		"Child":         func() { zero.Child() },
		"ChildNamed":    func() { zero.ChildNamed("") },
		"ChildTimeout":  func() { zero.ChildTimeout(1) },
		"Clone":         func() { zero.Clone() },
		"Release":       func() { zero.Release() },
		"Cancel":        func() { zero.Cancel(nil) },
		"Err":           func() { zero.Err() },
		"Cause":         func() { zero.Cause() },
		"Done":          func() { zero.Done() },
		"Deadline":      func() { zero.Deadline() },
		"Value":         func() { zero.Value(1) },
		"Equal":         func() { zero.Equal(canceltree.New()) },
		"Equal to zero": func() { canceltree.New().Equal(&zero) },
		"AfterFunc":     func() { zero.AfterFunc(func() {}) },
		"OnCancel":      func() { zero.OnCancel(func(error) {}) },
		"Guard":         func() { zero.Guard() },
		"Tree":          func() { zero.Tree() },
		"Dump":          func() { zero.Dump(io.Discard) },
		"DOT":           func() { zero.DOT(io.Discard) },
		"String":        func() { _ = zero.String() },
		"Any":           func() { canceltree.Any(canceltree.New(), &zero) },
		"FromContext":   func() { canceltree.FromContext(&zero) },
		"Run":           func() { canceltree.Run(&zero, func(context.Context) (int, error) { return 0, nil }) },
	} {
		t.Run(name, func(t *testing.T) { mustPanic(t, f, "zero Token") })
	}

	node := canceltree.New()
	handle := canceltree.New()
	other := handle.Clone()
	defer other.Release()
	dead := canceltree.New()
	dead.Cancel(nil)
	for _, k := range []*canceltree.Token{node, handle, dead} {
		k.Release()
		mustPanic(t, func() { k.Child() }, "Child", "released")
		mustPanic(t, func() { k.ChildNamed("") }, "ChildNamed", "released")
		mustPanic(t, func() { k.ChildTimeout(1) }, "ChildTimeout", "released")
		mustPanic(t, func() { k.ChildDeadline(far) }, "ChildDeadline", "released")
		mustPanic(t, func() { k.Clone() }, "Clone", "released")
		mustPanic(t, func() { k.AfterFunc(func() {}) }, "AfterFunc", "released")
		mustPanic(t, func() { k.OnCancel(func(error) {}) }, "OnCancel", "released")
	}
	mustPanic(t, func() { canceltree.New().AfterFunc(nil) }, "AfterFunc", "nil function")
	mustPanic(t, func() { canceltree.New().OnCancel(nil) }, "OnCancel", "nil function")
	//lint:ignore SA1012 a nil context must panic
	mustPanic(t, func() { canceltree.FromContext(nil) }, "FromContext", "nil context")
	mustPanic(t, func() { canceltree.FromContext((*canceltree.Token)(nil)) }, "FromContext", "nil Token")
	mustPanic(t, func() { canceltree.Any(canceltree.New(), nil) }, "Any", "nil Token")
	mustPanic(t, func() {
		canceltree.Run(nil, func(context.Context) (int, error) { t.Error("called"); return 0, nil })
	}, "nil Token")
	mustPanic(t, func() { canceltree.Run[int](canceltree.New(), nil) }, "nil function")
}

func TestString(t *testing.T) {
	root := canceltree.NewWith(canceltree.Options{Name: "root"})
	k := root.ChildNamed("k")
	if s := k.String(); s != `token "k" (live)` {
		t.Fatal(s)
	}
	if s := root.Child().String(); !strings.HasPrefix(s, "token 0x") {
		t.Fatal(s)
	}
	k.Release()
	if s := k.String(); s != `token "k" (released)` {
		t.Fatal(s)
	}
	root.Cancel(errTest)
	if s := root.String(); s != `token "root" (cancelled: test cause)` {
		t.Fatal(s)
	}
	c := canceltree.New()
	c.Cancel(canceltree.ErrReleased) // as a cause
	if s := c.String(); !strings.HasSuffix(s, " (cancelled: canceltree: token released)") {
		t.Fatal(s)
	}
}

func TestGuard(t *testing.T) {
	k := canceltree.New()
	g := k.Guard()
	g.Disarm()
	g.Close()
	live(t, k)
	g = k.Guard()
	g.Close()
	ended(t, context.Canceled, context.Canceled, k)
	g.Disarm()
	g.Close()

	k = canceltree.New()
	g = k.Guard()
	k.Release() // the guard holds no handle
	ended(t, canceltree.ErrReleased, canceltree.ErrReleased, k)
	g.Close()
	ended(t, canceltree.ErrReleased, canceltree.ErrReleased, k)
}

func TestRun(t *testing.T) {
	k := canceltree.New()
	if v, err := canceltree.Run(k, func(ctx context.Context) (int, error) {
		if ctx != context.Context(k) {
			t.Error("f got another context")
		}
		return 7, io.EOF
	}); v != 7 || err != io.EOF {
		t.Fatal(v, err)
	}
	if v := panics(func() {
		canceltree.Run(k, func(context.Context) (int, error) { panic(errTest) })
	}); v != errTest {
		t.Fatalf("panic %v", v)
	}
	if _, err := canceltree.Run(k, func(context.Context) (int, error) { runtime.Goexit(); return 0, nil }); err == nil || !strings.Contains(err.Error(), "Goexit") {
		t.Fatalf("Goexit gave %v", err)
	}

	var f sync.WaitGroup
	f.Add(1)
	started := make(chan bool)
	go func() {
		<-started
		k.Cancel(errTest)
	}()
	v, err := canceltree.Run(k, func(ctx context.Context) (int, error) {
		defer f.Done()
		close(started)
		<-ctx.Done()
		for !errors.Is(context.Cause(ctx), errTest) {
			t.Error("f sees another cause")
		}
		f2 := make(chan bool)
		go close(f2)
		<-f2
		return 1, nil
	})
	f.Wait()
	if err != errTest && v != 1 {
		t.Fatal(v, err)
	}
	if v, err := canceltree.Run(k, func(context.Context) (int, error) { t.Error("called"); return 1, nil }); v != 0 || err != errTest {
		t.Fatal(v, err)
	}
	late := canceltree.New()
	gate, over := make(chan bool), make(chan bool)
	go late.Cancel(errTest)
	if _, err := canceltree.Run(late, func(context.Context) (int, error) {
		defer close(over)
		<-gate
		panic("nobody waits for this")
	}); err != errTest {
		t.Fatal(err)
	}
	close(gate)
	<-over
}
