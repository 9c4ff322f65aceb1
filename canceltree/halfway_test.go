package canceltree

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Tests that stop a Cancel or a Release halfway and look at what others do
// meanwhile.

// TestInAnotherCancellersHands stops a Cancel halfway, when it has the children of
// the root and has done nothing to them yet. What ends among them in the meantime
// leaves their links alone, and none is missed afterwards.
func TestInAnotherCancellersHands(t *testing.T) {
	root := New()
	asked := root.Child() // and released under way
	asked.Done()
	leaf, used, gone, relay, stays := root.Child(), root.Child(), root.Child(), root.ChildTimeout(time.Hour), root.Child()
	used.Child().Release()
	inner, below := gone.Child(), relay.Child()
	relay.Release()
	ran := 0
	used.OnCancel(func(error) { t.Error("the callback of a released token ran") })
	stays.OnCancel(func(error) { ran++ })
	link := Any(stays, New())
	tree := open{node: root}
	tree.step()

	w := walk{end: endCanceled}
	if !w.claim(root, true, false) {
		t.Fatal("lost")
	}
	leaf.Release()
	used.Release()
	asked.Release()
	below.Release() // its parent would go with it
	link.Release()
	if !gone.Cancel(nil) {
		t.Error("lost a token that nobody had claimed")
	}
	tree.leave()
	if !root.mu.TryLock() {
		t.Fatal("the lock of the root was not given back")
	}
	root.mu.Unlock()
	for name, k := range map[string]*Token{"leaf": leaf, "used": used, "gone": gone, "relay": relay} {
		if k.parent.Load() != root || k.next == nil {
			t.Errorf("%s: taken out of a list that belongs to somebody else", name)
		}
	}
	w.finishAll(root)
	root.leaveParent()
	w.effects()
	if ran != 1 {
		t.Errorf("the callback ran %d times", ran)
	}
	for _, k := range []*Token{root, asked, leaf, used, gone, inner, relay, below, stays} {
		if k.Err() == nil || k.next != nil && k.next != k {
			t.Error("missed one")
		}
		if err := k.Check(); err != nil {
			t.Error(err)
		}
	}
}

// TestCancelWaitsForTheWalkOfAnother: what is below a token may be in the hands of
// several that wait for one walk.
func TestCancelWaitsForTheWalkOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, y := New(), New()
		mid := x.Child()
		a := Any(mid, y)
		k := a.Child()
		w := walk{end: endCanceled}
		w.claim(a, true, false)
		for i := range x.Tree() {
			if i.Depth > 1 {
				t.Error("shows what has ended, for the links that are still there")
			}
		}
		var returned atomic.Int32
		for _, p := range []*Token{x, y} {
			go func() { p.Cancel(nil); returned.Add(1) }()
		}
		synctest.Wait()
		if n := returned.Load(); n != 0 || k.Err() != nil {
			t.Errorf("%d have returned before the walk below was over, %v", n, k.Err())
		}
		w.finishAll(a)
		synctest.Wait()
		if n := returned.Load(); n != 2 || k.Err() == nil {
			t.Errorf("%d of 2 have returned after the walk, %v", n, k.Err())
		}
		w.effects()
		for _, n := range []*Token{x, y, mid, a, k} {
			if err := n.Check(); err != nil {
				t.Error(err)
			}
		}
	})
}

// hold stops the first n goroutines that are about to close the Done of k, until
// the channel that it returns is closed.
func hold(k *Token, n int32) (gate chan bool) {
	k.Done()
	gate = make(chan bool)
	s := k.shadow.Load()
	var came atomic.Int32
	k.shadow.Store(&shadow{s.folded, func(cause error) {
		if came.Add(1) <= n {
			<-gate
		}
		s.cancel(cause)
	}})
	return gate
}

// TestCancelHalfway is seen when it has won and not closed Done yet.
func TestCancelHalfway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New()
		var returned, ran atomic.Int32
		var all []*Token
		var gates []chan bool
		for range 3 {
			k := p.Child()
			gates = append(gates, hold(k, 1))
			go func() { k.Cancel(nil); returned.Add(1) }()
			synctest.Wait()
			all = append(all, k, k.Child()) // may still get a child and a callback
			k.OnCancel(func(error) { ran.Add(1) })
			go func() {
				if k.Cancel(nil) {
					t.Error("won what was lost")
				}
				returned.Add(1)
			}()
		}
		go func() { p.Cancel(ErrReleased); returned.Add(1) }()
		synctest.Wait()
		for i, k := range all {
			if k.Err() != nil || k.Cause() != nil {
				t.Errorf("token %d ended before Done was closed: %v", i, k.Err())
			}
		}
		for i, gate := range gates {
			if n := int(returned.Load()); n != 2*i {
				t.Errorf("%d have returned with %d tokens ended", n, i)
			}
			close(gate)
			synctest.Wait()
		}
		if returned.Load() != 7 || ran.Load() != 3 {
			t.Errorf("%d of 7 have returned, %d of 3 callbacks have run", returned.Load(), ran.Load())
		}
		for i, k := range all {
			if k.Err() != context.Canceled || k.Cause() != context.Canceled || k.next != nil {
				t.Errorf("token %d: %v, cause %v", i, k.Err(), k.Cause())
			}
		}
	})
}

// TestReleaseHalfway is met by others when it has not closed Done yet.
func TestReleaseHalfway(t *testing.T) {
	for name, end := range map[string]func(p, k *Token){
		"from above":         func(p, k *Token) { p.Cancel(nil) },
		"by its deadline":    func(p, k *Token) { k.cancel(endDeadline, true) },
		"by what follows it": func(p, k *Token) { FromContext(k) },
		"by nothing":         func(p, k *Token) {},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := New()
			k := relayBelow(p)
			below := k.Child()
			started := 0
			k.AfterFunc(func() { started++ })
			k.OnCancel(func(error) { t.Errorf("%s: a callback was not dropped", name) })
			gate := hold(k, 1)
			go k.Release()
			synctest.Wait()
			if k.Err() != nil || k.idle() {
				t.Errorf("%s: ended before Done was closed", name)
			}
			ended := false
			go func() { end(p, k); ended = true }()
			synctest.Wait()
			follows := name == "by what follows it"
			if ended == follows || !follows && name != "by nothing" && (k.Err() != ErrReleased || below.Err() == nil) {
				t.Errorf("%s: %v, %v, the child %v", name, ended, k.Err(), below.Err())
			}
			close(gate)
			synctest.Wait()
			if !ended || k.Err() != ErrReleased || started != 1 {
				t.Errorf("%s: %v, %v, %d functions started", name, ended, k.Err(), started)
			}
			below.Release()
			for _, n := range []*Token{p, k} {
				if err := n.Check(); err != nil || n.kids != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

// relayBelow returns a child of p that stays for its children when it is released.
func relayBelow(p *Token) *Token {
	k := newCarrier(p, &env{})
	p.place(k, "relayBelow")
	return k
}

// TestDeadlineOfAReleaseHalfway closes Done, and a Cancel from above waits for
// that.
func TestDeadlineOfAReleaseHalfway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New()
		k := relayBelow(p)
		gate := hold(k, 2)
		go k.Release()
		synctest.Wait()
		go k.cancel(endDeadline, true)
		synctest.Wait()
		returned := false
		go func() { p.Cancel(nil); returned = true }()
		synctest.Wait()
		if returned && k.Err() == nil {
			t.Error("the Cancel from above has returned and left a live token")
		}
		close(gate)
		synctest.Wait()
		if !returned || k.Err() != ErrReleased {
			t.Error(returned, k.Err())
		}
	})
}
