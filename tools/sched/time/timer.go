package time

import (
	"time"
	"unsafe"

	"example.com/interlock/tools/sched"
	"example.com/interlock/tools/sched/internal/core"
)

// A Timer is a modelled time.Timer. As since Go 1.23, no stale value is
// received after Stop or Reset.
type Timer struct {
	C *sched.Chan[Time]

	a alarm
}

// NewTimer makes a Timer that sends the time on C after d.
func NewTimer(d Duration) *Timer {
	t := &Timer{C: sched.MakeChan[Time](1)}
	t.a.c = t.C
	t.a.set(d, 0)
	return t
}

// After is NewTimer(d).C.
func After(d Duration) *sched.Chan[Time] { return NewTimer(d).C }

// AfterFunc makes a Timer that calls f in a goroutine of its own after d.
func AfterFunc(d Duration, f func()) *Timer {
	t := &Timer{}
	t.a.f = f
	t.a.set(d, 0)
	return t
}

// Stop keeps the timer from firing and reports whether it did.
func (t *Timer) Stop() bool {
	t.a.check("Stop")
	return t.a.stop()
}

// Reset has the timer fire after d and reports whether it was to fire.
func (t *Timer) Reset(d Duration) bool {
	t.a.check("Reset")
	return t.a.set(d, 0)
}

// A Ticker is a modelled time.Ticker: it ticks when its channel is empty.
type Ticker struct {
	C *sched.Chan[Time]

	a alarm
}

// NewTicker makes a Ticker with the period d.
func NewTicker(d Duration) *Ticker {
	if d <= 0 {
		panic("non-positive interval for NewTicker")
	}
	t := &Ticker{C: sched.MakeChan[Time](1)}
	t.a.c = t.C
	t.a.set(d, d)
	return t
}

// Tick is NewTicker(d).C, or nil if d is not positive.
func Tick(d Duration) *sched.Chan[Time] {
	if d <= 0 {
		return nil
	}
	return NewTicker(d).C
}

// Stop ends the ticks.
func (t *Ticker) Stop() {
	if t.a.c != nil { // as the real one, a zero Ticker stops without a word
		t.a.stop()
	}
}

// Reset starts the ticks anew with the period d.
func (t *Ticker) Reset(d Duration) {
	if d <= 0 {
		panic("non-positive interval for Ticker.Reset")
	}
	t.a.check("Reset")
	t.a.set(d, d)
}

// An alarm is what Timer and Ticker share: c or f is set.
type alarm struct {
	c    *sched.Chan[Time]
	f    func()
	tm   core.Timer
	real *time.Timer // outside an exploration
	tick *time.Ticker
	quit chan struct{}
	edge int32
}

func (a *alarm) check(method string) {
	if a.c == nil && a.f == nil {
		panic("time: " + method + " called on uninitialized Timer")
	}
}

// begin is the event that sets or stops the alarm.
//
//go:norace
func (a *alarm) begin(t *core.Task) {
	t.Begin(core.KindTimer, nil)
	t.Touch(core.E.Clock(), core.Write)
	if a.c != nil {
		t.Touch(a.port().At().Object(), core.Write)
	}
	t.Park()
	if core.Race {
		core.ReleaseMerge(unsafe.Pointer(&a.edge))
	}
}

//go:norace
func (a *alarm) port() core.Port { return sched.RecvCase(a.c, nil, nil).Port() }

//go:norace
func (a *alarm) set(d, period Duration) bool {
	t := core.Now()
	if t == nil {
		return a.setReal(d, period)
	}
	a.begin(t)
	was := a.tm.Stop()
	if a.f != nil {
		a.tm.Set(t, d, 0, nil, nil, a.start(t))
		return was
	}
	was = core.Drain(a.port()) || was
	h := a.port().At()
	h.Slot(0)
	if period > 0 {
		a.tm.Set(t, d, period, h.Object(), a.full, a.send)
	} else {
		a.tm.Set(t, d, 0, h.Object(), nil, a.send)
	}
	return was
}

//go:norace
func (a *alarm) stop() bool {
	t := core.Now()
	if t == nil {
		return a.stopReal()
	}
	a.begin(t)
	was := a.tm.Stop()
	if a.c != nil {
		was = core.Drain(a.port()) || was
	}
	return was
}

//go:norace
func (a *alarm) full() bool { return a.port().At().Len > 0 }

//go:norace
func (a *alarm) send() { core.Offer(sched.SendCase(a.c, core.E.Time()).Port()) }

// start makes what firing does for AfterFunc.
//
//go:norace
func (a *alarm) start(t *core.Task) func() {
	return func() { core.E.Spawn(t, "", a.call) }
}

//go:norace
func (a *alarm) call() {
	if core.Race {
		core.Acquire(unsafe.Pointer(&a.edge))
	}
	a.f()
}

// setReal arms the alarm outside an exploration.
func (a *alarm) setReal(d, period Duration) bool {
	if period > 0 {
		a.stopReal()
		a.tick, a.quit = time.NewTicker(period), make(chan struct{})
		go a.forward(a.tick, a.quit)
		return false
	}
	if a.real == nil {
		a.real = time.AfterFunc(d, a.fireReal)
		return false
	}
	was := a.drainReal()
	return a.real.Reset(d) || was
}

func (a *alarm) stopReal() bool {
	if a.tick != nil {
		a.tick.Stop()
		close(a.quit)
		a.tick = nil
		return a.drainReal()
	}
	if a.real == nil {
		return false
	}
	was := a.real.Stop()
	return a.drainReal() || was
}

func (a *alarm) drainReal() bool {
	return a.c != nil && sched.Select(true, sched.RecvCase(a.c, nil, nil)) == 0
}

func (a *alarm) fireReal() {
	if a.f != nil {
		a.f()
		return
	}
	sched.Select(true, sched.SendCase(a.c, time.Now()))
}

// forward passes the ticks of a real ticker on, until quit is closed.
func (a *alarm) forward(tick *time.Ticker, quit chan struct{}) {
	for {
		select {
		case now := <-tick.C:
			sched.Select(true, sched.SendCase(a.c, now))
		case <-quit:
			return
		}
	}
}
