package core

import (
	"runtime"
	"time"
	"unsafe"
)

// E is the exploration in progress and cur the task that runs in it: nil
// outside. One exploration runs at a time.
var (
	E   *Exec
	cur *Task

	execs uint32 // executions so far in this process: identities of objects hold for one
)

// An Exec is an exploration: the state of the execution in progress, made once
// and used for each.
type Exec struct {
	o    *Options
	body func(*Task)
	s    search

	n       uint32 // the execution's number
	objects uint32
	procs   [maxProcs]*Task
	nprocs  int
	ntasks  int
	live    int // tasks that have not ended
	eager   []*Task
	head    int     // of eager
	woken   []*Task // set free or started by the event in progress
	last    *Task   // whose event was the last one
	merged  bool    // footprints of parked tasks are out of date

	inEvent bool
	event   *Foot // footprint of the event in progress
	spare   Foot
	steps   int

	handoff *Task // chosen by the task that gave way
	handed  bool

	trace   []Step
	forced  int // preemptions
	failure *Failure
	cut     bool // nothing new below: everything that may move sleeps
	restart bool // a channel turned out to be used for sends
	killing bool
	exits   bool // a task ended by a Goexit that was not the modelled one
	tracing bool
	notes   []note
	logs    []string

	general []uint32 // keys of unbuffered channels that are sent on

	clock    Obj // of the virtual clock
	now      time.Duration
	timers   []*Timer
	table    table
	free     []*worker
	edgeVar  int
	deadline time.Time
}

// A Step is one decision of a schedule.
type Step struct {
	Choice bool
	N      int // the task, or the alternative
}

// edge is where all tasks of an execution meet the first of the next.
//
//go:norace
func (e *Exec) edge() unsafe.Pointer { return unsafe.Pointer(&e.edgeVar) }

// run performs one execution.
//
//go:norace
func (e *Exec) run() {
	execs++
	e.n = execs
	e.objects, e.nprocs, e.ntasks, e.live = 0, 0, 0, 0
	e.eager, e.head, e.woken, e.last = e.eager[:0], 0, e.woken[:0], nil
	e.merged, e.inEvent, e.event, e.steps = false, false, &e.spare, 0
	e.handoff, e.handed = nil, false
	e.trace, e.forced = e.trace[:0], 0
	e.failure, e.cut, e.restart, e.killing, e.exits = nil, false, false, false, false
	e.notes, e.logs = nil, nil
	e.now, e.timers = 0, e.timers[:0]
	e.table.clear()
	e.s.begin()
	meetAll(e.edge())
	main := e.spawn(nil, "main", nil)
	main.f = func() {
		if Race {
			Acquire(e.edge())
		}
		e.body(main)
	}
	e.loop()
	e.s.over()
	e.reap()
	cur = nil
	meetAll(e.edge())
}

// loop resumes tasks until the execution is over.
//
//go:norace
func (e *Exec) loop() {
	for {
		t := e.handoff
		if !e.handed {
			t = e.next()
		}
		e.handed = false
		if t == nil {
			return
		}
		e.resume(t)
	}
}

//go:norace
func (e *Exec) resume(t *Task) {
	if t.w == nil {
		if n := len(e.free); n > 0 {
			t.w = e.free[n-1]
			e.free = e.free[:n-1]
		} else {
			t.w = newWorker()
		}
		t.w.task = t
	}
	cur = t
	t.state = stateRunning
	w := t.w
	w.co.resume()
	cur = nil
	if t.state != stateEnded {
		return
	}
	if w.gone {
		w.co.bury()
		return
	}
	e.free = append(e.free, w)
}

// reap ends what is left of an execution, so that nothing leaks.
//
//go:norace
func (e *Exec) reap() {
	e.killing = true
	for i := 0; i < e.nprocs; i++ {
		t := e.procs[i]
		if t.timer != nil || t.state == stateEnded {
			continue
		}
		if t.w == nil {
			t.state = stateEnded
			continue
		}
		e.resume(t)
	}
}

// next decides which task runs on; nil ends the execution.
//
//go:norace
func (e *Exec) next() *Task {
	for {
		if e.failure != nil || e.restart || e.cut {
			return nil
		}
		if e.head < len(e.eager) {
			t := e.eager[e.head]
			e.head++
			return t
		}
		e.eager, e.head = e.eager[:0], 0
		if e.inEvent {
			e.inEvent = false
			e.rouse()
			e.s.after(e.last)
			e.settle()
		} else {
			e.settle()
		}
		if e.live == 0 {
			return nil
		}
		enabled := e.enabled()
		if enabled == 0 {
			e.deadlock()
			return nil
		}
		if e.steps >= e.o.MaxSteps {
			e.livelock()
			return nil
		}
		p := e.s.pick(enabled)
		if p < 0 {
			return nil
		}
		e.start(e.procs[p], enabled)
		if t := e.procs[p]; t.timer == nil {
			return t
		}
		e.procs[p].timer.fire()
	}
}

