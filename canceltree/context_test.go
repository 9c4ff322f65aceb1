package canceltree_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/interlock/canceltree"
)

type key int

// stack returns the contexts that users put on top of one.
func stack(ctx context.Context) (tops []context.Context, cancel func()) {
	var cancels []context.CancelFunc
	add := func(c context.Context, f context.CancelFunc) {
		tops = append(tops, c)
		cancels = append(cancels, f)
	}
	add(context.WithCancel(ctx))
	add(context.WithTimeout(ctx, time.Hour))
	add(context.WithCancel(context.WithValue(ctx, key(1), 1)))
	add(context.WithCancel(context.WithValue(tops[0], key(1), 1)))
	c, f := context.WithCancelCause(context.WithValue(context.WithValue(ctx, key(1), 1), key(2), 2))
	add(c, func() { f(nil) })
	return tops, func() {
		for _, f := range cancels {
			f()
		}
	}
}

func TestContextsOnTopCostNoGoroutineAndHaveTheCause(t *testing.T) {
	if !canceltree.StdKeyKnown() {
		t.Fatal("package context has changed: its key was not learnt")
	}
	root := canceltree.New()
	k := root.Child()
	before := runtime.NumGoroutine()
	var tops []context.Context
	for range 200 {
		more, cancel := stack(k)
		defer cancel()
		tops = append(tops, more...)
	}
	fired := make(chan bool)
	stop := context.AfterFunc(context.WithValue(k, key(1), 1), func() { close(fired) })
	never := context.AfterFunc(k, func() { t.Error("a stopped function ran") })
	if n := grown(before); n > 0 {
		t.Fatalf("%d goroutines for contexts on top", n)
	}
	if !never() {
		t.Fatal("could not stop")
	}
	root.Cancel(errTest)
	for i, c := range tops { // no waiting: they end with the token
		if c.Err() != context.Canceled || context.Cause(c) != errTest {
			t.Fatalf("context %d: %v, %v", i, c.Err(), context.Cause(c))
		}
	}
	<-fired
	if stop() {
		t.Fatal("stopped what has run")
	}
	late, cancel := stack(k)
	defer cancel()
	for i, c := range late {
		if c.Err() != context.Canceled || context.Cause(c) != errTest {
			t.Fatalf("late context %d: %v, %v", i, c.Err(), context.Cause(c))
		}
	}
}

func TestContextsOnTopFollowARelease(t *testing.T) {
	k := canceltree.New()
	tops, cancel := stack(k)
	defer cancel()
	k.Release()
	for i, c := range tops {
		if c.Err() != context.Canceled || context.Cause(c) != canceltree.ErrReleased {
			t.Fatalf("context %d: %v, %v", i, c.Err(), context.Cause(c))
		}
	}
}

func TestDeadlineReachesContextsOnTop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := canceltree.New().ChildTimeout(time.Minute)
		mid := k.Child()
		tops, cancel := stack(mid)
		defer cancel()
		for i, c := range tops {
			if at, ok := c.Deadline(); !ok || time.Until(at) != time.Minute {
				t.Fatalf("context %d: deadline %v", i, at)
			}
			if i == 0 {
				go func() { <-c.Done() }()
			}
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		for i, c := range tops {
			if c.Err() != context.DeadlineExceeded || context.Cause(c) != context.DeadlineExceeded {
				t.Fatalf("context %d: %v, %v", i, c.Err(), context.Cause(c))
			}
		}
	})
}

func TestWithoutTheKeyOfPackageContext(t *testing.T) {
	defer canceltree.WithoutStdKey()()
	synctest.Test(t, func(t *testing.T) {
		k := canceltree.New()
		before := runtime.NumGoroutine()
		on, cancel := context.WithCancel(k)
		off, cancelOff := context.WithCancel(k)
		cancelOff()
		if off.Err() == nil || grown(before) > 0 {
			t.Error("AfterFunc was not used")
		}
		behind, cancelBehind := context.WithCancel(context.WithValue(k, key(1), 1)) // a goroutine here
		k.Cancel(errTest)
		synctest.Wait()
		for _, c := range []context.Context{on, behind} {
			if c.Err() != context.Canceled {
				t.Error(c.Err())
			}
		}
		if context.Cause(k) == nil || k.Cause() != errTest {
			t.Error("causes", context.Cause(k), k.Cause())
		}
		timed := canceltree.New().ChildTimeout(time.Second)
		onTimed, cancelTimed := context.WithCancel(timed)
		<-onTimed.Done()
		if onTimed.Err() != context.DeadlineExceeded {
			t.Error(onTimed.Err())
		}
		cancel()
		cancelBehind()
		cancelTimed()
	})
}

func TestFromContextOfAStdContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(context.WithValue(context.Background(), key(1), "v"))
		before := runtime.NumGoroutine()
		k := canceltree.FromContext(ctx)
		c := k.Child()
		if grown(before) > 0 {
			t.Error("FromContext started a goroutine")
		}
		if c.Value(key(1)) != "v" || c.Value(key(2)) != nil || k.Parent() != nil {
			t.Error("values", c.Value(key(1)), c.Value(key(2)))
		}
		live(t, k, c)
		cancel(errTest)
		synctest.Wait()
		ended(t, context.Canceled, errTest, k, c, canceltree.FromContext(ctx))
		if c.Value(key(1)) != "v" {
			t.Error("the value is gone")
		}
	})
}

func TestFromContextKeepsDeadlineExceeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(context.Background(), time.Minute, errTest)
		defer cancel()
		k := canceltree.FromContext(ctx)
		if at, ok := k.Deadline(); !ok || time.Until(at) != time.Minute {
			t.Error(at, ok)
		}
		c := k.ChildTimeout(time.Hour)
		on, cancelOn := context.WithCancel(c)
		defer cancelOn()
		time.Sleep(time.Minute)
		synctest.Wait()
		ended(t, context.DeadlineExceeded, errTest, k, c, canceltree.FromContext(ctx))
		if on.Err() != context.DeadlineExceeded || context.Cause(on) != errTest {
			t.Error(on.Err(), context.Cause(on))
		}
	})
}

func TestFromContextFindsTheTokenBehind(t *testing.T) {
	root := canceltree.New()
	k := root.ChildNamed("k")
	direct := canceltree.FromContext(k)
	behind := canceltree.FromContext(context.WithValue(context.WithValue(k, key(1), 1), key(2), 2))
	if direct.Parent() != k || behind.Parent() != k {
		t.Fatal("the token behind the context is not the parent")
	}
	if behind.Value(key(1)) != 1 || behind.Child().Value(key(2)) != 2 || direct.Value(key(1)) != nil {
		t.Fatal("values")
	}
	between, cancel := context.WithCancel(k)
	own := canceltree.FromContext(between)
	if own.Parent() != nil {
		t.Fatal("the token behind a context that can end by itself is the parent")
	}
	free := canceltree.FromContext(context.WithoutCancel(context.WithValue(k, key(1), 1)))
	if free.Parent() != nil || free.Value(key(1)) != 1 {
		t.Fatal("WithoutCancel")
	}
	k.Cancel(errTest)
	ended(t, context.Canceled, errTest, direct, behind)
	live(t, free, canceltree.FromContext(context.Background()))
	<-own.Done()
	ended(t, context.Canceled, errTest, own)
	cancel()

	gone := canceltree.New()
	gone.Release()
	ended(t, context.Canceled, canceltree.ErrReleased, canceltree.FromContext(gone), canceltree.FromContext(context.WithValue(gone, key(1), 1)))
	sound(t, root, free)
}

// TestFromContextOfWhatEndedBesideAToken: contexts and tokens that ended before
// their Done was asked for share one closed channel, which says nothing about who
// follows whom.
func TestFromContextOfWhatEndedBesideAToken(t *testing.T) {
	k := canceltree.New()
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(k))
	k.Cancel(io.EOF)
	cancel(errTest)
	ended(t, context.Canceled, errTest, canceltree.FromContext(ctx))
}

func TestReleaseEndsTheRegistration(t *testing.T) {
	for _, end := range []func(*canceltree.Token){
		func(k *canceltree.Token) { k.Release() },
		func(k *canceltree.Token) { k.Cancel(nil) },
		func(k *canceltree.Token) { c := k.Child(); k.Release(); c.Release() },
	} {
		f := &foreign{done: make(chan struct{})}
		k := canceltree.FromContext(f)
		if f.registered.Load() != 1 {
			t.Fatal("not one registration")
		}
		end(k)
		if f.registered.Load() != 0 {
			t.Fatal("the registration stayed")
		}
	}
	f := &foreign{done: make(chan struct{})}
	k := canceltree.FromContext(f)
	c := k.Child()
	k.Release()
	f.end(errTest)
	<-c.Done() // package context starts a goroutine for this
	ended(t, context.Canceled, errTest, c)
	ended(t, canceltree.ErrReleased, canceltree.ErrReleased, k)
}

// foreign is a context of a type that package context does not know, with the
// method AfterFunc, whose functions it calls in end.
type foreign struct {
	context.Context
	done       chan struct{}
	mu         sync.Mutex
	err        error
	funcs      []func()
	registered atomic.Int32
}

func (f *foreign) Deadline() (time.Time, bool) { return time.Time{}, false }
func (f *foreign) Done() <-chan struct{}       { return f.done }
func (f *foreign) Value(any) any               { return nil }
func (f *foreign) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

