package sched

import (
	"fmt"
	"runtime"

	"example.com/interlock/tools/sched/internal/core"
)

// An S is what the body of an exploration talks to. It may be used by all
// tasks of the body, and by nothing else.
type S struct{ t *core.Task }

// task returns the task that calls.
//
//go:norace
func (s *S) task() *core.Task {
	t := core.Now()
	if t == nil {
		panic("sched: S used outside its exploration")
	}
	return t
}

// Go starts a named task.
//
//go:norace
func (s *S) Go(name string, f func()) { s.task().Go(name, f) }

// Join waits for every task that the caller, or a task started by it, has
// started: for the body's own task that is all of them.
//
//go:norace
func (s *S) Join() { s.task().Join() }

// Choose explores each of 0..n-1. It is no step of its own.
//
//go:norace
func (s *S) Choose(n int) int { return s.task().Choose(n) }

// Check fails the schedule unless ok, and ends it there.
//
//go:norace
func (s *S) Check(ok bool, format string, args ...any) {
	if !ok {
		s.task().Fail(core.KindOfCheck, fmt.Sprintf(format, args...))
	}
}

// Fatalf fails the schedule and ends it there.
//
//go:norace
func (s *S) Fatalf(format string, args ...any) {
	s.task().Fail(core.KindOfCheck, fmt.Sprintf(format, args...))
}

// Logf is shown with a failing schedule, between its steps.
//
//go:norace
func (s *S) Logf(format string, args ...any) { s.task().Logf(format, args...) }

// Yield lets other tasks move; see runtime.Gosched of the modelled package.
//
//go:norace
func (s *S) Yield() { s.task().Yield() }

// Go is the go statement: an unnamed task.
//
//go:norace
func Go(f func()) {
	t := core.Now()
	if t == nil {
		go f()
		return
	}
	t.Go("", f)
}

// Yield is runtime.Gosched. From the second fruitless round of a spinning task
// on it waits until something changes that the task has read.
//
//go:norace
func Yield() {
	t := core.Now()
	if t == nil {
		runtime.Gosched()
		return
	}
	t.Yield()
}
