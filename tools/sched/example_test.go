package sched_test

import (
	"fmt"

	"example.com/interlock/tools/sched"
	"example.com/interlock/tools/sched/atomic"
)

// Two tasks add to a counter in two steps each. Run finds the order in which
// an addition is lost.
func ExampleRun() {
	r := sched.Run(nil, func(s *sched.S) {
		var n atomic.Int64
		for range 2 {
			s.Go("adder", func() { n.Store(n.Load() + 1) })
		}
		s.Join()
		s.Check(n.Load() == 2, "an addition was lost")
	})
	fmt.Println(r.Failure.Kind)
	fmt.Println(r.Failure.Preemptions, "preemption:", r.Failure.Schedule)
	// Output:
	// invariant violated
	// 1 preemption: 1.2x2.1.0x2
}

// A schedule that is complete without a failure proves the scenario.
func ExampleResult() {
	r := sched.Run(nil, func(s *sched.S) {
		c := sched.MakeChan[int](0)
		s.Go("sender", func() { c.Send(1) })
		s.Check(c.Recv() == 1, "received something else")
	})
	fmt.Println(r.Failure == nil, r.Complete)
	// Output: true true
}

// Options.Replay follows a printed schedule.
func ExampleOptions_replay() {
	body := func(s *sched.S) {
		c := sched.MakeChan[string](2)
		s.Go("a", func() { c.Send("a") })
		s.Go("b", func() { c.Send("b") })
		s.Join()
		fmt.Println(c.Recv(), c.Recv())
	}
	sched.Run(&sched.Options{Replay: "2.1"}, body)
	// Output: b a
}
