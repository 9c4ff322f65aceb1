// Package lin checks that what concurrent operations returned could have come
// from doing them one after another: linearizability, in the sense of Herlihy
// and Wing (TOPLAS 1990).
//
// A [History] records when each operation was called and when it returned; a
// [Model] says what the object does sequentially. In an exploration of
// tools/sched the record is made with a modelled clock, on which a call and a
// return are ordered and two calls, or two returns, are not: every order that
// matters is explored, and no more.
//
//	counter := lin.Model[int, string, int]{Step: lin.Det(func(n int, op string) (int, int) {
//		return n + 1, n + 1
//	})}
//	sched.Explore(t, nil, func(s *sched.S) {
//		var c Counter
//		var h lin.History[string, int]
//		for range 2 {
//			s.Go("adder", func() { h.Do("add", c.Add) })
//		}
//		s.Join()
//		if err := counter.Check(&h); err != nil {
//			s.Fatalf("%v", err)
//		}
//	})
//
// Histories are for small scenarios: at most 64 operations, and the time to
// check one can grow with the number of orders that its overlaps allow.
package lin
