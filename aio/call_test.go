//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"example.com/interlock/aio"
)

// withWorkers is a ring with n workers, closed by the test.
func withWorkers(t *testing.T, n int) *aio.Ring {
	t.Helper()
	r := must(aio.New(&aio.Options{Workers: n}))
	t.Cleanup(func() { r.Close() })
	return r
}

func TestCallRunsAndCompletesOnTheRing(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		done := make(collect, 1)
		why := errors.New("why")
		ran := 0
		var op aio.Op
		op.PrepCall(r, func() error { ran++; return why })
		for i := 1; i <= 3; i++ { // Start again repeats it
			op.Start(done)
			if _, err := done.next(t).Result(); err != why || ran != i {
				t.Errorf("%v after %d runs", err, ran)
			}
		}
	})
}

func TestCallsAreLimitedAndCancelledWhileQueued(t *testing.T) {
	r := withWorkers(t, 2)
	done := make(collect, 5)
	hold, begun := make(chan struct{}), make(chan struct{}, 5)
	var ops [5]aio.Op
	for i := range ops {
		ops[i].PrepCall(r, func() error { begun <- struct{}{}; <-hold; return nil })
		ops[i].Start(done)
	}
	<-begun
	<-begun
	if n := r.Stats().Pending; n != 5 {
		t.Errorf("%d pending, want 5", n)
	}
	if ops[0].Cancel() {
		t.Error("a call that runs was cancelled")
	}
	for _, i := range []int{3, 2} { // the middle of the queue and its head
		if !ops[i].Cancel() {
			t.Errorf("call %d was not cancelled", i)
		}
		if op := done.next(t); op != &ops[i] {
			t.Error("another operation completed")
		} else if _, err := op.Result(); err != aio.ErrCanceled {
			t.Error(err)
		}
	}
	select {
	case <-begun:
		t.Error("a third worker")
	default:
	}
	close(hold)
	for range 3 {
		if _, err := done.next(t).Result(); err != nil {
			t.Error(err)
		}
	}
	if len(begun) != 1 {
		t.Errorf("%d calls more, want 1", len(begun))
	}
}

func TestWorkersGoWhenIdle(t *testing.T) {
	r := withWorkers(t, 8)
	before := runtime.NumGoroutine()
	done := make(collect, 8)
	var ops [8]aio.Op
	hold := make(chan struct{})
	for i := range ops {
		ops[i].PrepCall(r, func() error { <-hold; return nil })
		ops[i].Start(done)
	}
	if n := r.Workers(); n != 8 {
		t.Errorf("%d workers, want 8", n)
	}
	close(hold)
	for range ops {
		done.next(t)
	}
	until(t, "the workers are gone", func() bool { return r.Workers() == 0 && runtime.NumGoroutine() <= before })
}

func TestCallGoexitIsAnError(t *testing.T) {
	r := withWorkers(t, 1)
	done := make(collect, 2)
	var a, b aio.Op
	a.PrepCall(r, func() error { runtime.Goexit(); return nil })
	b.PrepCall(r, func() error { return nil })
	a.Start(done)
	b.Start(done)
	if _, err := done.next(t).Result(); err == nil {
		t.Error("no error")
	}
	if _, err := done.next(t).Result(); err != nil {
		t.Error(err)
	}
	until(t, "the worker is gone", func() bool { return r.Workers() == 0 })
}

func TestCallDeadlineCountsInTheQueue(t *testing.T) {
	r := withWorkers(t, 1)
	done := make(collect, 2)
	hold, begun := make(chan struct{}), make(chan struct{})
	var a, b aio.Op
	a.PrepCall(r, func() error { close(begun); <-hold; return nil })
	b.PrepCall(r, func() error { return nil })
	for d, runs := 50*time.Millisecond, false; !runs; d *= 2 { // a slow machine needs longer to begin
		a.SetDeadline(time.Now().Add(d))
		a.Start(done)
		select {
		case <-begun:
			runs = true
		case <-done:
			if d > patience {
				t.Fatal("a call that nothing holds up does not begin")
			}
		}
	}
	b.SetDeadline(time.Now().Add(time.Millisecond))
	b.Start(done)
	if _, err := done.next(t).Result(); err != os.ErrDeadlineExceeded {
		t.Error(err)
	}
	until(t, "a's time has passed", func() bool { n, _ := r.Times(); return n == 0 })
	close(hold)
	if _, err := done.next(t).Result(); err != nil {
		t.Errorf("a call that had begun: %v", err)
	}
}

func TestRingCloseWaitsForTheRunningCall(t *testing.T) {
	for _, mode := range modes {
		r := must(aio.New(&aio.Options{Poller: mode, Workers: 1}))
		hold, begun := make(chan struct{}), make(chan struct{})
		var over atomic.Bool
		done := make(collect, 2)
		var a, b aio.Op
		a.PrepCall(r, func() error { close(begun); <-hold; over.Store(true); return nil })
		b.PrepCall(r, func() error { return nil })
		a.Start(done)
		b.Start(done)
		<-begun
		closed := make(chan bool)
		go func() {
			r.Close()
			closed <- over.Load()
		}()
		if op := done.next(t); op != &b {
			t.Error("the running call completed first")
		} else if _, err := op.Result(); err != aio.ErrClosed {
			t.Error(err)
		}
		close(hold)
		if !<-closed {
			t.Error("Close did not wait")
		}
		if _, err := done.next(t).Result(); err != nil {
			t.Error(err)
		}
		if r.Workers() != 0 {
			t.Error("a worker outlives the ring")
		}
		a.Start(done)
		if _, err := done.next(t).Result(); err != aio.ErrClosed {
			t.Error(err)
		}
	}
}

func TestCallMayCloseItsRing(t *testing.T) {
	for _, mode := range modes {
		r := must(aio.New(&aio.Options{Poller: mode}))
		done := make(collect, 1)
		var op aio.Op
		op.PrepCall(r, r.Close)
		op.Start(done)
		if mode == aio.Manual {
			for {
				if _, err := r.Poll(context.Background(), 1); err != nil {
					break
				}
			}
		}
		if _, err := done.next(t).Result(); err != nil {
			t.Error(err)
		}
		r.Close()
	}
}

func TestCallMisuse(t *testing.T) {
	r := manual(t)
	panics(t, "nil function", func() { new(aio.Op).PrepCall(r, nil) })
}
