package canceltree_test

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/interlock/canceltree"
)

func TestOnCancelRunsInlineAfterAllMarking(t *testing.T) {
	root := canceltree.New()
	a := root.Child()
	b := a.Child()
	var order []string
	note := func(name string, tokens ...*canceltree.Token) func(error) {
		return func(cause error) {
			order = append(order, name)
			if cause != errTest {
				t.Errorf("%s: cause %v", name, cause)
			}
			ended(t, context.Canceled, errTest, tokens...)
			sound(t, tokens...)
		}
	}
	all := []*canceltree.Token{root, a, b}
	b.OnCancel(note("b", all...))
	root.OnCancel(note("root 1", all...))
	a.OnCancel(note("a", all...))
	stopped := root.OnCancel(note("stopped"))
	root.OnCancel(note("root 2", all...))
	if !stopped.Stop() || stopped.Stop() {
		t.Fatal("Stop is not true exactly once")
	}
	before := runtime.NumGoroutine()
	root.Cancel(errTest)
	if grown(before) > 0 {
		t.Fatal("OnCancel started a goroutine")
	}
	if want := []string{"root 1", "root 2", "a", "b"}; !slices.Equal(order, want) {
		t.Fatalf("order %v, want %v", order, want)
	}
	if r := b.OnCancel(note("late")); order[len(order)-1] != "late" || r.Stop() {
		t.Fatal("OnCancel on a cancelled token did not run at once")
	}
}

func TestStopInEveryOrder(t *testing.T) {
	perm(5, func(order []int) {
		k := canceltree.New()
		var regs []*canceltree.Registration
		ran := make([]int, 5)
		for i := range 5 {
			regs = append(regs, k.OnCancel(func(error) { ran[i]++ }))
		}
		stop := order[:order[0]]
		for _, i := range stop {
			if !regs[i].Stop() {
				t.Fatal("Stop before Cancel was not true")
			}
			sound(t, k)
		}
		k.Cancel(nil)
		for i := range 5 {
			want := 1
			if slices.Contains(stop, i) {
				want = 0
			}
			if ran[i] != want || regs[i].Stop() {
				t.Fatalf("callback %d ran %d times, want %d", i, ran[i], want)
			}
		}
	})
}

func TestReleaseDropsOnCancel(t *testing.T) {
	root := canceltree.New()
	k := root.Child()
	c := k.Clone()
	r := k.OnCancel(func(error) { t.Error("a dropped callback ran") })
	k.Release() // the callback belongs to the node, which has a handle yet
	live(t, c)
	c.Release()
	if r.Stop() {
		t.Fatal("Stop of a dropped callback was true")
	}
	root.Cancel(nil)

	// Also when the node stays as a relay and is cancelled as one.
	root = canceltree.New()
	relay := root.Child()
	kids := []*canceltree.Token{}
	for range canceltree.RelayChildren + 1 {
		kids = append(kids, relay.Child())
	}
	ran := 0
	kids[3].OnCancel(func(error) { ran++ })
	relay.OnCancel(func(error) { t.Error("a dropped callback ran") })
	relay.Release()
	root.Cancel(errTest)
	if ran != 1 {
		t.Fatalf("the child's callback ran %d times", ran)
	}
}

func TestAfterFuncFollowsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := canceltree.New()
		for name, end := range map[string]func(k *canceltree.Token){
			"cancel":            func(k *canceltree.Token) { k.Cancel(nil) },
			"cancel the parent": func(k *canceltree.Token) { k.Parent().Cancel(nil) },
			"release":           func(k *canceltree.Token) { k.Release() },
			"release as a relay": func(k *canceltree.Token) {
				for range canceltree.RelayChildren + 1 {
					k.Child()
				}
				k.Release()
			},
		} {
			k := root.Child().Child()
			ran := 0
			stop := k.AfterFunc(func() {
				ran++
				if k.Err() == nil {
					t.Errorf("%s: ran before the end", name)
				}
			})
			kept := k.AfterFunc(func() { t.Errorf("%s: a stopped function ran", name) })
			if !kept() || kept() {
				t.Errorf("%s: stop is not true exactly once", name)
			}
			synctest.Wait()
			if ran != 0 {
				t.Errorf("%s: ran early", name)
			}
			end(k)
			if stop() {
				t.Errorf("%s: stop after the end was true", name)
			}
			synctest.Wait()
			if ran != 1 {
				t.Errorf("%s: ran %d times", name, ran)
			}
		}
		k := canceltree.New()
		k.Cancel(nil)
		var ran atomic.Bool
		stop := k.AfterFunc(func() { ran.Store(true) })
		if synctest.Wait(); !ran.Load() || stop() {
			t.Error("AfterFunc on a cancelled token did not run")
		}
	})
}

