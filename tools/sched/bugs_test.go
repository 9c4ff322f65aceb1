package sched_test

import (
	"strings"
	"testing"

	"example.com/interlock/tools/sched"
	"example.com/interlock/tools/sched/atomic"
	"example.com/interlock/tools/sched/internal/core"
	"example.com/interlock/tools/sched/sync"
)

// lostWakeup: the waiter looks before it takes the lock.
func lostWakeup(s *sched.S) {
	var mu sync.Mutex
	c := sync.NewCond(&mu)
	var ready atomic.Bool
	s.Go("waiter", func() {
		if !ready.Load() {
			mu.Lock()
			c.Wait()
			mu.Unlock()
		}
	})
	s.Go("waker", func() {
		ready.Store(true)
		mu.Lock()
		c.Signal()
		mu.Unlock()
	})
	s.Join()
}

// aba: a lock-free stack whose nodes come from a pool and go back to it.
func aba(s *sched.S) {
	type node struct {
		next  atomic.Pointer[node]
		inUse atomic.Bool
	}
	var top atomic.Pointer[node]
	pool := sync.Pool{New: func() any { return new(node) }}
	push := func(n *node) {
		for {
			old := top.Load()
			n.next.Store(old)
			if top.CompareAndSwap(old, n) {
				return
			}
		}
	}
	pop := func() *node {
		for {
			old := top.Load()
			if old == nil {
				return nil
			}
			next := old.next.Load()
			if top.CompareAndSwap(old, next) {
				return old
			}
		}
	}
	push(new(node))
	push(new(node))
	take := func() *node {
		n := pop()
		if n != nil {
			s.Check(n.inUse.CompareAndSwap(false, true), "a node was popped twice")
		}
		return n
	}
	s.Go("slow", func() { take() })
	s.Go("quick", func() {
		a := take()
		take()
		if a != nil {
			a.inUse.Store(false)
			pool.Put(a)
			push(pool.Get().(*node))
		}
	})
	s.Join()
	for take() != nil {
	}
}

// checkThenAct: two critical sections where there should be one.
func checkThenAct(s *sched.S) {
	var mu sync.Mutex
	left, sold := 1, 0
	for range 2 {
		s.Go("buyer", func() {
			mu.Lock()
			some := left > 0
			mu.Unlock()
			if some {
				mu.Lock()
				left--
				sold++
				mu.Unlock()
			}
		})
	}
	s.Join()
	s.Check(sold == 1, "one ticket was sold %d times", sold)
}

// missedClose: the closer looks for waiters before it says that it is closed.
func missedClose(s *sched.S) {
	var mu sync.Mutex
	var waiting *sched.Chan[int]
	var closed atomic.Bool
	s.Go("waiter", func() {
		if closed.Load() {
			return
		}
		ch := sched.MakeChan[int](0)
		mu.Lock()
		waiting = ch
		mu.Unlock()
		ch.Recv()
	})
	s.Go("closer", func() {
		closed.Store(true)
		mu.Lock()
		ch := waiting
		mu.Unlock()
		if ch != nil {
			ch.Close()
		}
	})
	s.Join()
}

// writeAfterPublish: a plain write after the pointer is out.
func writeAfterPublish(s *sched.S) {
	type box struct{ a, b int }
	var p atomic.Pointer[box]
	s.Go("writer", func() {
		b := &box{a: 1}
		p.Store(b)
		b.b = 2
	})
	s.Go("reader", func() {
		if b := p.Load(); b != nil {
			_ = b.a + b.b
		}
	})
	s.Join()
}

var classics = []struct {
	name string
	body func(*sched.S)
	kind string
	says string // in the report
}{
	{"lost wake-up", lostWakeup, "deadlock", "wait on cond"},
	{"ABA on a pooled node", aba, "invariant violated", "popped twice"},
	{"check then act", checkThenAct, "invariant violated", "sold 2 times"},
	{"missed close", missedClose, "deadlock", "receive"},
}

// TestClassicBugs finds each bug with each search, and again by its schedule.
func TestClassicBugs(t *testing.T) {
	for _, c := range classics {
		t.Run(c.name, func(t *testing.T) {
			for _, o := range []*sched.Options{nil, {Search: sched.Bound, Bound: 2}, {Search: sched.PCT, MaxSchedules: 50_000}, {Search: sched.Random, MaxSchedules: 50_000}} {
				r := sched.Run(o, c.body)
				f := r.Failure
				if f == nil {
					t.Fatalf("%+v found nothing: %v", o, r)
				}
				if o == nil {
					t.Logf("%v\n%v", r, f)
				}
				if f.Kind != c.kind || !strings.Contains(f.Error(), c.says) {
					t.Errorf("%+v: %v", o, f)
				}
				if !strings.Contains(f.Error(), "bugs_test.go:") {
					t.Errorf("no positions in\n%v", f)
				}
				again := sched.Run(&sched.Options{Replay: f.Schedule}, c.body)
				if again.Failure == nil || again.Failure.Kind != f.Kind || again.Failure.Message != f.Message || again.Schedules != 1 {
					t.Errorf("replay of %s: %v, %v", f.Schedule, again, again.Failure)
				}
			}
		})
	}
}

// TestShortest: the reported schedule has the fewest preemptions.
func TestShortest(t *testing.T) {
	f := sched.Run(nil, checkThenAct).Failure
	if f.Preemptions != 1 {
		t.Errorf("%d preemptions, 1 would do:\n%v", f.Preemptions, f)
	}
	if r := sched.Run(&sched.Options{Search: sched.Bound}, checkThenAct); r.Failure != nil || !r.Complete {
		t.Errorf("without preemptions: %v, %v", r, r.Failure)
	}
}

// TestWriteAfterPublish: only the race build sees it.
func TestWriteAfterPublish(t *testing.T) {
	if core.Race {
		t.Skip("the detector would fail this very test: TestRaceBuildFindsIt runs it apart")
	}
	r := sched.Run(nil, writeAfterPublish)
	if r.Failure != nil || !r.Complete {
		t.Errorf("%v: %v", r, r.Failure)
	}
}
