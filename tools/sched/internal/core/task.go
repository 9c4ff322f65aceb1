package core

import (
	"runtime"
	"unsafe"
)

// maxProcs bounds the tasks and timers of one execution, maxTasks the tasks.
const (
	maxProcs = 32
	maxTasks = 16
)

// patience is how many yields a task may make that writes as it spins.
const patience = 8

// A Cond says when an operation may happen.
type Cond interface{ Ready(t *Task) bool }

// A use is one object that an operation touches.
type use struct {
	o *Obj
	a Access
}

type state uint8

const (
	stateNew     state = iota // starts within the event that made it
	stateParked               // has posted an operation
	stateRunning              // performs it, or is about to: set free
	stateEnded
)

// A Task is a goroutine of the program under test, or a timer, which moves on
// its own as a goroutine does.
type Task struct {
	id       int
	name     string
	parent   *Task
	f        func()
	w        *worker
	state    state
	returned bool // f returned, rather than panicked or exited
	exiting  bool // called the modelled runtime.Goexit

	// The operation that is posted.
	kind  Kind
	uses  []use
	cond  Cond // nil: always
	foot  Foot
	multi bool // what makes it ready may be any of several objects
	fresh bool // posted in the current event
	posts int  // index of the first event that came after its post

	// Whether the event in progress took an operation away: it was completed
	// by another task, or the timer was stopped.
	retired bool
	prior   operation // that one, or the one that was performed last

	timer *Timer

	// For spinning code: what the task read since its last yield, and whether
	// it did anything else.
	seen   Foot
	wrote  bool
	before bool // wrote, before the event in progress
	rounds int  // yields since it last wrote
	yields int

	granted bool // a parked operation was completed by another task
	pick    int  // which case of a select it completed

	clock [maxProcs]int16 // what it knows of each task: 1 + index of an event

	channels uint32 // made so far, for their keys

	// Filled in while a failure is replayed.
	pcs     [40]uintptr
	npcs    int
	born    [40]uintptr
	nborn   int
	edgeVar int
}

// edge is the address of the edge from the go statement to the task.
//
//go:norace
func (t *Task) edge() unsafe.Pointer { return unsafe.Pointer(&t.edgeVar) }

// Now is the task that runs, or nil outside an exploration.
//
//go:norace
func Now() *Task { return cur }

// Begin starts an operation of the task that runs. It must be followed by
// Touch, if it touches anything, and Park.
//
//go:norace
func (t *Task) Begin(k Kind, c Cond) {
	if E.killing {
		runtime.Goexit()
	}
	t.kind, t.cond, t.multi, t.granted = k, c, false, false
	t.uses = t.uses[:0]
	t.foot = Foot{}
	if E.tracing {
		t.npcs = runtime.Callers(2, t.pcs[:])
	}
}

// Touch adds an object to the operation that was begun.
//
//go:norace
func (t *Task) Touch(o *Obj, a Access) {
	t.uses = append(t.uses, use{o, a})
	t.foot.add(E.bits(o), a)
}

// Park gives way until the engine lets the operation happen.
//
//go:norace
func (t *Task) Park() {
	e := E
	t.state = stateParked
	t.fresh = true
	if Race {
		t.w.co.suspend()
	} else if n := e.next(); n != t {
		e.handoff, e.handed = n, true
		t.w.co.suspend()
	}
	if e.killing {
		if Race {
			Acquire(e.edge()) // tasks are put to rest one after another
		}
		runtime.Goexit()
	}
	cur = t
	t.state = stateRunning
}

// Point is an operation on one object. It returns nil, at once, outside an
// exploration.
//
//go:norace
func Point(k Kind, o *Obj, a Access, c Cond) *Task {
	t := cur
	if t == nil {
		return nil
	}
	t.Begin(k, c)
	t.Touch(o, a)
	t.Park()
	return t
}

// OnlyRead says that the event in progress, a write of o, changed nothing.
//
//go:norace
func (t *Task) OnlyRead(o *Obj) {
	m := E.bits(o)
	E.event.read |= m & E.event.any
	t.wrote = t.before
}