func TestAfterFuncIsNotDelayedByCallbacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := canceltree.New()
		c := k.Child()
		gate := make(chan bool)
		k.OnCancel(func(error) { <-gate })
		var ran atomic.Bool
		c.AfterFunc(func() { ran.Store(true) })
		go k.Cancel(nil)
		synctest.Wait()
		if !ran.Load() {
			t.Error("a blocked callback keeps AfterFunc's function from running")
		}
		close(gate)
	})
}

func TestCallbackMayUseTheTree(t *testing.T) {
	root := canceltree.New()
	a, b := root.Child(), root.Child()
	a1 := a.Child()
	ran := 0
	a.OnCancel(func(error) {
		ran++
		if a.Cancel(nil) || a1.Cancel(nil) {
			t.Error("Cancel of a cancelled token won")
		}
		if !root.Cancel(errTest) {
			t.Error("Cancel of the parent did not win")
		}
		ended(t, context.Canceled, errTest, root, b)
		a.Release()
		a1.Release()
		b.Release()
		root.Child().Release()
	})
	b.OnCancel(func(error) { ran++; b.Cancel(nil); root.Cancel(nil) })
	a.Cancel(nil)
	if ran != 2 {
		t.Fatalf("%d callbacks ran", ran)
	}
	sound(t, root, a, b)
}

func TestBlockedCallbackDoesNotBlockAnAncestor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := canceltree.New()
		mid := root.Child()
		leaf := mid.Child()
		gate := make(chan bool)
		mid.OnCancel(func(error) { <-gate })
		leaf.OnCancel(func(error) { <-gate })
		go mid.Cancel(nil)
		synctest.Wait()
		if !root.Cancel(errTest) { // returns: else the bubble is stuck
			t.Error("lost")
		}
		ended(t, context.Canceled, errTest, root)
		close(gate)
	})
}

func TestPanicInACallback(t *testing.T) {
	root := canceltree.New()
	a, b := root.Child(), root.Child()
	var ran []int
	add := func(i int) func(error) { return func(error) { ran = append(ran, i) } }
	done := make(chan bool)
	root.OnCancel(add(0))
	root.OnCancel(func(error) { panic("boom") })
	root.OnCancel(add(1))
	a.OnCancel(add(2))
	a.AfterFunc(func() { close(done) })
	b.OnCancel(func(error) { ran = append(ran, 3) })
	if v := panics(func() { root.Cancel(errTest) }); v != "boom" {
		t.Fatalf("the panic became %v", v)
	}
	<-done
	if slices.Sort(ran); !slices.Equal(ran, []int{0, 1, 2, 3}) {
		t.Fatalf("ran %v", ran)
	}
	ended(t, context.Canceled, errTest, root, a, b)
	sound(t, root, a, b)

	k := canceltree.New()
	k.Cancel(nil)
	if v := panics(func() { k.OnCancel(func(error) { panic("late") }) }); v != "late" {
		t.Fatalf("the panic became %v", v)
	}
}

func TestGoexitInACallback(t *testing.T) {
	root := canceltree.New()
	ran := 0
	root.OnCancel(func(error) { runtime.Goexit() })
	root.OnCancel(func(error) { ran++ })
	root.OnCancel(func(error) { runtime.Goexit() })
	root.OnCancel(func(error) { ran++ })
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		root.Cancel(nil)
		t.Error("Goexit was lost")
	}()
	wg.Wait()
	if ran != 2 {
		t.Fatalf("%d of 2 other callbacks ran", ran)
	}
}

func TestCancelWaitsForASubCancel(t *testing.T) {
	// The inner Cancel is kept busy by very many children; the outer one must not
	// return before these are cancelled.
	for range 20 {
		root := canceltree.New()
		mid := root.Child()
		var kids []*canceltree.Token
		for range 2000 {
			kids = append(kids, mid.Child())
		}
		started := make(chan bool)
		var wg sync.WaitGroup
		wg.Go(func() { close(started); mid.Cancel(errTest) })
		<-started
		root.Cancel(nil)
		for i, k := range kids {
			if k.Err() == nil {
				t.Fatalf("child %d is live after the Cancel of the root", i)
			}
		}
		wg.Wait()
		sound(t, root, mid)
	}
}

func TestWorksInABubble(t *testing.T) {
	outside := canceltree.New()
	outside.Cancel(nil)
	synctest.Test(t, func(t *testing.T) {
		ended(t, context.Canceled, context.Canceled, outside)
		k := outside.Child()
		<-k.Done()
		inside := canceltree.New().ChildTimeout(time.Second)
		start := time.Now()
		<-inside.Done()
		if d := time.Since(start); d != time.Second {
			t.Error(d)
		}
	})
	ended(t, context.Canceled, context.Canceled, outside.Child())
}
