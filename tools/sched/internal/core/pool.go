package core

import "unsafe"

// A Pool is a modelled sync.Pool.
type Pool struct {
	o     Obj
	items []any
	edge  int32
}

//go:norace
func (p *Pool) renew() {
	if p.o.Stale() {
		p.items = nil
	}
}

// Get takes any value, or none.
//
//go:norace
func (p *Pool) Get(t *Task) (any, bool) {
	p.renew()
	Point(KindPool, &p.o, Write, nil)
	n := len(p.items)
	i := n - 1 - t.Choose(n+1) // the last one first; -1: dropped
	if i < 0 {
		if n == 0 {
			t.OnlyRead(&p.o)
		}
		return nil, false
	}
	v := p.items[i]
	rest := make([]any, 0, n)
	for j, x := range p.items {
		if j != i {
			rest = append(rest, x)
		}
	}
	p.items = rest
	if Race {
		Acquire(unsafe.Pointer(&p.edge))
	}
	return v, true
}

// Put adds a value.
//
//go:norace
func (p *Pool) Put(t *Task, v any) {
	p.renew()
	Point(KindPool, &p.o, Write, nil)
	if Race {
		ReleaseMerge(unsafe.Pointer(&p.edge))
	}
	p.items = append(p.items, v)
}