// Also adds an object to the footprint of the event in progress.
//
//go:norace
func (t *Task) Also(o *Obj, a Access) {
	E.event.add(E.bits(o), a)
}

// As replaces the footprint of the event in progress, which touches o alone.
//
//go:norace
func (t *Task) As(o *Obj, a Access) {
	*E.event = Foot{}
	E.event.add(E.bits(o), a)
}

// free lets a parked task run on: its operation was completed by the event in
// progress.
//
//go:norace
func (t *Task) free(pick int) {
	t.retire()
	t.granted, t.pick = true, pick
	t.wrote = true
	t.state = stateRunning
	E.eager = append(E.eager, t)
	E.woken = append(E.woken, t)
}

// retire remembers the operation that the event in progress takes away.
//
//go:norace
func (t *Task) retire() {
	if t.state == stateParked && !t.fresh {
		t.retired, t.prior = true, t.operation()
	}
}

// An operation is what a search keeps of one that was posted.
type operation struct {
	foot  Foot
	posts int
	kind  Kind
	multi bool
	never bool   // only other tasks can complete it
	o     uint32 // its first object
}

//go:norace
func (t *Task) operation() operation {
	return operation{t.foot, t.posts, t.kind, t.multi, t.cond == Never, t.object()}
}

// object is the ordinal of the first object of the operation.
//
//go:norace
func (t *Task) object() uint32 {
	if len(t.uses) == 0 {
		return ^uint32(0)
	}
	return t.uses[0].o.id
}

// never is the condition of what only another task can complete.
type never struct{}

//go:norace
func (never) Ready(*Task) bool { return false }

// Never is an operation that another task completes, or nobody.
var Never Cond = never{}

// Forever parks the task for ever: a nil channel, an empty select.
//
//go:norace
func (t *Task) Forever(k Kind) {
	t.Begin(k, Never)
	t.Park()
}

// Choose picks one of n continuations within the event in progress.
//
//go:norace
func (t *Task) Choose(n int) int {
	if E.killing {
		runtime.Goexit()
	}
	if n < 1 {
		E.fail(KindOfMisuse, t, "Choose(n) needs n > 0")
		runtime.Goexit()
	}
	return E.choose(n)
}

// Yield lets others move. From the second fruitless round on (the task wrote
// nothing since its last yield) it waits until something that it read has been
// written, or nothing else can move: to spin on changes nothing, and without
// this rule executions would have no end. A task that does write as it spins
// (it takes a lock to look) is believed for patience rounds.
//
//go:norace
func (t *Task) Yield() {
	if E.killing {
		runtime.Goexit()
	}
	if t.wrote {
		t.rounds = 0
	}
	t.rounds++
	t.yields++
	spin := (t.rounds > E.o.Spins || t.yields > patience) && t.seen.any != 0
	var c Cond
	if spin {
		c = spinning{}
	}
	seen := t.seen
	t.seen, t.wrote = Foot{}, false
	t.Begin(KindYield, c)
	t.multi = true
	if spin {
		t.foot = Foot{any: seen.any, read: seen.any}
	}
	t.Park()
	t.seen = Foot{}
}

type spinning struct{}

//go:norace
func (spinning) Ready(t *Task) bool { return t.granted }

// Join waits until all tasks have ended that t, or a task started by it, has
// started.
//
//go:norace
func (t *Task) Join() {
	t.Begin(KindJoin, joining{})
	t.Park()
	for _, d := range E.procs[:E.nprocs] {
		if d.descends(t) {
			E.join(t, &d.clock)
			if Race {
				Acquire(d.edge())
			}
		}
	}
}

type joining struct{}

//go:norace
func (joining) Ready(t *Task) bool {
	for _, d := range E.procs[:E.nprocs] {
		if d.timer == nil && d.state != stateEnded && d.descends(t) {
			return false
		}
	}
	return true
}

//go:norace
func (t *Task) descends(a *Task) bool {
	for p := t.parent; p != nil; p = p.parent {
		if p == a {
			return true
		}
	}
	return false
}
