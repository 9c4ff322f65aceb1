package onceconn

import (
	"context"
	"time"
)

// The life of a key. Each arrow is a function below, and happens under the
// entry's lock; what follows from it (closing, hooks, waking) is done by the
// callers, without the lock.
//
//	          begin                 settle: success
//	Closed ──────────► Launching ───────────────────► Open
//	 ▲ ▲ ▲              │     │                       ▲  │
//	 │ │ │      settle: │     │ abandon               │  │ withdraw: died, evicted,
//	 │ │ │      failure │     ▼                       │  │ idle, aged
//	 │ │ │              │  Cancelling ────────────────┘  │
//	 │ │ │ thaw         ▼     │     settle: success      │
//	 │ │ └────────── Backoff ◄┼──────────────────────────┤ died young, not for the
//	 │ │                      │                          │ first time
//	 │ └──────────────────────┘ settle: failure          │
//	 └───────────────────────────────────────────────────┘
//	shut: every phase ──► Closed, for good
//
// Invariants:
//
//	I1   At most one launch of a key runs: flight is set exactly in Launching and
//	     Cancelling, and begin happens only in Closed. Orphans are not counted.
//	I2   A caller's outcome is that of a flight that settled after the caller
//	     arrived, or is marked Cached.
//	I3   No connection whose death was recorded before the call is handed out.
//	I4   A caller waits only where its own context can end the wait.
//	I5   A caller that leaves changes waiters and nothing else; only when it was
//	     the last does the flight change.
//	I6   The context of a launch ends by abandon, LaunchTimeout, shut, or because
//	     the launch returned.
//	I7   A connection is closed exactly once: by whoever sets closed in its word.
//	I8   The data of a key are in the entry, or with its one flight.
//	I9   Whatever runs or may come to run is counted by the crew that Close waits for.
//	I10  Each entry without connection and flight is on the janitor's agenda.
//	I11  A connection leaves Open by identity: withdraw compares, and nobody else
//	     clears open.
//	I12  open is set exactly in Open, gate only in Backoff.
//	I13  A connection is not retired as idle if it was handed out meanwhile.
//
// Lock order: table, entry, one of limiter, deps, janitor and retiring, crew. No
// function of the user is called under any of them.

// reason says why a connection leaves Open.
type reason uint8

const (
	died reason = iota
	evicted
	spent // idle or aged
)

// step tells a caller what to do next.
type step[K comparable, C any] struct {
	err    error         // return it
	gone   bool          // come again by another entry: the table has forgotten this one
	gate   *gate         // wait for it, and come again
	probe  *probe        // wait for it, and come again
	live   *live[C]      // take it, if there is no probe
	flight *flight[K, C] // wait for it

	first bool  // send flight or probe off before waiting
	opens *gate // open it
}

// gate holds those who wait for the end of Backoff.
type gate struct {
	done    chan struct{}
	waiters int
	bell    *alarm
}

func (g *gate) open() {
	if g != nil {
		g.bell.stop()
		close(g.done)
	}
}

// arrive: a caller wants the connection and did not find it in passing. first is
// the number of settled flights when it came for the first time, or negative; it
// may see Rechecks of them, its own or not.
func (e *Entry[K, C]) arrive(ctx context.Context, first *int) (s step[K, C]) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s.err = e.refusal(); s.err != nil {
		return s
	}
	if s.gone = e.gone; s.gone {
		return s
	}
	if *first < 0 {
		*first = e.settled
	}
	if l := e.open.Load(); l != nil {
		if !l.isDead() {
			s.live = l
			s.probe, s.first = e.joinProbe(l)
			return s
		}
		e.withdraw(l, died, time.Now())
	}
	if e.settled-*first >= e.m.o.Rechecks {
		s.err = e.flapping()
		return s
	}
	for {
		switch e.phase {
		case PhaseBackoff:
			now := time.Now()
			if e.rested(now) {
				s.opens = e.thaw(now)
				continue
			}
			if s.gate = e.joinGate(ctx, now); s.gate == nil {
				e.used, s.err = now, e.cached()
			}
			return s
		case PhaseClosed:
			s.flight, s.first = e.begin(), true
			s.flight.waiters = 1
			return s
		default:
			e.flight.join()
			s.flight = e.flight
			return s
		}
	}
}

// refusal says why nothing can be had here, or nil.
func (e *Entry[K, C]) refusal() error {
	if e.m.state.Load() != running {
		return ErrClosed
	}
	return e.bad
}

