package sched_test

import (
	"testing"

	"example.com/interlock/tools/sched"
	"example.com/interlock/tools/sched/atomic"
	"example.com/interlock/tools/sched/sync"
)

// TestOneScheduleForATrace counts. Orders that differ only in events that commute
// are one trace (Mazurkiewicz), and of each trace exactly one order must run to its
// end: fewer would leave something out, more would be work for nothing. For these
// programs the number of traces is known.
func TestOneScheduleForATrace(t *testing.T) {
	type vars [4]atomic.Int64
	add := func(x *atomic.Int64) { x.Add(1) }
	for _, c := range []struct {
		name   string
		traces int
		tasks  func(s *sched.S, v *vars) []func()
	}{
		{"nothing shared", 1, func(_ *sched.S, v *vars) []func() {
			own := func(x *atomic.Int64) func() { return func() { add(x); add(x) } }
			return []func(){own(&v[0]), own(&v[1]), own(&v[2]), own(&v[3])}
		}},
		{"three writers", 6, func(_ *sched.S, v *vars) []func() {
			w := func() { add(&v[0]) }
			return []func(){w, w, w}
		}},
		{"four writers", 24, func(_ *sched.S, v *vars) []func() {
			w := func() { add(&v[0]) }
			return []func(){w, w, w, w}
		}},
		{"two writers, twice", 6, func(_ *sched.S, v *vars) []func() { // 4 over 2
			w := func() { add(&v[0]); add(&v[0]) }
			return []func(){w, w}
		}},
		{"a writer, three readers", 8, func(_ *sched.S, v *vars) []func() { // each before or after
			r := func() { v[0].Load() }
			return []func(){func() { add(&v[0]) }, r, r, r}
		}},
		{"two pairs", 4, func(_ *sched.S, v *vars) []func() {
			a, b := func() { add(&v[0]) }, func() { add(&v[1]) }
			return []func(){a, b, a, b}
		}},
		{"one after the other", 36, func(_ *sched.S, v *vars) []func() { // any order of the first, of the second
			w := func() { add(&v[0]); add(&v[1]) }
			return []func(){w, w, w}
		}},
		{"crosswise", 3, func(_ *sched.S, v *vars) []func() { // 2 × 2 but the one that is a circle
			return []func(){
				func() { add(&v[0]); add(&v[1]) },
				func() { add(&v[1]); add(&v[0]) },
			}
		}},
		{"in a ring", 7, func(_ *sched.S, v *vars) []func() { // 2 × 2 × 2 but the circle
			w := func(i, j int) func() { return func() { add(&v[i]); add(&v[j]) } }
			return []func(){w(0, 1), w(1, 2), w(2, 0)}
		}},
		{"a lock", 6, func(_ *sched.S, v *vars) []func() {
			var mu sync.Mutex
			w := func() { mu.Lock(); add(&v[0]); mu.Unlock() }
			return []func(){w, w, w}
		}},
		{"after a message", 2, func(_ *sched.S, v *vars) []func() { // the first of the two waits, the second wakes
			c := sched.MakeChan[int](0)
			return []func(){
				func() { add(&v[0]); c.Send(1) },
				func() { c.Recv2(); add(&v[0]) },
			}
		}},
		{"after a message, and a third", 6, func(_ *sched.S, v *vars) []func() { // before, between, after; × 2
			c := sched.MakeChan[int](0)
			return []func(){
				func() { add(&v[0]); c.Send(1) },
				func() { c.Recv2(); add(&v[0]) },
				func() { add(&v[0]) },
			}
		}},
		{"after the end of a wait", 2, func(_ *sched.S, v *vars) []func() { // who comes last wakes
			var wg sync.WaitGroup
			wg.Add(2)
			w := func() { add(&v[0]); wg.Done() }
			return []func(){w, w, func() { wg.Wait(); add(&v[0]) }}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := sched.Run(nil, func(s *sched.S) {
				var v vars
				for _, f := range c.tasks(s, &v) {
					s.Go("", f)
				}
				s.Join()
			})
			if r.Failure != nil || !r.Complete || r.Schedules != c.traces {
				t.Errorf("%d traces; %v, %v", c.traces, r, r.Failure)
			}
			t.Log(r)
		})
	}
}
