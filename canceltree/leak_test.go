package canceltree_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"example.com/interlock/canceltree"
)

// reports collects leak reports: n, for which it gives the collector the time that
// it needs, and those that come besides.
func reports(ch chan canceltree.LeakReport, n int) (got []canceltree.LeakReport) {
	collected(func() bool {
		for len(ch) > 0 {
			got = append(got, <-ch)
		}
		return len(got) >= n
	})
	for range 10 {
		runtime.GC()
		time.Sleep(10 * time.Millisecond) // the time over which none may come
	}
	for len(ch) > 0 {
		got = append(got, <-ch)
	}
	return got
}

func watched(every int) (*canceltree.Token, chan canceltree.LeakReport) {
	ch := make(chan canceltree.LeakReport, 1000)
	return canceltree.NewWith(canceltree.Options{Name: "root", LeakEvery: every, Leak: func(r canceltree.LeakReport) { ch <- r }}), ch
}

//go:noinline
func forget(k *canceltree.Token) uint64 {
	var id uint64
	for i := range k.ChildNamed("forgotten").Tree() {
		id = i.ID
	}
	return id
}

func TestForgottenHandlesAreReported(t *testing.T) {
	root, ch := watched(0)
	id := forget(root)
	got := reports(ch, 1)
	if len(got) != 1 {
		t.Fatalf("%d reports", len(got))
	}
	r := got[0]
	stack := string(r.Stack)
	if r.Name != "forgotten" || r.ID != id || !strings.Contains(stack, "forget(...)") || !strings.Contains(stack, "leak_test.go:") {
		t.Fatalf("%+v\n%s", r, stack)
	}
	if first, _, _ := strings.Cut(stack, "\n"); !strings.Contains(first, "ChildNamed") {
		t.Fatalf("the stack begins with %s", first)
	}
	func() { root.Child().Child() }() // two handles, inherited options
	if got := reports(ch, 2); len(got) != 2 {
		t.Fatalf("%d reports", len(got))
	}
	func() { root.Clone() }()
	if got = reports(ch, 1); len(got) != 1 || got[0].Name != "root" {
		t.Fatalf("%v", got)
	}
	if first, _, _ := strings.Cut(string(got[0].Stack), "\n"); !strings.Contains(first, "Clone") {
		t.Fatalf("the stack of a clone begins with %s", first)
	}
	nameless := make(chan canceltree.LeakReport, 10)
	other := canceltree.NewWith(canceltree.Options{Leak: func(r canceltree.LeakReport) { nameless <- r }})
	plain := canceltree.New()
	func() {
		other.Child()
		canceltree.Any(plain, root, other) // has the first's options that has any
	}()
	if a, b := reports(ch, 1), reports(nameless, 1); len(a) != 1 || len(b) != 1 {
		t.Fatalf("%d and %d reports", len(a), len(b))
	}
	runtime.KeepAlive([]*canceltree.Token{root, plain, other})
}

func TestNoReportOfWhatIsReleasedCancelledOrInUse(t *testing.T) {
	root, ch := watched(1)
	held := root.Child()
	func() {
		for range 100 {
			k := root.Child()
			c := k.Clone()
			k.Release()
			c.Release()
		}
		held.Clone().Release() // its node lives on
		x := root.Child()
		x.Child()
		x.Clone()
		x.Cancel(nil)
	}()
	if got := reports(ch, 0); len(got) != 0 {
		t.Fatalf("%d reports, one of\n%s", len(got), got[0].Stack)
	}
	runtime.KeepAlive(held)
	runtime.KeepAlive(root)
}

func TestLeakEvery(t *testing.T) {
	root, ch := watched(10)
	func() {
		for range 99 {
			root.Child()
		}
	}()
	if got := reports(ch, 9); len(got) != 9 {
		t.Fatalf("%d reports of 99 forgotten handles", len(got))
	}
	func() {
		for range 100 {
			root.Clone()
		}
	}()
	if got := reports(ch, 10); len(got) != 10 {
		t.Fatalf("%d reports of 100 forgotten clones", len(got))
	}
	runtime.KeepAlive(root)
}

func TestWatchedTreeBehavesTheSame(t *testing.T) {
	root, _ := watched(2)
	var all []*canceltree.Token
	for range 10 {
		k := root.Child()
		all = append(all, k, k.Clone(), k.ChildNamed("x"), k.ChildTimeout(1<<50), canceltree.Any(k, root), canceltree.FromContext(k))
	}
	live(t, all...)
	sound(t, root)
	root.Cancel(errTest)
	for _, k := range all {
		if k.Cause() != errTest {
			t.Fatal(k.Cause())
		}
		k.Release()
		k.Release()
	}
	if n := root.Child(); n.Cause() != errTest {
		t.Fatal(n.Cause())
	}
}
