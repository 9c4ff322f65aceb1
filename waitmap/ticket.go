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
	c    *state[K, V]
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
func (t Ticket[K, V]) Await(ctx context.Context) (V, error) {
	// The usual call first, and without a look at ctx.
	if s, ok := t.phase(); ok && s&(done|owned|parked) == done {
		if v, err, ok := t.take(s); ok {
			return v, err
		}
	}
	return t.await(ctx, ctx.Done())
}

// Done returns a channel that is closed when the wait has ended, for whatever
// reason: for use in a select, before Result. It allocates the channel.
func (t Ticket[K, V]) Done() <-chan struct{} {
	var p *parker // made without the lock, if it turns out to be needed
	for {
		if s, ok := t.phase(); !ok || s&waiting == 0 {
			return closedChannel()
		}
		ch, left := t.watch(p)
		if left != nil {
			t.c.freeParker(left)
		}
		if ch != nil {
			return ch
		}
		p = t.c.parker()
		p.done = make(chan struct{})
	}
}

// watch returns the channel that is closed at the wait's end. For one that is
// not there yet it needs p, and returns nil if p is nil or the wait has ended.
// What it did not use of p is left.
func (t Ticket[K, V]) watch(p *parker) (ch chan struct{}, left *parker) {
	sh := t.c.shard(t.hash)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	s, ok := t.phase()
	if !ok || s&waiting == 0 {
		return nil, p
	}
	if s&watched != 0 {
		return t.w.park.done, p
	}
	if p == nil {
		return nil, nil
	}
	ch = p.done
	if t.w.park == nil {
		t.w.park, p = p, nil
	} else {
		t.w.park.done = ch
	}
	t.w.phase.Store(s | watched)
	return ch, p
}

// Result takes the result without waiting: ok says that the wait has ended and
// that v, or err if it is not nil, is how. While the wait goes on it returns
// ok false and a nil error; on a spent ticket, or that of a callback, ok false and
// [ErrConsumed].
func (t Ticket[K, V]) Result() (v V, err error, ok bool) {
	switch s, live := t.phase(); {
	case !live || s&notify != 0:
		return v, ErrConsumed, false
	case s&waiting != 0:
		return v, nil, false
	}
	switch v, err, how := t.leave(0, false); how {
	case ended:
		return v, err, true
	default:
		return v, ErrConsumed, false
	}
}

// Cancel ends the wait and frees its key. If a value had arrived before, Cancel
// takes it: arrived is true and v is the caller's now. It is false when the wait
// was cancelled in time, when it had ended with an error, and when the ticket is
// spent.
//
// A callback's ticket: if Cancel is in time, the callback will not run. Cancel
// does not say whether it was, nor does it wait for a callback that runs.
func (t Ticket[K, V]) Cancel() (v V, arrived bool) {
	v, err, how := t.leave(0, true)
	return v, how == ended && err == nil
}

// phase returns the phase of the waiter, and whether it is still about this
// ticket's wait.
func (t Ticket[K, V]) phase() (s uint64, ok bool) {
	if t.w == nil {
		return 0, false
	}
	s = t.w.phase.Load()
	return s, generation(s) == t.gen && s&taken == 0
}

// take takes the result of a pooled waiter that is done and has nobody parked
// on it; s is its phase. It fails if somebody else was faster.
func (t Ticket[K, V]) take(s uint64) (v V, err error, ok bool) {
	w := t.w
	if !w.phase.CompareAndSwap(s, t.gen|taken) {
		return v, nil, false
	}
	v, err = w.val, w.err
	w.forget()
	t.c.free(w)
	return v, err, true
}

// How a ticket's wait stands after leave.
type end uint8

const (
	pending   end = iota // goes on
	cancelled            // by this leave
	ended                // and this leave took the result
	spent                // somebody else took it or cancelled
)

// leave takes the result if there is one, or else cancels the wait if unlink is
// set. self is parked when the caller is the Await that is parked on it, else 0.
func (t Ticket[K, V]) leave(self uint64, unlink bool) (v V, err error, how end) {
	if s, ok := t.phase(); !ok && self == 0 {
		return v, nil, spent
	} else if s&(done|owned|parked) == done {
		if v, err, ok := t.take(s); ok {
			return v, err, ended
		}
		return v, nil, spent
	}
	v, err, how, n := t.leaveLocked(self, unlink)
	n.tell()
	return v, err, how
}

