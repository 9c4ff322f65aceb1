package canceltree_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"example.com/interlock/canceltree"
)

var far = time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)

func TestDeadlineCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := canceltree.New()
		k := root.ChildTimeout(time.Minute)
		below := k.Child()
		asked := k.ChildNamed("asked")
		on, cancel := context.WithCancel(context.WithValue(asked, far, 2))
		defer cancel()
		start := time.Now()
		if at, ok := below.Deadline(); !ok || !at.Equal(start.Add(time.Minute)) {
			t.Fatal("the deadline is not inherited", at, ok)
		}
		if _, ok := root.Deadline(); ok {
			t.Fatal("the root has a deadline")
		}
		time.Sleep(time.Minute - 1)
		synctest.Wait()
		live(t, root, k, below, asked)
		<-on.Done()
		if d := time.Since(start); d != time.Minute {
			t.Fatalf("cancelled after %v", d)
		}
		if on.Err() != context.DeadlineExceeded || context.Cause(on) != context.DeadlineExceeded {
			t.Fatal(on.Err(), context.Cause(on))
		}
		synctest.Wait()
		ended(t, context.DeadlineExceeded, context.DeadlineExceeded, k, below, asked, k.Child())
		live(t, root)
		sound(t, root)
		late, cancel2 := context.WithCancel(below)
		defer cancel2()
		if late.Err() != context.DeadlineExceeded {
			t.Fatal(late.Err())
		}
	})
}

func TestDeadlineInThePast(t *testing.T) {
	root := canceltree.New()
	for _, k := range []*canceltree.Token{root.ChildTimeout(0), root.ChildTimeout(-1), root.ChildDeadline(time.Unix(1, 0))} {
		ended(t, context.DeadlineExceeded, context.DeadlineExceeded, k)
	}
	sound(t, root)
	root.Cancel(errTest)
	ended(t, context.Canceled, errTest, root.ChildTimeout(-1))
}

func TestEarliestDeadlineCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := canceltree.New()
		hour := root.ChildTimeout(time.Hour)
		later := hour.ChildTimeout(2 * time.Hour)
		same := hour.ChildTimeout(time.Hour)
		sooner := hour.ChildTimeout(time.Minute)
		want, _ := hour.Deadline()
		for _, k := range []*canceltree.Token{later, same} {
			if at, ok := k.Deadline(); !ok || !at.Equal(want) {
				t.Fatal(at, ok)
			}
		}
		later.Release()
		if later.Parent() != nil {
			t.Fatal("not out of the tree")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		ended(t, context.DeadlineExceeded, context.DeadlineExceeded, sooner)
		live(t, hour, same)
		time.Sleep(time.Hour)
		synctest.Wait()
		ended(t, context.DeadlineExceeded, context.DeadlineExceeded, hour, same)
	})
}

func TestReleasedDeadlineStaysForTheChildren(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := canceltree.New()
		k := root.ChildTimeout(time.Hour)
		a, b := k.Child(), k.Child()
		at, _ := a.Deadline()
		k.Release()
		ended(t, canceltree.ErrReleased, canceltree.ErrReleased, k)
		for _, x := range []*canceltree.Token{a, b, k} {
			if d, ok := x.Deadline(); !ok || !d.Equal(at) {
				t.Fatal("the deadline changed", d, ok)
			}
		}
		b.Release()
		sound(t, root)
		time.Sleep(time.Hour)
		synctest.Wait()
		ended(t, context.DeadlineExceeded, context.DeadlineExceeded, a)
		ended(t, canceltree.ErrReleased, canceltree.ErrReleased, k, b)
		sound(t, root)
		if k.Parent() != nil {
			t.Fatal("the relay is still there")
		}
	})
}

func TestReleaseAndCancelStopTheTimer(t *testing.T) {
	// A timer that is not stopped keeps the clock of the bubble going.
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		root := canceltree.New()
		fired := 0
		for _, end := range []func(*canceltree.Token){
			func(k *canceltree.Token) { k.Release() },
			func(k *canceltree.Token) { k.Cancel(nil) },
			func(k *canceltree.Token) { c := k.Child(); k.Release(); c.Release() },
		} {
			k := root.ChildTimeout(time.Hour)
			k.AfterFunc(func() {
				if k.Err() == context.DeadlineExceeded {
					fired++
				}
			})
			end(k)
		}
		mid := root.Child()
		mid.ChildTimeout(time.Hour)
		mid.Cancel(nil)
		synctest.Wait()
		if !time.Now().Equal(start) {
			t.Fatal("time has passed")
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if fired != 0 {
			t.Fatal("a stopped deadline fired")
		}
		live(t, root)
	})
}

func TestDoneAskedBelowADeadline(t *testing.T) {
	// Shadows that can expire end with the right error in every way there is.
	root := canceltree.New()
	for _, test := range []struct {
		end        func(*canceltree.Token)
		err, cause error
	}{
		{func(k *canceltree.Token) { k.Cancel(errTest) }, context.Canceled, errTest},
		{func(k *canceltree.Token) { k.Release() }, context.Canceled, canceltree.ErrReleased},
		{func(k *canceltree.Token) { k.Cancel(context.DeadlineExceeded) }, context.Canceled, context.DeadlineExceeded},
	} {
		k := root.ChildDeadline(far)
		on, cancel := context.WithCancel(k)
		test.end(k)
		<-k.Done()
		if on.Err() != test.err || context.Cause(on) != test.cause {
			t.Errorf("got %v, %v; want %v, %v", on.Err(), context.Cause(on), test.err, test.cause)
		}
		cancel()
	}
}

// TestDeadlineThroughAny: a node of several parents may end by the deadline of
// any of them.
func TestDeadlineThroughAny(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for i := range 3 {
			var parents []*canceltree.Token
			for j := range 3 {
				k := canceltree.New()
				if i == j {
					k = k.ChildTimeout(time.Minute)
				}
				parents = append(parents, k)
			}
			a := canceltree.Any(parents...)
			if at, ok := a.Deadline(); !ok || time.Until(at) != time.Minute {
				t.Error(at, ok)
			}
			a.Done()
			on, cancel := context.WithCancel(a.Child())
			defer cancel()
			time.Sleep(time.Minute)
			synctest.Wait()
			ended(t, context.DeadlineExceeded, context.DeadlineExceeded, a)
			if on.Err() != context.DeadlineExceeded || context.Cause(on) != context.DeadlineExceeded {
				t.Error(on.Err(), context.Cause(on))
			}
		}
		values := canceltree.FromContext(context.WithValue(context.Background(), key(1), 1))
		x, y, z := canceltree.New().ChildTimeout(time.Hour), canceltree.New().ChildTimeout(time.Minute), canceltree.New().ChildTimeout(time.Hour)
		for _, parents := range [][]*canceltree.Token{{x, y, z}, {y, x, z}, {x, z, y}, {values, y}, {y, values}} {
			if at, ok := canceltree.Any(parents...).Deadline(); !ok || time.Until(at) != time.Minute {
				t.Error(at, ok)
			}
		}
		for _, k := range []*canceltree.Token{x, y, z} {
			k.Cancel(nil)
		}
	})
}
