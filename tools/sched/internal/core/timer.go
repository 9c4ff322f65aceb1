package core

import "time"

// Epoch is what the virtual clock shows at the start of each execution.
var Epoch = time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)

// A Timer moves on its own, as a task does, once it is set: it may fire at any
// point from then on, but never before a timer that is due earlier. The clock
// stands still but when a timer fires.
type Timer struct {
	proc   *Task
	when   time.Duration // on the virtual clock
	period time.Duration // 0: fires once
	armed  bool
	full   func() bool // a tick nobody would see: the last one waits yet
	f      func()      // what firing does, within the event
	o      *Obj        // what firing touches beside the clock
}

// Set arms the timer within the event in progress, which must have written the
// clock. f runs on no task and must not block; it touches o.
//
//go:norace
func (tm *Timer) Set(t *Task, d, period time.Duration, o *Obj, full func() bool, f func()) {
	e := E
	if tm.proc == nil {
		p := e.proc()
		if p == nil {
			return
		}
		p.name, p.timer, p.parent = "timer", tm, t
		tm.proc = p
		e.timers = append(e.timers, tm)
	}
	tm.proc.retire()
	tm.when, tm.period, tm.armed = e.now+max(d, 0), period, true
	tm.f, tm.o, tm.full = f, o, full
	tm.post()
	e.woken = append(e.woken, tm.proc)
	if Race {
		ReleaseMerge(tm.proc.edge())
	}
}

// Stop disarms the timer within the event in progress and reports whether it
// was armed.
//
//go:norace
func (tm *Timer) Stop() bool {
	was := tm.armed
	tm.armed = false
	if tm.proc != nil {
		tm.proc.retire()
		tm.proc.state = stateRunning // no operation posted
	}
	return was
}

//go:norace
func (tm *Timer) post() {
	p := tm.proc
	p.kind, p.cond, p.state, p.fresh, p.multi = KindFire, tm, stateParked, true, true
	p.uses = p.uses[:0]
	p.foot = Foot{}
	p.Touch(&E.clock, Write)
	if tm.o != nil {
		p.Touch(tm.o, Write)
	}
}

// Ready reports whether the timer may fire: no other is due before it.
//
//go:norace
func (tm *Timer) Ready(*Task) bool {
	if !tm.armed || tm.full != nil && tm.full() {
		return false
	}
	for _, x := range E.timers {
		if x.armed && x.when < tm.when && (x.full == nil || !x.full()) {
			return false
		}
	}
	return true
}

//go:norace
func (tm *Timer) fire() {
	e := E
	e.now = max(e.now, tm.when)
	tm.proc.state = stateRunning
	if tm.period > 0 {
		tm.when = e.now + tm.period
		tm.post()
	} else {
		tm.armed = false
	}
	tm.f()
}

// Time is what the virtual clock shows.
//
//go:norace
func (e *Exec) Time() time.Time { return Epoch.Add(e.now) }

// Clock is the clock's identity: setting and stopping timers writes it.
//
//go:norace
func (e *Exec) Clock() *Obj { return &e.clock }

// Spawn starts a task from the event of a timer or of a cancel, as a child of
// the task that asked for it.
//
//go:norace
func (e *Exec) Spawn(parent *Task, name string, f func()) {
	c := e.spawn(parent, name, f)
	if c != nil && Race {
		Release(c.edge())
	}
}

// Sleep parks the task until the virtual clock has moved on by d.
//
//go:norace
func (t *Task) Sleep(d time.Duration) {
	e := E
	t.Begin(KindTimer, nil)
	t.Touch(&e.clock, Write)
	t.Park()
	tm := new(Timer)
	tm.Set(t, d, 0, nil, nil, tm.wake(t))
	if tm.proc == nil {
		return
	}
	t.Begin(KindSleep, Never)
	t.Park()
}

//go:norace
func (tm *Timer) wake(t *Task) func() { return func() { t.free(0) } }
