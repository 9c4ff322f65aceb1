// Package runtime is the modelled twin of the standard package of that name.
// Gosched, Goexit and NumGoroutine are those of the model in an exploration;
// finalizers and clean-ups never run there, threads are not locked, and the
// rest is the standard package's own.
package runtime

import (
	"runtime"

	"example.com/interlock/tools/sched/internal/core"
)

// Gosched lets other tasks move. A task that spins (it has written nothing
// since its last Gosched) waits, from the second fruitless round on, until
// something that it has read is written, or nothing else can move.
//
//go:norace
func Gosched() {
	t := core.Now()
	if t == nil {
		runtime.Gosched()
		return
	}
	t.Yield()
}

// Goexit ends the task after its deferred calls, which see no panic.
//
//go:norace
func Goexit() {
	t := core.Now()
	if t == nil {
		runtime.Goexit()
	}
	t.Goexit()
}

// NumGoroutine counts the tasks that have not ended.
//
//go:norace
func NumGoroutine() int {
	t := core.Now()
	if t == nil {
		return runtime.NumGoroutine()
	}
	return t.Live()
}

// LockOSThread does nothing in an exploration.
func LockOSThread() {
	if core.Now() == nil {
		runtime.LockOSThread()
	}
}

// UnlockOSThread does nothing in an exploration.
func UnlockOSThread() {
	if core.Now() == nil {
		runtime.UnlockOSThread()
	}
}

// SetFinalizer does nothing in an exploration.
func SetFinalizer(obj, finalizer any) {
	if core.Now() == nil {
		runtime.SetFinalizer(obj, finalizer)
	}
}

// A Cleanup is what AddCleanup returns.
type Cleanup struct{ c *runtime.Cleanup }

// Stop cancels the clean-up.
func (c Cleanup) Stop() {
	if c.c != nil {
		c.c.Stop()
	}
}

// AddCleanup does nothing in an exploration.
func AddCleanup[T, S any](ptr *T, cleanup func(S), arg S) Cleanup {
	if core.Now() != nil {
		return Cleanup{}
	}
	c := runtime.AddCleanup(ptr, cleanup, arg)
	return Cleanup{&c}
}
