package sched_test

import (
	"testing"

	"example.com/interlock/tools/sched"
	"example.com/interlock/tools/sched/atomic"
	"example.com/interlock/tools/sched/context"
	"example.com/interlock/tools/sched/sync"
)

// TestRate logs schedules per second of 4 tasks of about 20 steps each.
func TestRate(t *testing.T) {
	body := func(s *sched.S) {
		var mu sync.Mutex
		var n atomic.Int64
		total := 0
		for range 3 {
			s.Go("worker", func() {
				for range 4 {
					mu.Lock()
					total++
					mu.Unlock()
					n.Add(1)
					n.Load()
					n.Store(3)
				}
			})
		}
		for range 18 {
			n.Load()
		}
		s.Join()
	}
	for _, o := range []*sched.Options{
		{Search: sched.Random, MaxSchedules: 2000},
		{Search: sched.PCT, MaxSchedules: 2000},
		{MaxSchedules: 4000, Incomplete: true},
	} {
		r := sched.Run(o, body)
		if r.Failure != nil {
			t.Fatal(r.Failure)
		}
		t.Logf("%v: %d steps a schedule: %v", o.Search, r.Steps/(r.Schedules+r.Cut), r)
		if n := r.Schedules + r.Cut; n != o.MaxSchedules || r.Rate() <= 0 { // how fast is the machine's business
			t.Errorf("%v: %d schedules of %d, %.0f/s", o.Search, n, o.MaxSchedules, r.Rate())
		}
	}
}

// A waits is a small map of waiters: wake, cancel and close meet in it.
type waits struct {
	mu     sync.Mutex
	closed bool
	m      [3]*waiting
}

type waiting struct {
	ch *sched.Chan[int]
}

// await waits for the value of key k; false means closed or cancelled.
func (w *waits) await(ctx context.Context, k int) (int, bool) {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return 0, false
	}
	x := &waiting{ch: sched.MakeChan[int](1)}
	w.m[k] = x
	w.mu.Unlock()
	var v int
	var ok bool
	if sched.Select(false, sched.RecvCase(x.ch, &v, &ok), sched.RecvCase(ctx.Done(), nil, nil)) == 0 {
		return v, ok
	}
	w.mu.Lock()
	if w.m[k] == x {
		w.m[k] = nil
		w.mu.Unlock()
		return 0, false
	}
	w.mu.Unlock()
	v, ok = x.ch.Recv2()
	return v, ok
}

func (w *waits) wake(k, v int) bool {
	w.mu.Lock()
	x := w.m[k]
	w.m[k] = nil
	w.mu.Unlock()
	if x == nil {
		return false
	}
	x.ch.Send(v)
	return true
}

func (w *waits) close() {
	w.mu.Lock()
	w.closed = true
	m := w.m
	w.m = [3]*waiting{}
	w.mu.Unlock()
	for _, x := range m {
		if x != nil {
			x.ch.Close()
		}
	}
}

// exactly holds the search to its numbers: an execution more is work for nothing,
// one less an order that nobody has looked at. Who moves them must know which.
func exactly(t *testing.T, r sched.Result, schedules, cut int) {
	t.Helper()
	if r.Failure != nil || !r.Complete || r.Schedules != schedules || r.Cut != cut {
		t.Errorf("%v, %v; want %d and %d cut", r, r.Failure, schedules, cut)
	}
}

// TestFour: 2 waiters, 1 waker that cancels and closes, and main.
func TestFour(t *testing.T) {
	r := sched.Run(nil, func(s *sched.S) {
		var w waits
		ctx, cancel := context.WithCancel(context.Background())
		woken, got := 0, 0
		for k := range 2 {
			s.Go("waiter", func() {
				if _, ok := w.await(ctx, k); ok {
					got++
				}
			})
		}
		s.Go("waker", func() {
			if w.wake(0, 7) {
				woken++
			}
			cancel()
			w.close()
		})
		s.Join()
		s.Check(woken == got, "woken %d, got %d", woken, got)
	})
	exactly(t, r, 161, 71)
}

// TestSix: 2 waiters, waker, canceller, closer, and main.
func TestSix(t *testing.T) {
	r := sched.Run(nil, func(s *sched.S) {
		var w waits
		ctx, cancel := context.WithCancel(context.Background())
		woken, got := 0, 0
		for k := range 2 {
			s.Go("waiter", func() {
				if _, ok := w.await(ctx, k); ok {
					got++
				}
			})
		}
		s.Go("waker", func() {
			if w.wake(0, 7) {
				woken++
			}
		})
		s.Go("canceller", cancel)
		s.Go("closer", w.close)
		s.Join()
		s.Check(woken == got, "woken %d, got %d", woken, got)
	})
	exactly(t, r, 439, 180)
}