// want is arrive for Start: nobody waits.
func (e *Entry[K, C]) want() (s step[K, C]) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s.err = e.refusal(); s.err != nil {
		return s
	}
	if s.gone = e.gone; s.gone {
		return s
	}
	if l := e.open.Load(); l != nil && l.isDead() {
		e.withdraw(l, died, time.Now())
	}
	if e.phase == PhaseBackoff && e.rested(time.Now()) {
		s.opens = e.thaw(time.Now())
	}
	switch e.phase {
	case PhaseClosed:
		s.flight, s.first = e.begin(), true
		s.flight.wanted = true
	case PhaseLaunching, PhaseCancelling:
		e.flight.keep()
		e.flight.wanted = true
	}
	return s
}

// begin: Closed to Launching.
func (e *Entry[K, C]) begin() *flight[K, C] {
	e.attempts++
	f := &flight[K, C]{e: e, attempt: e.attempts, started: time.Now(), done: make(chan struct{}),
		lastErr: e.lastErr, lastFailure: e.lastFailure, data: e.data}
	f.ctx, f.cancel = context.WithCancelCause(context.WithValue(context.Background(), e.m, f))
	e.data = nil
	e.phase, e.flight = PhaseLaunching, f
	e.plan()
	return f
}

// join: a waiter more.
func (f *flight[K, C]) join() {
	f.waiters++
	f.keep()
}

// keep: somebody wants the flight again. An alarm that rings already finds
// another one, or none.
func (f *flight[K, C]) keep() {
	f.linger.stop()
	f.linger = nil
}

// leave: a waiter gives up. If the flight has settled it must take the outcome
// instead. cancelled: the caller must tell the launch.
func (e *Entry[K, C]) leave(f *flight[K, C]) (settled, cancelled bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if f.settled {
		return true, false
	}
	f.waiters--
	if f.waiters > 0 || f.wanted || e.phase != PhaseLaunching {
		return false, false
	}
	switch p := e.m.o.Abandon; p {
	case Never:
	case AtOnce:
		e.abandon(f)
		return false, true
	default:
		var bell *alarm
		bell = e.m.crew.after(time.Duration(p), func() { e.m.lingered(f, &bell) })
		f.linger = bell
	}
	return false, false
}

// abandon: Launching to Cancelling.
func (e *Entry[K, C]) abandon(f *flight[K, C]) {
	e.phase = PhaseCancelling
	f.linger = nil
	f.overdue.stop()
	f.overdue = e.m.crew.after(e.m.o.Grace, func() { e.m.orphan(f) })
}

// settle: Launching or Cancelling to Open, Backoff or Closed. next is a flight
// to send off: somebody called Start after the old one was cancelled.
func (e *Entry[K, C]) settle(f *flight[K, C], l *live[C], err error, now time.Time) (next *flight[K, C]) {
	cancelled := e.phase == PhaseCancelling
	e.flight, f.settled = nil, true
	e.settled++
	f.linger.stop()
	f.overdue.stop()
	if !f.orphan {
		e.data = f.data
	}
	e.used = now
	switch {
	case err == nil:
		f.live, l.landed, l.opened = l, true, now
		e.phase = PhaseOpen
		e.open.Store(l)
	case cancelled:
		e.phase = PhaseClosed
		if f.wanted {
			next = e.begin()
			next.wanted = true
			return next
		}
	default:
		e.fail(f, err, now)
	}
	e.plan()
	return nil
}

// fail: the failure of f is the outcome of all its waiters, and what those get
// who come while the key rests.
func (e *Entry[K, C]) fail(f *flight[K, C], err error, now time.Time) {
	failure := &Error{Key: e.m.name(e.key), Attempt: f.attempt, Started: f.started, Ended: now, Waiters: f.waiters, Err: err}
	f.err = failure
	e.lastErr, e.lastFailure = err, now
	if !f.orphan && f.local {
		e.phase = PhaseClosed
		e.attempts-- // not charged to the key
		return
	}
	e.strikes++
	e.phase, e.failure, e.pacing = PhaseBackoff, failure, false
	if f.orphan || !f.permanent {
		failure.RetryAt = now.Add(e.m.o.Backoff.delay(e.strikes))
	}
	f.resting = true
}

// comeLate: a launch returns to find its flight settled. Its data may still be
// the only ones.
func (e *Entry[K, C]) comeLate(f *flight[K, C]) {
	if f.orphan {
		e.m.orphans.Add(-1)
	}
	if e.flight == nil && e.data == nil && f.data != nil && !e.gone {
		e.data = f.data
		e.plan()
	}
}

