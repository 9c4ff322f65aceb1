// Package sched runs a concurrent Go program under every interleaving that can
// matter, and reports one that goes wrong as a short list of steps.
//
// A scenario is a function of a few tasks. [Explore] runs it once for each
// schedule, from fresh state:
//
//	sched.Explore(t, nil, func(s *sched.S) {
//		var mu sync.Mutex // of example.com/interlock/tools/sched/sync
//		n := 0
//		for range 2 {
//			s.Go("adder", func() { mu.Lock(); n++; mu.Unlock() })
//		}
//		s.Join()
//		s.Check(n == 2, "n is %d", n)
//	})
//
// The code must use the modelled packages (sync, atomic, context, time and
// runtime below this one) and [Chan], [Select] and [Go] in place of channels,
// select and go statements. Nobody has to write that by hand: the command
// tools/cmd/modeltest rewrites a copy of a package and of its scenarios.
//
// # What is found
//
// Failed checks, panics, deadlocks and tasks left blocked for ever, livelocks,
// misuse that Go answers with a fatal error, bodies that depend on more than
// the schedule, and, in the race build, data races: the detector sees the
// edges of the program alone, on schedules that are chosen, not met by luck.
// Run both builds: in the normal one, plain variables that tasks race for are
// read and written in one order only.
//
// # What complete means
//
// The default search, DPOR, says complete=true when every order was tried or
// differs from one that was tried in the places of operations that commute.
// Go's atomics are sequentially consistent and its programs free of data races
// behave as interleavings do, so this is a proof for the scenario: for those
// tasks, with that many operations, in this model of the packages.
//
// # The model
//
// Every operation on a modelled object is one step. A task runs from step to
// step alone. Where the standard packages promise a choice, all are explored:
// which ready case a select takes, which waiter Signal wakes, whether a Pool
// gives a value back, when a timer fires (at any point after it is set, but in
// order of the times due). A writer that waits for a RWMutex keeps new readers
// out. The clock is virtual and stands still but when a timer fires.
//
// A task that spins, that is calls Gosched again and again and writes nothing
// in between, waits after Options.Spins such rounds until something that it
// has read is written or nothing else can move. A spin loop without Gosched
// never ends, in some schedule, and is reported as a livelock.
//
// # Limits
//
//   - At most 16 tasks, and 32 tasks and timers together, over one execution. Two to
//     five tasks with a few operations each is what can be explored fully.
//   - Nothing but the schedule may decide what the body does: no range over a
//     map where the order shows, no real time, I/O or randomness, no state
//     left by an earlier schedule. What differs is reported where it is
//     noticed.
//   - Package variables of modelled types start each schedule as if they were
//     new (a Once that was done and a channel that was closed outside stay so),
//     but for atomics: they are plain state, which the body must set.
//   - A wait on anything that is not modelled (a real channel, a file, a
//     foreign goroutine) stops the whole exploration.
//   - A failure ends the search; other failures may remain.
//   - Unbuffered channels serve those who wait in order of arrival, and sync.Map
//     ranges in order of first store; the orders of arrival are explored.
//   - WaitGroup reuse, Cond copying and other misuse that only some runs of the
//     real packages notice is not looked for.
//   - One exploration runs at a time in a process, and nothing else may use the
//     modelled types meanwhile.
//
// Outside an exploration the modelled packages are the real ones.
package sched
