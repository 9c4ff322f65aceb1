package sync

import (
	"sync"

	"example.com/interlock/tools/sched/internal/core"
)

// A RWMutex is a modelled sync.RWMutex; the zero value is unlocked. A writer
// that waits keeps new readers out.
type RWMutex struct {
	mu sync.RWMutex
	l  core.Lock
}

// Lock takes the lock for writing.
//
//go:norace
func (m *RWMutex) Lock() {
	t := core.Now()
	if t == nil {
		m.mu.Lock()
		return
	}
	m.l.Lock(t)
}

// TryLock takes the lock for writing if it is free.
//
//go:norace
func (m *RWMutex) TryLock() bool {
	t := core.Now()
	if t == nil {
		return m.mu.TryLock()
	}
	return m.l.TryLock(t)
}

// Unlock gives back what Lock took.
//
//go:norace
func (m *RWMutex) Unlock() {
	t := core.Now()
	if t == nil {
		m.mu.Unlock()
		return
	}
	m.l.Unlock(t, "sync: Unlock of unlocked RWMutex")
}

// RLock takes the lock for reading.
//
//go:norace
func (m *RWMutex) RLock() {
	t := core.Now()
	if t == nil {
		m.mu.RLock()
		return
	}
	m.l.RLock(t)
}

// TryRLock takes the lock for reading if no writer has or wants it.
//
//go:norace
func (m *RWMutex) TryRLock() bool {
	t := core.Now()
	if t == nil {
		return m.mu.TryRLock()
	}
	return m.l.TryRLock(t)
}

// RUnlock gives back what RLock took.
//
//go:norace
func (m *RWMutex) RUnlock() {
	t := core.Now()
	if t == nil {
		m.mu.RUnlock()
		return
	}
	m.l.RUnlock(t)
}

// RLocker returns a Locker for reading.
func (m *RWMutex) RLocker() Locker { return (*rlocker)(m) }

type rlocker RWMutex

//go:norace
func (r *rlocker) Lock() { (*RWMutex)(r).RLock() }

//go:norace
func (r *rlocker) Unlock() { (*RWMutex)(r).RUnlock() }
