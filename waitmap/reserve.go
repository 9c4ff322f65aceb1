package waitmap

import (
	"context"
	"time"
)

// Wait waits for the value of key: Reserve and Await in one. Where a request
// has to be sent after the wait was registered, use [Map.Reserve].
//
// It returns the value that a [Map.Wake] or [Map.Post] gave for key, or an
// error: that of [Map.Fail]; one that Is [ErrClosed]; [ErrDuplicate]; [ErrKey];
// or the cause ([context.Cause]) when ctx ended first, in which case the key is
// free again. If the value had come when ctx ended, Wait returns the value.
//
// Costs are those of [Ticket.Await].
func (m *Map[K, V]) Wait(ctx context.Context, key K) (V, error) {
	ctx.Done() // should it panic, no key is left behind
	t, err := m.Reserve(key)
	if err != nil {
		var zero V
		return zero, err
	}
	return t.Await(ctx)
}

// Reserve registers a wait for key and returns a ticket for it. From here on
// [Map.Wake] finds the wait, so that a request sent after Reserve cannot be
// answered too early.
//
// Whoever holds the ticket must end the wait on every path: by
// [Ticket.Await], by [Ticket.Cancel], or by a [Ticket.Result] that reports ok.
// A ticket that is dropped before its wait ended keeps the key taken until it
// is woken or the map closed.
//
// If a value is stored for the key ([Map.Post]), the ticket has ended with it
// already.
//
// The error is [ErrDuplicate] if the key has a waiter, [ErrKey] if the key is
// not equal to itself, or one that Is [ErrClosed]; the ticket is then the zero
// Ticket. Reserve allocates nothing in the long run: its memory comes from a
// pool and goes back when the result is taken.
func (m *Map[K, V]) Reserve(key K) (Ticket[K, V], error) {
	c := m.state.Load()
	if c == nil { // see use
		c = m.first()
	}
	t, _, err := c.reserve(key, waiting, nil, nil)
	return t, err
}

// ReserveIn is Reserve in the caller's memory. It never allocates, but for a
// table that has to grow, and neither does an [Ticket.Await] on its ticket after
// the first. The result stays in w until it is taken.
//
// ReserveIn panics if w is in use: if its last wait goes on, or has ended with a
// value that nobody took, or if somebody is just taking its result. Errors are
// those of Reserve, and leave w free.
func (m *Map[K, V]) ReserveIn(w *Waiter[K, V], key K) (Ticket[K, V], error) {
	c := m.use()
	top, hash := c.hash(key)
	if key != key {
		return Ticket[K, V]{}, ErrKey
	}
	gen := w.claim()
	sh := c.shard(top)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	i, box, err := sh.vacant(key, hash)
	switch {
	case err != nil:
		sh.spend(w, gen|owned)
		return Ticket[K, V]{}, err
	case box != nil:
		w.val = box.val
		w.phase.store(gen | owned | done)
		sh.spend(box, box.phase.load())
	default:
		w.key = key
		if w.park != nil {
			w.park.cond.L = &sh.mu // the last use was in another shard, maybe
		}
		sh.fill(i, hash, w)
	}
	return Ticket[K, V]{sh, w, gen, hash}, nil
}

// ReserveUntil is Reserve with a deadline: if nothing else has ended the wait by
// then, it ends with [ErrExpired]. That happens never before the deadline, and
// at most two ticks ([Options.Tick]) after it, given a processor to run on.
//
// There is no timer for each wait: all deadlines of a map share a wheel and one
// timer, which exists only while a deadline is pending. Creating it, when there
// was none, allocates.
//
// A deadline in the past is [ErrExpired] at once. The other errors are those of
// Reserve.
func (m *Map[K, V]) ReserveUntil(key K, at time.Time) (Ticket[K, V], error) {
	now := time.Now()
	left := at.Sub(now)
	if left <= 0 {
		return Ticket[K, V]{}, ErrExpired
	}
	t, _, err := m.use().reserve(key, waiting|timed, nil, &deadline{now, left})
	return t, err
}

// Notify registers fn as the waiter for key. No goroutine waits: fn runs once,
// in the goroutine that calls Wake, Post, WakeAll, Fail or CloseWith, after
// every lock was released, with the value or with the error. It may use the
// map. A slow fn delays its waker; start a goroutine for long work.
//
// Another goroutine may wake the key before Notify has returned. If a value is
// stored for the key ([Map.Post]), fn runs with it before Notify returns. fn
// does not run after a [Ticket.Cancel] that was in time, nor when Notify returns
// an error; errors are those of Reserve. A nil fn panics.
//
// If fn panics, the panic is raised in the waker or closer, after all other
// waits of that call were ended.
//
// The ticket serves Cancel and Done only. Done's channel closes before fn runs.
// The map's own part allocates nothing in the long run.
func (m *Map[K, V]) Notify(key K, fn func(V, error)) (Ticket[K, V], error) {
	if fn == nil {
		panic("waitmap: Notify with a nil callback")
	}
	t, came, err := m.use().reserve(key, waiting|notify, fn, nil)
	if came {
		v, err, _ := t.Result()
		fn(v, err)
	}
	return t, err
}

// reserve registers one of the map's own waiters, whose phase begins with the
// given flags; fn and at go with notify and timed. came says that a value was
// stored, so that the ticket has ended with it already.
func (c *state[K, V]) reserve(key K, flag uint64, fn func(V, error), at *deadline) (t Ticket[K, V], came bool, err error) {
	top, hash := c.hash(key)
	if key != key {
		return t, false, ErrKey
	}
	sh := c.shard(top)
	sh.mu.Lock()
	if len(sh.spares) == 0 {
		sh.stock()
	}
	i, box, err := sh.vacant(key, hash)
	if err != nil {
		sh.mu.Unlock()
		return t, false, err
	}
	if box != nil {
		gen := box.unpack()
		sh.mu.Unlock()
		return Ticket[K, V]{sh, box, gen, hash}, true, nil
	}
	w, gen := sh.spare(flag)
	w.key = key
	sh.fill(i, hash, w)
	if flag != waiting {
		if fn != nil {
			w.rest = fn
		}
		if at != nil {
			c.wheel.add(w, gen, hash, at)
		}
	}
	sh.mu.Unlock()
	return Ticket[K, V]{sh, w, gen, hash}, false, nil
}