func (f *foreign) AfterFunc(g func()) func() bool {
	f.registered.Add(1)
	f.funcs = append(f.funcs, g)
	var once sync.Once
	return func() bool {
		once.Do(func() { f.registered.Add(-1) })
		return true
	}
}

func (f *foreign) end(err error) {
	f.mu.Lock()
	f.err = err
	f.mu.Unlock()
	close(f.done)
	for _, g := range f.funcs {
		g()
	}
}

// TestForeignContextMayExceedADeadlineItDoesNotTell: its Err counts.
func TestForeignContextMayExceedADeadlineItDoesNotTell(t *testing.T) {
	f := &foreign{done: make(chan struct{})}
	k := canceltree.FromContext(f)
	on, cancel := context.WithCancel(k.Child())
	defer cancel()
	below, cancelBelow := context.WithCancel(context.WithValue(k, key(1), 1))
	defer cancelBelow()
	follower, cancelFollower := context.WithCancel(canceltree.FromContext(below))
	defer cancelFollower()
	values, cancelValues := context.WithCancel(canceltree.FromContext(context.WithValue(k, key(1), 1)))
	defer cancelValues()
	f.end(context.DeadlineExceeded)
	<-k.Done() // package context starts a goroutine for this
	ended(t, context.DeadlineExceeded, context.DeadlineExceeded, k)
	for _, c := range []context.Context{on, below, follower, values} {
		<-c.Done()
		if c.Err() != context.DeadlineExceeded {
			t.Error(c.Err())
		}
	}
}

// A wrapper is a context that adds nothing, of a type that package context does
// not know.
type wrapper struct{ context.Context }

func TestFromContextOfAWrappedContext(t *testing.T) {
	k := canceltree.New()
	c := canceltree.FromContext(wrapper{k})
	if c.Parent() != k {
		t.Fatal("the token behind is not the parent")
	}
	before := runtime.NumGoroutine()
	on, cancel := context.WithCancelCause(wrapper{k})
	defer cancel(nil)
	own := canceltree.FromContext(wrapper{on})
	if own.Parent() != nil || grown(before) > 0 {
		t.Fatal("a context that can end by itself", own.Parent(), grown(before))
	}
	k.Cancel(errTest)
	ended(t, context.Canceled, errTest, c)
	<-own.Done()
	ended(t, context.Canceled, errTest, own)
}

// opaque hides what a context is.
type opaque struct{ context.Context }

func (o opaque) Value(key any) any { return nil }

func TestFromContextOfAnOpaqueContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		synctest.Wait() // who is on the way is there, or gone
		before := inBubble()
		ctx, cancel := context.WithCancel(context.Background())
		k := canceltree.FromContext(opaque{ctx}) // package context needs a goroutine
		c := k.Child()
		live(t, k, c)
		synctest.Wait()
		if n := inBubble() - before; n != 1 {
			t.Errorf("%d goroutines for a foreign context", n)
		}
		cancel()
		synctest.Wait()
		ended(t, context.Canceled, context.Canceled, k, c)
		if n := inBubble() - before; n != 0 {
			t.Errorf("%d goroutines after it", n)
		}

		ctx, cancel = context.WithCancel(context.Background())
		defer cancel()
		k = canceltree.FromContext(opaque{ctx})
		k.Release() // and gives it back: else the bubble is stuck
	})
}

func TestAnyIsCancelledByEach(t *testing.T) {
	for i := range 3 {
		var parents []*canceltree.Token
		root := canceltree.New()
		for range 3 {
			parents = append(parents, root.Child())
		}
		a := canceltree.Any(parents...)
		below := a.Child()
		ran := 0
		below.OnCancel(func(cause error) { ran++ })
		parents[i].Cancel(errTest)
		ended(t, context.Canceled, errTest, a, below, parents[i])
		live(t, root, parents[(i+1)%3], parents[(i+2)%3])
		for _, p := range parents {
			sound(t, root, p)
			p.Cancel(nil)
		}
		if ended(t, context.Canceled, errTest, a, below); ran != 1 {
			t.Fatalf("the callback ran %d times", ran)
		}
		sound(t, root, a)
	}
}

func TestAnyAfterInnerParentsWereReleased(t *testing.T) {
	top1, top2 := canceltree.New(), canceltree.New()
	in1, in2 := top1.Child().Child(), top2.Child().Child()
	a := canceltree.Any(in1, in2)
	k := a.Child()
	in1.Release()
	in1.Parent()
	in2.Release()
	a.Release() // a relay now
	live(t, k)
	sound(t, top1, top2, a)
	top2.Cancel(errTest)
	ended(t, context.Canceled, errTest, k)
	ended(t, canceltree.ErrReleased, canceltree.ErrReleased, a)
	sound(t, top1, top2, a)
	if n := len(slices.Collect(top1.Tree())); n != 2 {
		t.Fatalf("%d nodes below the other parent", n)
	}
}

