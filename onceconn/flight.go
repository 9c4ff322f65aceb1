package onceconn

import (
	"container/list"
	"context"
	"reflect"
	"runtime/debug"
	"time"
)

// A flight is one launch of one key, with those who wait for it.
//
// It ends ("settles") once, under the entry's lock, and done is closed after
// that. Its launch returns once too, usually just before; when it returns after
// its flight has settled (it was an orphan, or the Map was closed) its
// connection is closed and nobody hears of it.
type flight[K comparable, C any] struct {
	e       *Entry[K, C]
	ctx     context.Context // of the launch, but for LaunchTimeout
	cancel  context.CancelCauseFunc
	attempt int
	started time.Time
	done    chan struct{}

	lastErr     error
	lastFailure time.Time

	// The goroutine of the launch owns these until it has returned.
	data      any
	caught    *live[C] // the connection, as soon as there is one
	local     bool     // the error is our own exhaustion
	permanent bool     // the error is not worth a retry

	// The entry's lock protects these; live and err do not change once
	// settled is true. Both are nil if it was cancelled: its waiters come again.
	waiters int
	wanted  bool // by Start: never abandoned, and relaunched if it was cancelled before
	settled bool
	resting bool // its failure made the key rest
	orphan  bool
	live    *live[C]
	err     error
	linger  *alarm // rings when nobody has waited for long enough
	overdue *alarm // rings when the launch ignores its context

	// The limiter's lock protects these.
	queued *list.Element
	slot   bool

	needs map[*flight[K, C]]int // deps' lock protects it
}

// run is the goroutine of the flight.
func (f *flight[K, C]) run() {
	var l *live[C]
	err := ErrLaunchExited
	defer func() { f.e.m.landed(f, l, err) }() // after Goexit too
	l, err = f.launch()
}

// launch calls the launch function, once more if the first failure was ours.
func (f *flight[K, C]) launch() (l *live[C], err error) {
	m := f.e.m
	defer func() {
		if v := recover(); v != nil { // from Local, Permanent or Watch
			l, err = nil, &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	if f.ctx.Err() != nil {
		return nil, context.Cause(f.ctx)
	}
	ctx := f.ctx
	if d := m.o.LaunchTimeout; d != Forever {
		var end context.CancelFunc
		ctx, end = context.WithTimeoutCause(ctx, d, errOverdue)
		defer end()
		f.armOverdue(d)
	}
	l, err = f.call(ctx)
	if err != nil && m.o.Local(err) {
		if m.makeRoom(ctx) {
			l, err = f.call(ctx)
		}
		if f.local = err != nil && m.o.Local(err); f.local {
			m.pause()
		}
	}
	if err != nil {
		f.permanent = !f.local && m.o.Permanent != nil && m.o.Permanent(err)
		return nil, err
	}
	if m.o.Watch != nil {
		l.stop = m.o.Watch(l.c, func(cause error) { m.kill(f.e, l, cause) })
	}
	return l, nil
}

// armOverdue sets the alarm that makes an orphan of the flight when its launch
// outlives its context by Grace.
func (f *flight[K, C]) armOverdue(timeout time.Duration) {
	e, m := f.e, f.e.m
	if m.o.Grace == Forever {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !f.settled && e.phase == PhaseLaunching { // else cancel has set it
		f.overdue = m.crew.after(sum(timeout, m.o.Grace), func() { m.orphan(f) })
	}
}

// call calls the launch function, between its hooks. On Goexit the deferred
// function runs and nothing after it.
func (f *flight[K, C]) call(ctx context.Context) (l *live[C], err error) {
	m, h := f.e.m, &f.e.m.o.Hooks
	key := m.name(f.e.key)
	if h.LaunchStart != nil {
		m.guard(func() { h.LaunchStart(key, f.attempt) })
	}
	began := time.Now()
	err = ErrLaunchExited
	defer func() {
		if v := recover(); v != nil {
			l, err = nil, &PanicError{Value: v, Stack: debug.Stack()}
		}
		if h.LaunchEnd != nil {
			m.guard(func() { h.LaunchEnd(key, f.attempt, time.Since(began), err) })
		}
	}()
	var c C
	c, err = m.launch(ctx, &Attempt[K]{Key: f.e.key, N: f.attempt, LastErr: f.lastErr, LastFailure: f.lastFailure,
		waiters: f.waiting, data: &f.data})
	if err == nil && isNil(c) {
		err = errNilConn
	}
	if err != nil {
		return nil, err
	}
	l = m.newLive(f.e, c)
	f.caught = l
	return l, nil
}

func (f *flight[K, C]) waiting() int {
	f.e.mu.Lock()
	defer f.e.mu.Unlock()
	return f.waiters
}

// isNil reports whether c is a nil of any kind, or an interface that holds one.
func isNil[C any](c C) bool {
	v := reflect.ValueOf(&c).Elem()
	if v.Kind() == reflect.Interface && !v.IsNil() {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Chan, reflect.Func, reflect.Slice, reflect.UnsafePointer:
		return v.IsNil()
	}
	return false
}

// sum adds two durations; Forever and what is too long for a Duration stay
// Forever.
func sum(a, b time.Duration) time.Duration {
	if a > Forever-b {
		return Forever
	}
	return a + b
}

// depart sends a new flight off, or queues it.
func (m *Map[K, C]) depart(f *flight[K, C]) {
	switch m.limit.admit(f) {
	case granted:
		m.crew.run(f.run)
	case refused:
		m.landed(f, nil, context.Cause(f.ctx))
	}
}

func (m *Map[K, C]) departAll(fs []*flight[K, C]) {
	for _, f := range fs {
		m.crew.run(f.run)
	}
}

// landed is called once for each flight, when its launch has returned or will
// never be called.
func (m *Map[K, C]) landed(f *flight[K, C], l *live[C], err error) {
	m.departAll(m.limit.release(f))
	e := f.e
	e.mu.Lock()
	late := f.settled
	var next *flight[K, C]
	if late {
		e.comeLate(f)
	} else {
		next = e.settle(f, l, err, time.Now())
	}
	e.mu.Unlock()
	if caught := f.caught; caught != nil && (late || err != nil) {
		defer m.finish(caught, closed|retired)
	}
	if !late {
		m.settled(f, next)
	}
}

// orphan is called when a launch has ignored the end of its context for Grace.
func (m *Map[K, C]) orphan(f *flight[K, C]) {
	e := f.e
	e.mu.Lock()
	if f.settled {
		e.mu.Unlock()
		return
	}
	f.orphan = true
	m.orphans.Add(1)
	next := e.settle(f, nil, errOverdue, time.Now())
	e.mu.Unlock()
	m.departAll(m.limit.release(f)) // or orphans would use up MaxLaunches
	m.settled(f, next)
}

// settled does what is to be done without the lock when a flight has settled.
func (m *Map[K, C]) settled(f *flight[K, C], next *flight[K, C]) {
	defer close(f.done)
	f.cancel(nil) // nothing hangs on it any more
	if next != nil {
		m.depart(next)
	}
	if f.live != nil && f.live.isDead() { // died before it landed
		m.crew.run(func() { m.bury(f.e, f.live) })
	}
	if h := m.o.Hooks.Backoff; h != nil && f.resting {
		failure := f.err.(*Error)
		m.guard(func() { h(failure.Key, failure.Err, failure.RetryAt) })
	}
}
