package sync

import (
	"sync"

	"example.com/interlock/tools/sched/internal/core"
)

// A Pool is a modelled sync.Pool: Get returns any of the values that were put,
// or acts as if they had been dropped; each of these is explored.
type Pool struct {
	// New makes a value where there is none, if it is not nil.
	New func() any

	pool sync.Pool
	p    core.Pool
}

// Get takes a value from the pool.
//
//go:norace
func (p *Pool) Get() any {
	t := core.Now()
	if t == nil {
		if v := p.pool.Get(); v != nil {
			return v
		}
	} else if v, ok := p.p.Get(t); ok {
		return v
	}
	if p.New == nil {
		return nil
	}
	return p.New()
}

// Put gives a value to the pool; nil is ignored.
//
//go:norace
func (p *Pool) Put(v any) {
	if v == nil {
		return
	}
	t := core.Now()
	if t == nil {
		p.pool.Put(v)
		return
	}
	p.p.Put(t, v)
}