func TestAnyLeavesNothingBehind(t *testing.T) {
	root := canceltree.New()
	x, y := root.Child(), root.Child()
	for _, end := range []func(*canceltree.Token){
		func(a *canceltree.Token) { a.Release() },
		func(a *canceltree.Token) { a.Cancel(nil) },
		func(a *canceltree.Token) { k := a.Child(); a.Release(); k.Release() },
	} {
		a := canceltree.Any(x, y, root)
		if !canceltree.HasLinks(x) || !canceltree.HasLinks(root) {
			t.Fatal("no links")
		}
		end(a)
		sound(t, root)
		if canceltree.HasLinks(x) || canceltree.HasLinks(y) || canceltree.HasLinks(root) {
			t.Fatal("a link stayed")
		}
	}
}

func TestAnyOfNoneOneAndEnded(t *testing.T) {
	root := canceltree.New()
	gone := canceltree.New()
	gone.Release()
	if a := canceltree.Any(); a.Parent() != nil || a.Err() != nil {
		t.Fatal("Any of nothing is not a root")
	}
	live(t, canceltree.Any(gone), canceltree.Any(gone, gone))
	if canceltree.Any(gone, root, root.Clone(), root).Parent() != root {
		t.Fatal("Any of one parent is not a child")
	}
	x, y := root.Child(), root.Child()
	y.Cancel(errTest)
	ended(t, context.Canceled, errTest, canceltree.Any(x, y), canceltree.Any(y, x), canceltree.Any(y))
	past := root.ChildTimeout(-1)
	ended(t, context.DeadlineExceeded, context.DeadlineExceeded, canceltree.Any(x, past, y))
	sound(t, root)
	if canceltree.HasLinks(x) {
		t.Fatal("a link stayed")
	}
	handle := x.Clone()
	handle.Release() // x lives, this handle contributes nothing
	if canceltree.Any(handle, root).Parent() != root {
		t.Fatal("a released handle contributes")
	}
}

func TestAnyInheritsDeadlineAndValues(t *testing.T) {
	ctx := func(k key, v any) context.Context { return context.WithValue(context.Background(), k, v) }
	soon := time.Now().Add(time.Hour)
	x := canceltree.FromContext(ctx(1, "x"))
	y := canceltree.FromContext(ctx(1, "y")).ChildDeadline(far)
	z := canceltree.FromContext(ctx(2, "z")).ChildDeadline(soon)
	a := canceltree.Any(x, y, z).Child()
	if at, ok := a.Deadline(); !ok || !at.Equal(soon) {
		t.Fatal(at, ok)
	}
	if a.Value(key(1)) != "x" || a.Value(key(2)) != "z" || a.Value(key(3)) != nil {
		t.Fatal(a.Value(key(1)), a.Value(key(2)))
	}
	if at, ok := canceltree.Any(x, y).Deadline(); !ok || !at.Equal(far) {
		t.Fatal(at, ok)
	}
	for _, k := range []*canceltree.Token{x, y, z} {
		k.Cancel(nil)
	}
}

func TestDiamondsAndDeepAny(t *testing.T) {
	root := canceltree.New()
	k := root
	var all []*canceltree.Token
	for range 1000 {
		x, y := k.Child(), k.Child()
		k = canceltree.Any(x, y, root)
		all = append(all, x, y, k)
	}
	sound(t, root)
	root.Cancel(errTest)
	ended(t, context.Canceled, errTest, all...)
	sound(t, root)
}

func TestAnyUnderCancelsFromAllSides(t *testing.T) {
	for range 300 {
		roots := []*canceltree.Token{canceltree.New(), canceltree.New(), canceltree.New()}
		a := canceltree.Any(roots[0], roots[1])
		b := canceltree.Any(roots[1], roots[0], roots[2])
		c := canceltree.Any(a, b)
		d := canceltree.Any(b, a, c)
		below := []*canceltree.Token{a, b, c, d, a.Child(), b.Child(), c.Child(), d.Child()}
		var wg sync.WaitGroup
		for i, r := range roots {
			wg.Go(func() {
				if !r.Cancel(errors.New("from a side")) {
					t.Error("lost a root of its own")
				}
				for j, k := range below {
					if k.Err() == nil && (i < 2 || j != 0 && j != 4) { // a is not below the third
						t.Errorf("root %d: token %d is live", i, j)
					}
				}
			})
		}
		wg.Wait()
		sound(t, append(roots, below...)...)
	}
}
