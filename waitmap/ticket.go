package waitmap

import "context"

// Ticket stands for one registered wait. It is a small value, to be passed
// around and copied freely; all copies stand for the same wait. Its methods
// may be called by any number of goroutines at once, and exactly one of them
// gets the result.
//
// A ticket is spent once the result was taken or the wait cancelled. It then
// touches nothing any more, even if the key or the memory of its wait is in use
// again. The zero Ticket is spent.
type Ticket[K comparable, V any] struct {
	sh   *shard[K, V]  // of the key
	w    *Waiter[K, V] // nil in the zero Ticket
	gen  uint64        // of w's phase
	hash uint64        // of the key
}

// Await waits for the result and takes it: the value that a Wake or Post gave,
// or the error of Fail, CloseWith or the deadline. When ctx ends first, the wait
// is cancelled and Await returns the cause ([context.Cause]); but if the value
// had come when ctx ended, Await returns the value and a nil error.
//
// Await is called once: on a spent ticket, while another Await waits, or on the
// ticket of a callback it returns [ErrConsumed] at once. If another goroutine
// cancels the ticket or takes its result, a waiting Await returns ErrConsumed.
//
// Await allocates nothing if the result is there already or if ctx cannot end
// (its Done returns nil), else one channel; none with [Map.ReserveIn].
func (t Ticket[K, V]) Await(ctx context.Context) (v V, err error) {
	over := ctx.Done()
	if t.w == nil {
		return v, ErrConsumed
	}
	w, sh := t.w, t.sh
	sh.mu.Lock()
	v, ok := t.collect(sh, 0)
	if ok { // the usual case, before a look at the context
		sh.mu.Unlock()
		return v, nil
	}
	if over != nil {
		sh.mu.Unlock()
		return t.awaitUntil(ctx, over)
	}
	how := pending
	if s := w.phase.load(); s != t.gen|waiting {
		v, err, how = t.settle(sh, first, false, nil)
	}
	if how == pending {
		// He sleeps in this frame and not in one further down: the processor does
		// not foresee to where somebody who was woken returns.
		const self = parked | asleep
		p := sh.parker(w)
		for w.phase.store(w.phase.load() | self); w.phase.load()&waiting != 0; {
			p.cond.Wait() // lets go of the lock meanwhile
		}
		if v, ok = t.collect(sh, self); ok {
			sh.mu.Unlock()
			return v, nil
		}
		v, err, how = t.settle(sh, sleeper, false, nil)
	}
	sh.mu.Unlock()
	return v, how.or(err)
}

// awaitUntil is Await for a context that can end, and whose Done is over.
func (t Ticket[K, V]) awaitUntil(ctx context.Context, over <-chan struct{}) (v V, err error) {
	var how end
	if ctx.Err() != nil {
		v, err, how = t.leave(first, true)
	} else {
		v, err, how = t.sleep(over)
	}
	if how == cancelled {
		return v, context.Cause(ctx)
	}
	return v, how.or(err)
}

// Done returns a channel that is closed when the wait has ended, for whatever
// reason: for use in a select, before Result. It allocates the channel.
func (t Ticket[K, V]) Done() <-chan struct{} {
	if t.w == nil {
		return closedChannel()
	}
	if ch, ended := t.watch(nil); ended {
		return closedChannel()
	} else if ch != nil {
		return ch
	}
	ch, ended := t.watch(make(chan struct{})) // made without the lock
	if ended {
		return closedChannel()
	}
	return ch
}

// watch returns the channel that is closed at the wait's end, which is fresh
// unless there is one already.
func (t Ticket[K, V]) watch(fresh chan struct{}) (ch <-chan struct{}, ended bool) {
	sh := t.sh
	sh.mu.Lock()
	defer sh.mu.Unlock()
	s, live := t.look()
	if !live || s&waiting == 0 {
		return nil, true
	}
	switch {
	case s&watched != 0:
		return t.w.park.done, false
	case fresh != nil:
		sh.parker(t.w).done = fresh
		t.w.phase.store(s | watched)
	}
	return fresh, false
}

// Result takes the result without waiting: ok says that the wait has ended and
// that v, or err if it is not nil, is how. While the wait goes on it returns
// ok false and a nil error; on a spent ticket, or that of a callback, ok false and
// [ErrConsumed].
func (t Ticket[K, V]) Result() (v V, err error, ok bool) {
	v, err, how := t.leave(guest, false)
	return v, how.or(err), how == ended
}

// Cancel ends the wait and frees its key. If a value had arrived before, Cancel
// takes it: arrived is true and v is the caller's now. It is false when the wait
// was cancelled in time, when it had ended with an error, and when the ticket is
// spent.
//
// A callback's ticket: if Cancel is in time, the callback will not run. Cancel
// does not say whether it was, nor does it wait for a callback that runs.
func (t Ticket[K, V]) Cancel() (v V, arrived bool) {
	v, err, how := t.leave(canceller, true)
	return v, how == ended && err == nil
}

