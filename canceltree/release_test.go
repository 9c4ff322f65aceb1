package canceltree_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"example.com/interlock/canceltree"
)

func TestReleaseMovesChildrenUp(t *testing.T) {
	root := canceltree.New()
	mid := root.Child()
	a, b := mid.Child(), mid.Child()
	a1 := a.Child()
	mid.Release()
	ended(t, canceltree.ErrReleased, canceltree.ErrReleased, mid)
	live(t, root, a, b, a1)
	if a.Parent() != root || b.Parent() != root || mid.Parent() != nil {
		t.Fatal("the children did not move up")
	}
	sound(t, root)
	root.Cancel(errTest)
	ended(t, context.Canceled, errTest, root, a, b, a1)
	ended(t, canceltree.ErrReleased, canceltree.ErrReleased, mid)
}

func TestReleaseOfARootMakesRoots(t *testing.T) {
	for _, n := range []int{0, 1, 2, canceltree.RelayChildren, canceltree.RelayChildren + 1, 100} {
		root := canceltree.New()
		var kids []*canceltree.Token
		for range n {
			kids = append(kids, root.Child())
		}
		root.Release()
		live(t, kids...)
		sound(t, root)
		for _, k := range kids {
			k.Cancel(errTest)
			sound(t, root)
		}
		ended(t, context.Canceled, errTest, kids...)
		if n > 0 && kids[0].Parent() != nil {
			t.Fatal("a child of a released root has a parent")
		}
	}
}

func TestReleaseOfAWideNode(t *testing.T) {
	const n = canceltree.RelayChildren * 4
	for name, end := range map[string]func(*canceltree.Token){
		"cancel":       func(k *canceltree.Token) { k.Cancel(nil) },
		"release":      func(k *canceltree.Token) { k.Release() },
		"release used": func(k *canceltree.Token) { k.Child().Release(); k.Release() },
	} {
		root := canceltree.New()
		mid := root.Child()
		var kids []*canceltree.Token
		for range n {
			kids = append(kids, mid.Child())
		}
		mid.Release()
		ended(t, canceltree.ErrReleased, canceltree.ErrReleased, mid)
		if kids[0].Parent() != mid {
			t.Fatal("a wide node did not stay as a relay")
		}
		for i, k := range kids[:n-1] {
			end(k)
			sound(t, root)
			last := kids[n-1]
			if left := n - 1 - i; (left > canceltree.RelayChildren) != (last.Parent() == mid) {
				t.Fatalf("%s: with %d children left the relay is there: %v", name, left, last.Parent() == mid)
			}
		}
		root.Cancel(errTest)
		ended(t, context.Canceled, errTest, kids[n-1])
		ended(t, canceltree.ErrReleased, canceltree.ErrReleased, mid)
		if mid.Parent() != nil {
			t.Fatal("the relay is still linked")
		}
	}
}

func TestCancelReachesThroughARelay(t *testing.T) {
	root := canceltree.New()
	outer := root.Child()
	var kids []*canceltree.Token
	for range canceltree.RelayChildren + 1 {
		inner := outer.Child()
		for range canceltree.RelayChildren + 1 {
			kids = append(kids, inner.Child())
		}
		inner.Release()
	}
	outer.Release()
	live(t, kids...)
	sound(t, root)
	root.Cancel(errTest)
	ended(t, context.Canceled, errTest, kids...)
	ended(t, canceltree.ErrReleased, canceltree.ErrReleased, outer)
	sound(t, root, outer)
}

func TestRelaysDissolveUpwards(t *testing.T) {
	root := canceltree.New()
	var chain []*canceltree.Token
	k := root
	for range 50 {
		k = k.ChildTimeout(1 << 60) // the first carries a timer and so stays
		chain = append(chain, k)
	}
	leaf := k.Child()
	for _, c := range chain {
		c.Release()
	}
	if leaf.Parent() != chain[0] {
		t.Fatal("the leaf does not hang below the relay with the deadline")
	}
	leaf.Release()
	if chain[0].Parent() != nil {
		t.Fatal("the relay stayed without children")
	}
	sound(t, root)
	if n := len(slices.Collect(root.Tree())); n != 1 {
		t.Fatalf("%d nodes left", n)
	}
}

func TestReleaseInEveryOrder(t *testing.T) {
	// A chain of four below a root with a clone each, released in every order:
	// whoever is not released yet is live and reached by the root.
	perm(8, func(order []int) {
		root := canceltree.New()
		var tokens, first []*canceltree.Token
		k := root
		for range 4 {
			k = k.Child()
			first = append(first, k)
			tokens = append(tokens, k, k.Clone())
		}
		left := []int{2, 2, 2, 2}
		for step, i := range order {
			tokens[i].Release()
			left[i/2]--
			for j, n := range left {
				if (n == 0) != (first[j].Err() == canceltree.ErrReleased) {
					t.Fatalf("%v step %d: node %d with %d handles: %v", order, step, j, n, first[j].Err())
				}
			}
			sound(t, root)
			if step == order[0] { // somewhere, and every place occurs
				root.Cancel(errTest)
				for j, n := range left {
					if n > 0 && first[j].Cause() != errTest {
						t.Fatalf("%v step %d: node %d missed", order, step, j)
					}
				}
				return
			}
		}
	})
}

// perm calls f with permutations of 0..n-1: a sample of 5,000 if there are more.
func perm(n int, f func([]int)) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		f(r.Perm(n))
	}
}

func TestReleasingAllLeavesNothing(t *testing.T) {
	root := canceltree.New()
	r := rand.New(rand.NewPCG(3, 4))
	tokens := []*canceltree.Token{}
	for range 3000 {
		p := root
		if len(tokens) > 0 && r.IntN(3) > 0 {
			p = tokens[r.IntN(min(len(tokens), 20))]
		}
		tokens = append(tokens, p.Child())
	}
	for i, j := range r.Perm(len(tokens)) {
		tokens[j].Release()
		if i%100 == 0 {
			sound(t, root)
		}
	}
	sound(t, root)
	if n := len(slices.Collect(root.Tree())); n != 1 {
		t.Fatalf("%d nodes left", n)
	}
	for _, k := range tokens {
		if k.Parent() != nil {
			t.Fatal("a released token holds on to the tree")
		}
	}
}
