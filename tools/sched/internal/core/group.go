package core

import "unsafe"

// A Group is a modelled wait group.
type Group struct {
	o    Obj
	n    int
	edge int32
}

//go:norace
func (g *Group) renew() {
	if g.o.Stale() {
		*g = Group{}
	}
}

// Ready reports whether the counter is zero.
//
//go:norace
func (g *Group) Ready(*Task) bool { return g.n == 0 }

// Add changes the counter. Increments commute with each other, decrements too
// but for the one that reaches zero.
//
//go:norace
func (g *Group) Add(t *Task, delta int) {
	g.renew()
	a := Inc
	if delta < 0 {
		a = Dec
	}
	Point(KindGroupAdd, &g.o, a, nil)
	if Race && delta < 0 {
		ReleaseMerge(unsafe.Pointer(&g.edge))
	}
	g.n += delta
	if delta < 0 && g.n <= 0 {
		t.As(&g.o, Write)
	}
	if g.n < 0 {
		panic("sync: negative WaitGroup counter")
	}
}

// Wait parks the task until the counter is zero.
//
//go:norace
func (g *Group) Wait(t *Task) {
	g.renew()
	Point(KindGroupWait, &g.o, Read, g)
	if Race {
		Acquire(unsafe.Pointer(&g.edge))
	}
}

// A Once is a modelled sync.Once.
type Once struct {
	o       Obj
	running bool
	done    bool
	before  bool // done outside the exploration
	edge    int32
}

// Ready reports whether nobody is inside.
//
//go:norace
func (o *Once) Ready(*Task) bool { return !o.running }

// Enter reports whether the task is the one to act; then Leave must follow.
//
//go:norace
func (o *Once) Enter(t *Task) bool {
	if o.o.Stale() {
		o.running, o.done = false, o.before
	}
	Point(KindOnceDo, &o.o, Write, o)
	if o.done {
		t.OnlyRead(&o.o)
		if Race {
			Acquire(unsafe.Pointer(&o.edge))
		}
		return false
	}
	o.running = true
	return true
}

// Leave marks the act as done.
//
//go:norace
func (o *Once) Leave(t *Task) {
	Point(KindOnceEnd, &o.o, Write, nil)
	o.running, o.done = false, true
	if Race {
		Release(unsafe.Pointer(&o.edge))
	}
}

// MarkDone is Leave outside an exploration; each execution starts with it.
func (o *Once) MarkDone() { o.before = true }