// withdraw: Open to Closed or Backoff, if l is the one that is open. Who gets
// true, or finds l.told unset, calls the hook; l is then to be retired.
func (e *Entry[K, C]) withdraw(l *live[C], why reason, now time.Time) bool {
	if e.open.Load() != l {
		return false
	}
	e.open.Store(nil)
	e.left(l, why, now)
	return true
}

// left decides where the key goes from Open.
func (e *Entry[K, C]) left(l *live[C], why reason, now time.Time) {
	e.phase, e.used = PhaseClosed, now
	if now.Sub(l.opened) >= e.m.o.Backoff.StableAfter {
		e.attempts, e.strikes, e.lastErr, e.lastFailure = 0, 0, nil, time.Time{}
		if e.data == nil {
			e.used = time.Time{} // nothing to remember
		}
	} else if why == died {
		e.diedYoung(l, now)
	}
	e.plan()
}

// diedYoung: to launch again at once is right for a peer that restarts, once.
func (e *Entry[K, C]) diedYoung(l *live[C], now time.Time) {
	cause := *l.doom.Load()
	e.strikes++
	e.lastErr, e.lastFailure = cause, now
	if e.strikes == 1 {
		return
	}
	e.phase, e.pacing = PhaseBackoff, true
	e.failure = &Error{Key: e.m.name(e.key), Attempt: e.attempts, Started: l.opened, Ended: now,
		RetryAt: now.Add(e.m.o.Backoff.delay(e.strikes - 1)), Err: flap(cause)}
	l.pacing = e.failure
}

// expire is withdraw for a connection that looked idle when its stamp was read:
// unless it was handed out since (I13). A hit that writes the stamp looks at open
// again after that, and we do it the other way round, so one of us sees the other.
func (e *Entry[K, C]) expire(l *live[C], stamp int64, now time.Time) bool {
	if e.open.Load() != l {
		return false
	}
	e.open.Store(nil)
	if l.stamp.Load() != stamp || !l.word.CompareAndSwap(0, retired) {
		e.open.Store(l)
		return false
	}
	e.left(l, spent, now)
	return true
}

// rested reports whether the key may launch again.
func (e *Entry[K, C]) rested(now time.Time) bool {
	at := e.failure.RetryAt
	return !at.IsZero() && !now.Before(at)
}

// thaw: Backoff to Closed. The gate, if any, is to be opened.
func (e *Entry[K, C]) thaw(now time.Time) *gate {
	g := e.gate
	e.gate, e.failure = nil, nil
	e.phase, e.used = PhaseClosed, now
	e.plan()
	return g
}

// joinGate lets a caller wait for the end of Backoff, if that is what callers
// do and its deadline allows it.
func (e *Entry[K, C]) joinGate(ctx context.Context, now time.Time) *gate {
	at := e.failure.RetryAt
	if at.IsZero() || e.m.o.OnBackoff != Wait && !e.pacing {
		return nil
	}
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(at) {
		return nil
	}
	if e.gate == nil {
		g := &gate{done: make(chan struct{})}
		g.bell = e.m.crew.after(at.Sub(now), func() { e.ring(g) })
		e.gate = g
	}
	e.gate.waiters++
	return e.gate
}

// ring: the rest is over.
func (e *Entry[K, C]) ring(g *gate) {
	e.mu.Lock()
	mine := e.gate == g
	if mine {
		e.thaw(time.Now())
	}
	e.mu.Unlock()
	if mine {
		g.open()
	}
}

// flapping is the answer for a caller who has seen too many launches.
func (e *Entry[K, C]) flapping() error {
	failure := &Error{Key: e.m.name(e.key), Attempt: e.attempts, Started: e.lastFailure, Ended: e.lastFailure, Err: ErrFlapping}
	if e.lastErr != nil {
		failure.Err = flap(e.lastErr)
	}
	return failure
}

// cached is the failure for a caller who was not there.
func (e *Entry[K, C]) cached() error {
	c := *e.failure
	c.Cached = true
	return &c
}

// shut: any phase to Closed, when the Map closes or drains. The flight, gate,
// probe and connection that it found are for the caller to end.
func (e *Entry[K, C]) shut() (f *flight[K, C], g *gate, p *probe, l *live[C]) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f, g, l = e.flight, e.gate, e.open.Load()
	if f != nil {
		f.settled, f.err = true, ErrClosed
		f.linger.stop()
		f.overdue.stop()
	}
	if l != nil {
		l.told = true
		l.polite = e.m.state.Load() == draining // here, as its death may retire it as well
		p, l.probe = l.probe, nil
		e.open.Store(nil)
	}
	e.flight, e.gate, e.phase = nil, nil, PhaseClosed
	e.plan()
	return f, g, p, l
}