func (t Ticket[K, V]) leaveLocked(self uint64, unlink bool) (v V, err error, how end, n news[V]) {
	sh := t.c.shard(t.hash)
	w := t.w
	sh.mu.Lock()
	s, ok := t.phase()
	switch {
	case !ok && self == 0:
		sh.mu.Unlock()
		return v, nil, spent, n
	case !ok:
		how = spent // since somebody is parked, the phase is this wait's still
	case s&done != 0 && s&(owned|parked) == 0: // done since leave looked
		sh.mu.Unlock()
		if v, err, ok = t.take(s); ok {
			return v, err, ended, n
		}
		return v, nil, spent, n
	case s&done != 0:
		v, err, how = w.val, w.err, ended
	case !unlink:
		sh.mu.Unlock()
		return v, nil, pending, n
	default:
		sh.remove(sh.index(t.hash, w))
		if self != 0 {
			s &^= asleep // he is up
		}
		n = t.c.news(w, s)
		n.fn = nil
		how = cancelled
	}
	free := t.spend(s, self)
	sh.mu.Unlock()
	if free {
		t.c.free(w)
	}
	return v, err, how, n
}

// spend marks the waiter, whose phase is s, as taken and says whether it may go
// to the pool. The caller holds the lock and either ended the use or, with self,
// is the Await that was parked there; of those two the last one frees.
func (t Ticket[K, V]) spend(s, self uint64) (free bool) {
	w := t.w
	w.forget()
	s = t.gen | taken | s&(owned|parked)&^self
	w.phase.Store(s)
	return s&(owned|parked) == 0
}

// await is Await; ended is ctx.Done().
func (t Ticket[K, V]) await(ctx context.Context, over <-chan struct{}) (v V, err error) {
	if over != nil && ctx.Err() != nil {
		if s, ok := t.phase(); ok && s&(notify|parked) == 0 {
			v, err, how := t.leave(0, true)
			return t.outcome(ctx, v, err, how)
		}
		return v, ErrConsumed
	}
	p, ch, how := t.park(over != nil)
	if how != pending {
		if how == ended {
			v, err, how = t.leave(0, false)
		}
		return t.outcome(ctx, v, err, how)
	}
	for {
		giveUp := false
		if ch == nil {
			p.sleep()
		} else {
			select {
			case <-ch:
			case <-over:
				giveUp = true
			}
		}
		if v, err, how = t.leave(parked, giveUp); how != pending {
			return t.outcome(ctx, v, err, how)
		}
	}
}

// outcome says what Await returns.
func (t Ticket[K, V]) outcome(ctx context.Context, v V, err error, how end) (V, error) {
	switch how {
	case cancelled:
		return v, context.Cause(ctx)
	case spent:
		return v, ErrConsumed
	}
	return v, err
}

// park announces that an Await is about to sleep: on ch, or on p if ch is nil.
// how is pending if it is to sleep, ended if the result is there, or spent.
func (t Ticket[K, V]) park(cancellable bool) (p *parker, ch <-chan struct{}, how end) {
	s, ok := t.phase()
	if !ok {
		return nil, nil, spent
	}
	if s&owned == 0 { // before the lock; a caller's waiter has its own but once
		p = t.c.parker()
		if cancellable && s&watched == 0 {
			p.done = make(chan struct{})
		}
	}
	p, ch, how, left := t.parkLocked(p, cancellable)
	if left != nil {
		t.c.freeParker(left)
	}
	return p, ch, how
}

func (t Ticket[K, V]) parkLocked(p *parker, cancellable bool) (_ *parker, ch <-chan struct{}, how end, left *parker) {
	w := t.w
	sh := t.c.shard(t.hash)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	s, ok := t.phase()
	switch {
	case !ok || s&(parked|notify) != 0:
		return nil, nil, spent, p
	case s&done != 0:
		return nil, nil, ended, p
	}
	if w.park == nil {
		if p == nil {
			p = newParker()
		}
		w.park, p = p, nil
	}
	q := w.park
	switch {
	case s&owned != 0:
		if q.token == nil {
			q.token = make(chan struct{}, 1)
		}
		s |= asleep
		ch = q.token
	case s&watched != 0 || cancellable:
		// A channel that Done made meanwhile serves as well as p's.
		s |= watched
		ch = q.done
	default:
		s |= asleep
	}
	w.phase.Store(s | parked)
	return q, ch, pending, p
}
