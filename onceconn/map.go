package onceconn

import (
	"context"
	"reflect"
	"sync/atomic"
	"time"
)

// A Map launches a connection of type C exactly once per key of type K and
// shares it. Make one with [New]; the zero Map is not usable, and a Map must not
// be copied. All methods may be called at once from many goroutines, from hooks,
// and from launches.
//
// A key that is not equal to itself, as NaN is, could never be found again: every
// call for it gets an error, or does nothing. A key that cannot be hashed panics in
// the caller, as it does in any map.
//
// The return of a launch synchronizes before the return of every call that gets
// its connection or its error.
type Map[K comparable, C any] struct {
	table  table[K, Entry[K, C]]
	clock  atomic.Int64 // the time of the last tick, on the Map's time line
	state  atomic.Int32 // running, draining, over; changes under the table's lock
	o      Options[K, C]
	launch Launch[K, C]
	start  time.Time // where the time line begins

	name   func(K) any // the key as errors and hooks show it
	forgot func(K)     // a key was forgotten; nil, or Isolated's

	limit    limiter[K, C]
	deps     deps[K, C]
	janitor  janitor[K, C]
	retiring retiring[C]
	crew     crew // goroutines and timers
	conns    crew // connections that are not closed yet
	ended    crew // a Close that is under way
	orphans  atomic.Int64
	panics   atomic.Int64
}

const (
	running int32 = iota
	draining
	over
)

// New returns an empty Map; nil opts stand for the defaults. It panics if launch is
// nil or the options make no sense, see [Options].
func New[K comparable, C any](launch Launch[K, C], opts *Options[K, C]) *Map[K, C] {
	if launch == nil {
		panic("onceconn: New with a nil Launch")
	}
	m := &Map[K, C]{launch: launch, o: resolve(opts), start: time.Now()}
	m.name = func(k K) any { return k }
	m.limit.max = m.o.MaxLaunches
	m.janitor.init(m)
	return m
}

// Get returns the connection of k, launching it if there is none, for use that
// is shared and not counted.
//
// It returns an *[Error] if the launch failed, ErrClosed, ErrFlapping,
// ErrReentrant, or, when ctx ends first, context.Cause(ctx); then the launch goes
// on without this caller. When the connection is there Get does not look at ctx.
func (m *Map[K, C]) Get(ctx context.Context, k K) (C, error) {
	e := m.table.load(k)
	if e == nil {
		e = m.entry(k)
	}
	if l := e.hit(); l != nil {
		return l.c, nil
	}
	l, err := e.await(ctx, false)
	return l.conn(), err
}

// Acquire is Get with the use counted: until [Lease.Release] the connection is
// not closed, unless it dies or the Map is closed. After an error the Lease is
// zero.
func (m *Map[K, C]) Acquire(ctx context.Context, k K) (Lease[C], error) {
	e := m.table.load(k)
	if e == nil {
		e = m.entry(k)
	}
	return e.Acquire(ctx)
}

// TryGet returns the connection of k if it is there and needs no check. It never
// launches and never waits.
func (m *Map[K, C]) TryGet(k K) (C, bool) {
	if e := m.known(k); e != nil {
		return e.TryGet()
	}
	var none C
	return none, false
}

// Key returns the handle of k.
func (m *Map[K, C]) Key(k K) *Entry[K, C] { return m.entry(k) }

// Start launches the connection of k if there is none and k is not resting after
// a failure, and does not wait for it. Such a launch is wanted even if nobody
// ever waits for it.
func (m *Map[K, C]) Start(k K) { m.entry(k).Start() }

// Do calls use with the connection of k, under a lease. If use returns an error
// that Is ErrStale the connection is evicted, and use is called once more with a
// fresh one. Do returns the error of use, or that of Acquire. A panic of use goes
// through to the caller, and the lease is released.
func (m *Map[K, C]) Do(ctx context.Context, k K, use func(C) error) error {
	return m.entry(k).Do(ctx, use)
}

// Evict takes c away from k if it is still k's connection, and reports whether
// it was. Nobody gets it any more; it is closed at the last Release, or, if there
// is no lease, before Evict returns. Those who hold an older connection cannot
// evict a newer one by this. The next call launches at once: an eviction is not a
// failure.
//
// Connections are the same if == says so, for types that it can compare, and if
// they share their memory for slices, maps and functions.
func (m *Map[K, C]) Evict(k K, c C, cause error) bool {
	e := m.known(k)
	return e != nil && e.Evict(c, cause)
}

// ResetBackoff lets k launch at once, as if it had not failed: the network has
// changed. Those who wait for its rest to end launch now.
func (m *Map[K, C]) ResetBackoff(k K) {
	if e := m.known(k); e != nil {
		e.ResetBackoff()
	}
}

// ResetAllBackoff is ResetBackoff for every key.
func (m *Map[K, C]) ResetAllBackoff() {
	for _, e := range m.table.values() {
		e.ResetBackoff()
	}
}

// known returns the entry of k, or nil.
func (m *Map[K, C]) known(k K) *Entry[K, C] {
	if e := m.table.load(k); e != nil && e.open.Load() != nil {
		return e // what is open is not gone
	}
	return m.table.find(k, nil)
}

// entry returns the entry of k, made if there is none.
func (m *Map[K, C]) entry(k K) *Entry[K, C] {
	if e := m.table.load(k); e != nil {
		return e
	}
	if k != k {
		return &Entry[K, C]{m: m, key: k, bad: &Error{Key: m.name(k), Err: errBadKey}}
	}
	e := &Entry[K, C]{m: m, key: k, used: time.Now()}
	return m.settleIn(e)
}

// revive finds the entry that the table has in place of e, which it has
// forgotten; if there is none, e comes back.
func (m *Map[K, C]) revive(e *Entry[K, C]) *Entry[K, C] {
	return m.settleIn(e)
}

func (m *Map[K, C]) settleIn(e *Entry[K, C]) *Entry[K, C] {
	in := m.table.find(e.key, func() *Entry[K, C] {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.gone = false
		e.used = time.Now()
		e.plan()
		return e
	})
	if in == nil {
		return e // closed: whatever is asked of e says so
	}
	return in
}

// newLive wraps what a launch returned.
func (m *Map[K, C]) newLive(e *Entry[K, C], c C) *live[C] {
	m.conns.add()
	m.janitor.wind()
	l := &live[C]{c: c, clock: &m.clock, healthy: m.o.Healthy, home: e, deadline: m.janitor.deadline()}
	l.stamp.Store(m.clock.Load())
	l.mark.Store(unsure)
	return l
}

// now is the time on the Map's time line.
func (m *Map[K, C]) now() int64 { return int64(time.Since(m.start)) }

// guard calls a function of the user whose panic must not end the goroutine.
func (m *Map[K, C]) guard(f func()) {
	defer func() {
		if recover() != nil {
			m.panics.Add(1)
		}
	}()
	f()
}

// same compares connections by identity, without the panics of ==.
func same[C any](a, b C) bool {
	va, vb := reflect.ValueOf(&a).Elem(), reflect.ValueOf(&b).Elem()
	switch va.Kind() {
	case reflect.Func, reflect.Map:
		return va.Pointer() == vb.Pointer()
	case reflect.Slice:
		return va.Pointer() == vb.Pointer() && va.Len() == vb.Len()
	}
	return va.Comparable() && vb.Comparable() && va.Equal(vb)
}
