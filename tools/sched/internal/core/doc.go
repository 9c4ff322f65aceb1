// Package core is the engine under tools/sched: tasks, the objects that they
// share, and the searches over the orders in which tasks may move.
//
// # How a program runs
//
// A task posts an operation (what it is, which objects it touches and how,
// when it may happen) and parks. The engine picks one task whose operation is
// ready; the task performs it and runs on to its next operation. One such move
// is an event. A task that another event sets free (the receiver of a value, a
// new goroutine) runs on to its next operation at once, within that event:
// what it does up to there nobody else can see.
//
// # Two builds
//
// In the normal build tasks are coroutines. In the race build they are
// goroutines that hand over through channels with the detector's
// synchronization events switched off, and every function here that may run on
// a task is marked //go:norace: the detector sees only the edges that the
// modelled objects state through race.go, those of the real program.
// A test checks that no function misses the mark.
package core
