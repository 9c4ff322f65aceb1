// Package sync is the modelled twin of the standard package of that name: the
// same API, explored by tools/sched, and the real thing outside an
// exploration.
package sync

import (
	"sync"

	"example.com/interlock/tools/sched/internal/core"
)

// A Locker is sync.Locker itself.
type Locker = sync.Locker

// A Mutex is a modelled sync.Mutex; the zero value is unlocked.
type Mutex struct {
	mu sync.Mutex
	l  core.Lock
}

// Lock takes the mutex.
//
//go:norace
func (m *Mutex) Lock() {
	t := core.Now()
	if t == nil {
		m.mu.Lock()
		return
	}
	m.l.Lock(t)
}

// TryLock takes the mutex if it is free.
//
//go:norace
func (m *Mutex) TryLock() bool {
	t := core.Now()
	if t == nil {
		return m.mu.TryLock()
	}
	return m.l.TryLock(t)
}

// Unlock gives the mutex back.
//
//go:norace
func (m *Mutex) Unlock() {
	t := core.Now()
	if t == nil {
		m.mu.Unlock()
		return
	}
	m.l.Unlock(t, "sync: unlock of unlocked mutex")
}