// start begins the event of t.
//
//go:norace
func (e *Exec) start(t *Task, enabled uint64) {
	if l := e.last; l != nil && l != t && l.state == stateParked && l.timer == nil && enabled&(1<<l.id) != 0 {
		e.forced++
	}
	e.steps++
	e.inEvent = true
	e.last = t
	e.trace = append(e.trace, Step{N: t.id})
	t.prior = t.operation()
	e.spare = t.foot
	if t.kind == KindYield && t.cond != nil && !t.granted {
		e.spare = everything // it moves because nobody else can
	}
	t.seen.any |= t.foot.any
	t.before = t.wrote
	if t.foot.any&^t.foot.read != 0 {
		t.wrote = true
	}
	if e.tracing {
		e.note(t)
	}
}

// settle forgets what belonged to the event that is over.
//
//go:norace
func (e *Exec) settle() {
	e.woken = e.woken[:0]
	for _, t := range e.procs[:e.nprocs] {
		t.fresh, t.retired = false, false
	}
	if !e.merged {
		return
	}
	e.merged = false
	for _, t := range e.procs[:e.nprocs] {
		if t.state == stateParked && t.kind != KindYield {
			t.foot = Foot{}
			for _, u := range t.uses {
				t.foot.add(e.bits(u.o), u.a)
			}
		}
	}
}

// rouse ends the wait of spinning tasks that read what the event has written.
//
//go:norace
func (e *Exec) rouse() {
	for _, t := range e.procs[:e.nprocs] {
		if t.state == stateParked && t.kind == KindYield && t != e.last && conflict(e.event, &t.foot) {
			t.granted = true
		}
	}
}

// enabled gives the tasks that may move, one bit each.
//
//go:norace
func (e *Exec) enabled() uint64 {
	var m, yields uint64
	for i, t := range e.procs[:e.nprocs] {
		if t.state != stateParked {
			continue
		}
		if t.cond == nil || t.cond.Ready(t) {
			m |= 1 << i
		} else if t.kind == KindYield {
			yields |= 1 << i
		}
	}
	if m == 0 {
		return yields // nothing else can move: let spinning code give up
	}
	return m
}

// choose picks one of n continuations of the event in progress.
//
//go:norace
func (e *Exec) choose(n int) int {
	if n == 1 {
		return 0
	}
	i := e.s.choose(n)
	e.trace = append(e.trace, Step{Choice: true, N: i})
	if e.tracing {
		e.noteChoice(i, n)
	}
	return i
}

// Go starts a task; it runs to its first operation within the event of the
// task that started it.
//
//go:norace
func (t *Task) Go(name string, f func()) {
	if E.killing {
		runtime.Goexit()
	}
	c := E.spawn(t, name, f)
	if c == nil {
		runtime.Goexit()
	}
	if Race {
		Release(c.edge())
	}
	if E.tracing {
		c.nborn = runtime.Callers(2, c.born[:])
	}
}

//go:norace
func (e *Exec) spawn(parent *Task, name string, f func()) *Task {
	if e.ntasks == maxTasks {
		e.fail(KindOfMisuse, parent, "more than 16 tasks")
		return nil
	}
	t := e.proc()
	if t == nil {
		return nil
	}
	e.ntasks++
	e.live++
	t.name, t.parent, t.f = name, parent, f
	e.eager = append(e.eager, t)
	e.woken = append(e.woken, t)
	return t
}

// proc makes the next task or timer.
//
//go:norace
func (e *Exec) proc() *Task {
	if e.nprocs == maxProcs {
		e.fail(KindOfMisuse, cur, "more than 32 tasks and timers")
		return nil
	}
	t := e.procs[e.nprocs]
	if t == nil {
		t = new(Task)
		e.procs[e.nprocs] = t
	}
	uses := t.uses[:0]
	*t = Task{id: e.nprocs, uses: uses}
	e.nprocs++
	return t
}

// ended is called by a worker, on the task's stack, when t is over.
//
//go:norace
func (e *Exec) ended(t *Task, exit bool) {
	if Race {
		Release(t.edge())
		ReleaseMerge(e.edge())
	}
	if exit && !t.exiting && !e.killing {
		e.exits = true
	}
	t.state = stateEnded
	e.live--
}

// join adds what clock knows to what t knows.
//
//go:norace
func (e *Exec) join(t *Task, clock *[maxProcs]int16) {
	for i := range clock[:e.nprocs] {
		if clock[i] > t.clock[i] {
			t.clock[i] = clock[i]
		}
	}
}

// Goexit ends the task as runtime.Goexit does: deferred calls run, and may
// use the model.
//
//go:norace
func (t *Task) Goexit() {
	t.exiting = true
	runtime.Goexit()
}

// Live counts the tasks that have not ended.
//
//go:norace
func (t *Task) Live() int {
	t.Begin(KindCount, nil)
	t.foot = everything
	t.Park()
	return E.live
}
