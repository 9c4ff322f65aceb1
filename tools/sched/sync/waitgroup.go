package sync

import (
	"sync"

	"example.com/interlock/tools/sched"
	"example.com/interlock/tools/sched/internal/core"
)

// A WaitGroup is a modelled sync.WaitGroup; the zero value is ready.
type WaitGroup struct {
	wg sync.WaitGroup
	g  core.Group
}

// Add changes the counter by delta.
//
//go:norace
func (w *WaitGroup) Add(delta int) {
	t := core.Now()
	if t == nil {
		w.wg.Add(delta)
		return
	}
	w.g.Add(t, delta)
}

// Done takes one from the counter.
//
//go:norace
func (w *WaitGroup) Done() { w.Add(-1) }

// Wait waits until the counter is zero.
//
//go:norace
func (w *WaitGroup) Wait() {
	t := core.Now()
	if t == nil {
		w.wg.Wait()
		return
	}
	w.g.Wait(t)
}

// Go runs f in a goroutine that counts.
func (w *WaitGroup) Go(f func()) {
	w.Add(1)
	sched.Go(func() {
		defer w.Done()
		f()
	})
}
