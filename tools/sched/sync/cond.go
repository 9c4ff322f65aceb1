package sync

import (
	"sync"

	"example.com/interlock/tools/sched/internal/core"
)

// A Cond is a modelled sync.Cond. Signal may wake any waiter: each of them is
// explored.
type Cond struct {
	L Locker

	once sync.Once
	real *sync.Cond
	q    core.Waitq
}

// NewCond returns a Cond with the Locker l.
func NewCond(l Locker) *Cond { return &Cond{L: l} }

// outside is the real thing.
func (c *Cond) outside() *sync.Cond {
	c.once.Do(func() { c.real = sync.NewCond(locker{c}) })
	return c.real
}

// locker is the L of its Cond as it is now: it may be set after NewCond, and to
// another Locker whenever nobody waits.
type locker struct{ c *Cond }

func (l locker) Lock()   { l.c.L.Lock() }
func (l locker) Unlock() { l.c.L.Unlock() }

// Wait unlocks L, waits to be woken, and locks L.
//
//go:norace
func (c *Cond) Wait() {
	t := core.Now()
	if t == nil {
		c.outside().Wait()
		return
	}
	w := c.q.Enter(t)
	c.L.Unlock()
	w.Await(t)
	c.L.Lock()
}

// Signal wakes one waiter, if there is any.
//
//go:norace
func (c *Cond) Signal() {
	t := core.Now()
	if t == nil {
		c.outside().Signal()
		return
	}
	c.q.Signal(t)
}

// Broadcast wakes all waiters.
//
//go:norace
func (c *Cond) Broadcast() {
	t := core.Now()
	if t == nil {
		c.outside().Broadcast()
		return
	}
	c.q.Broadcast(t)
}