// How a ticket's wait stands.
type end uint8

const (
	pending   end = iota // goes on
	cancelled            // just now, by the one who asks
	ended                // and the one who asks has just taken the result
	spent                // somebody else took it or cancelled
)

// or returns err unless the ticket is spent.
func (e end) or(err error) error {
	if e == spent {
		return ErrConsumed
	}
	return err
}

// role is who asks.
type role uint8

const (
	guest     role = iota // Result
	canceller             // Cancel
	first                 // an Await that has not slept yet
	sleeper               // the Await that is parked
)

// look returns the phase of the waiter and whether it is about this ticket and
// not spent. The lock is held.
func (t Ticket[K, V]) look() (s uint64, live bool) {
	s = t.w.phase.load()
	return s, generation(s) == t.gen && s&taken == 0
}

// leave takes the result if there is one, or else cancels the wait if unlink is
// set.
func (t Ticket[K, V]) leave(who role, unlink bool) (v V, err error, how end) {
	if t.w == nil {
		return v, nil, spent
	}
	sh := t.sh
	var n news[V]
	sh.mu.Lock()
	v, err, how = t.settle(sh, who, unlink, &n)
	sh.mu.Unlock()
	if n.any {
		n.tell()
	}
	return v, err, how
}

// settle is leave for one who holds the lock, and notes the news. These cannot
// be any unless unlink is set.
func (t Ticket[K, V]) settle(sh *shard[K, V], who role, unlink bool, n *news[V]) (v V, err error, how end) {
	w := t.w
	s, live := t.look()
	if who == sleeper {
		s &^= parked | asleep | pinged // he is up
	}
	switch {
	case !live && who != sleeper, who == first && s&parked != 0, who != canceller && s&notify != 0:
		return v, nil, spent
	case !live:
		how = spent // nobody else could go on before this one
	case s&failed != 0 && s&owned != 0 && who != sleeper && !w.hold(s):
		return v, nil, spent // it is in use again
	case s&failed != 0:
		err, how = w.rest.(error), ended
	case s&done != 0:
		v, how = w.val, ended
	case !unlink:
		if who == sleeper {
			w.phase.store(s) // up for no reason; may sleep again
		}
		return v, nil, pending
	default:
		sh.remove(sh.index(t.hash, w))
		if s&rare != 0 {
			sh.note(w, s, n)
			n.fn = nil
		}
		how = cancelled
	}
	sh.spend(w, s)
	return v, err, how
}

// collect takes the value of a wait that is done and has no other flags than
// self. It does nothing that settle would not do, in a third of the time. The
// lock is held.
func (t Ticket[K, V]) collect(sh *shard[K, V], self uint64) (v V, ok bool) {
	w := t.w
	if w.phase.load() != t.gen|done|self || len(sh.spares) >= sh.limit {
		return v, false
	}
	var (
		key K
		val V
	)
	v, w.val, w.key = w.val, val, key
	w.phase.store(t.gen | taken)
	sh.spares = append(sh.spares, w)
	return v, true
}

// sleep waits for the end, or for over, which cancels.
func (t Ticket[K, V]) sleep(over <-chan struct{}) (v V, err error, how end) {
	var fresh chan struct{}
	who, unlink := first, false
	for {
		var ch <-chan struct{}
		if v, err, how, ch = t.doze(who, unlink, fresh); how != pending {
			return v, err, how
		}
		if ch == nil {
			fresh = make(chan struct{}, 1) // without the lock
			continue
		}
		select {
		case <-ch:
		case <-over:
			unlink = true
		}
		who = sleeper
	}
}

// doze is leave, but if the wait goes on it returns the channel to wait on for
// its end. Where there is none it takes fresh, and returns nil without that.
func (t Ticket[K, V]) doze(who role, unlink bool, fresh chan struct{}) (v V, err error, how end, ch <-chan struct{}) {
	sh := t.sh
	var n news[V]
	sh.mu.Lock()
	v, err, how = t.settle(sh, who, unlink, &n)
	if how == pending {
		ch = t.lie(sh, fresh)
	}
	sh.mu.Unlock()
	if n.any {
		n.tell()
	}
	return v, err, how, ch
}

// lie notes that an Await will wait on the channel it returns. The lock is held.
func (t Ticket[K, V]) lie(sh *shard[K, V], fresh chan struct{}) <-chan struct{} {
	w := t.w
	s := w.phase.load() | parked
	if s&owned != 0 {
		if w.park == nil || w.park.token == nil {
			if fresh == nil {
				return nil
			}
			sh.parker(w).token = fresh
		}
		w.phase.store(s | pinged)
		return w.park.token
	}
	if s&watched == 0 {
		if fresh == nil {
			return nil
		}
		sh.parker(w).done = fresh
	}
	w.phase.store(s | watched)
	return w.park.done
}
