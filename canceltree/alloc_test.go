package canceltree_test

import (
	"context"
	"runtime"
	"testing"
	"time"
	"weak"

	"example.com/interlock/canceltree"
)

func TestAllocations(t *testing.T) {
	root := canceltree.New()
	dead := canceltree.New()
	dead.Cancel(nil)
	asked := canceltree.New()
	asked.Done()
	f := func() {}
	on := func(error) {}
	root.OnCancel(on)
	for name, c := range map[string]struct {
		want float64
		f    func()
	}{
		"child and release":       {1, func() { root.Child().Release() }},
		"child and cancel":        {1, func() { root.Child().Cancel(nil) }},
		"child, child and cancel": {2, func() { k := root.Child(); k.Child(); k.Cancel(nil) }},
		"root":                    {1, func() { canceltree.New().Release() }},
		"clone and release":       {1, func() { root.Clone().Release() }},
		"Err, live":               {0, func() { root.Err() }},
		"Err, cancelled":          {0, func() { dead.Err(); dead.Cause() }},
		"Done, asked before":      {0, func() { asked.Done() }},
		"Done, cancelled":         {0, func() { dead.Done() }},
		"Value and Deadline":      {0, func() { root.Value(key(1)); root.Deadline() }},
		"AfterFunc and stop":      {2, func() { root.AfterFunc(f)() }},
		"OnCancel and Stop":       {1, func() { root.OnCancel(on).Stop() }},
		"a second Cancel":         {0, func() { dead.Cancel(nil) }},
	} {
		if got := testing.AllocsPerRun(200, c.f); got != c.want {
			t.Errorf("%s: %v allocations, want %v", name, got, c.want)
		}
	}
}

// heap returns the bytes in use after a collection.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestMemoryOfAChild(t *testing.T) {
	const n = wideNodes
	root := canceltree.New()
	kids := make([]*canceltree.Token, n)
	before := heap()
	for i := range kids {
		kids[i] = root.Child()
	}
	if per := float64(heap()-before) / n; per > 64.5 {
		t.Errorf("%.1f bytes a child, want 64", per)
	}
	for _, k := range kids {
		k.Done()
	}
	asked := float64(heap()-before) / n
	for _, k := range kids {
		k.Release()
	}
	clear(kids)
	if left := heap() - before; left > n {
		t.Errorf("%d bytes left after the release of %d children", left, n)
	}

	std := stdMemory(n)
	t.Logf("with Done: %.1f bytes a child, package context %.1f", asked, std)
	if n == 1_000_000 && asked > 1.1*std { // the size of package context's map depends on n
		t.Errorf("%.1f bytes a child with Done, want 1.1 times %.1f at most", asked, std)
	}
	runtime.KeepAlive(root)
}

// stdMemory returns what a child with Done takes in package context.
func stdMemory(n int) float64 {
	root, cancel := context.WithCancel(context.Background())
	defer cancel()
	cancels := make([]context.CancelFunc, n)
	before := heap()
	for i := range cancels {
		var ctx context.Context
		ctx, cancels[i] = context.WithCancel(root)
		ctx.Done()
	}
	per := float64(heap()-before) / float64(n)
	runtime.KeepAlive(cancels)
	return per
}

// TestNothingHoldsWhatHasEnded: neither a tree, nor a timer, nor a context, nor a
// brother that is still in use keeps a token that was released or cancelled.
func TestNothingHoldsWhatHasEnded(t *testing.T) {
	root := canceltree.New()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	make := map[string]func() *canceltree.Token{
		"child":       func() *canceltree.Token { return root.Child() },
		"asked":       func() *canceltree.Token { k := root.Child(); k.Done(); return k },
		"timeout":     func() *canceltree.Token { return root.ChildTimeout(time.Hour) },
		"FromContext": func() *canceltree.Token { return canceltree.FromContext(ctx) },
		"Any":         func() *canceltree.Token { return canceltree.Any(root, root.Child()) },
		"callback":    func() *canceltree.Token { k := root.Child(); k.OnCancel(func(error) {}); return k },
		"below a timeout": func() *canceltree.Token {
			p := root.ChildTimeout(time.Hour)
			k := p.Child()
			p.Release()
			return k
		},
	}
	for name, f := range make {
		for _, end := range []func(*canceltree.Token){(*canceltree.Token).Release, func(k *canceltree.Token) { k.Cancel(nil) }} {
			var brothers []*canceltree.Token
			w := func() weak.Pointer[canceltree.Token] {
				brothers = append(brothers, root.Child())
				k := f()
				brothers = append(brothers, root.Child())
				end(k)
				return weak.Make(k)
			}()
			if !collected(func() bool { return w.Value() == nil }) {
				t.Errorf("%s: still held", name)
			}
			brothers[0].Cancel(nil) // these may be kept in turn
			runtime.KeepAlive(brothers)
		}
	}
	runtime.KeepAlive(root)
}

// TestNobodyHoldsAnothersCallback: callbacks are in one queue for as long as it takes
// to call them.
func TestNobodyHoldsAnothersCallback(t *testing.T) {
	for name, end := range map[string]func(*canceltree.Token, *canceltree.Registration){
		"cancel":       func(k *canceltree.Token, _ *canceltree.Registration) { k.Cancel(nil) },
		"release":      func(k *canceltree.Token, _ *canceltree.Registration) { k.Release() },
		"stop, cancel": func(k *canceltree.Token, r *canceltree.Registration) { r.Stop(); k.Cancel(nil) },
	} {
		var kept [2]*canceltree.Registration
		other, below := func() (weak.Pointer[[64]int], weak.Pointer[canceltree.Token]) {
			k := canceltree.New()
			c := k.Child()
			c.OnCancel(func(error) {})
			held := new([64]int)
			kept[0] = k.OnCancel(func(error) {})
			k.OnCancel(func(error) { held[0]++ })
			kept[1] = k.OnCancel(func(error) {})
			end(k, kept[0])
			return weak.Make(held), weak.Make(c)
		}()
		if !collected(func() bool { return other.Value() == nil && below.Value() == nil }) {
			t.Errorf("%s: a callback is held by another", name)
		}
		runtime.KeepAlive(kept)
	}
}

// TestNobodyHoldsABrother: brothers know each other while they are in one list
// and no longer.
func TestNobodyHoldsABrother(t *testing.T) {
	root := canceltree.New()
	for name, part := range map[string]func(p, k *canceltree.Token){
		"cancel of the parent":  func(p, k *canceltree.Token) { p.Cancel(nil) },
		"cancel":                func(p, k *canceltree.Token) { k.Cancel(nil) },
		"release":               func(p, k *canceltree.Token) { k.Release() },
		"release, used":         func(p, k *canceltree.Token) { k.Child().Release(); k.Release() },
		"release of the parent": func(p, k *canceltree.Token) { p.Release() },
	} {
		for _, top := range []bool{false, true} {
			var leaf *canceltree.Token
			brothers := func() (w [2]weak.Pointer[canceltree.Token]) {
				p := canceltree.New()
				if !top {
					p = root.Child()
				}
				w[0] = weak.Make(p.Child())
				leaf = p.Child()
				w[1] = weak.Make(p.Child())
				part(p, leaf)
				if !top { // they may be brothers yet
					root.Cancel(nil)
					root = canceltree.New()
				}
				return w
			}()
			if !collected(func() bool { return brothers[0].Value() == nil && brothers[1].Value() == nil }) {
				t.Errorf("%s, below a root %v: a brother is held", name, !top)
			}
			runtime.KeepAlive(leaf)
		}
	}
}
