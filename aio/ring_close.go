package aio

import "context"

// Close ends the ring: its descriptors are closed, every pending operation
// completes with ErrClosed, and when all handlers have been called Close
// returns. Functions that a worker runs are waited for. It may be called
// again, and by several goroutines. Within a handler or a function of
// PrepCall, of this or another ring, it returns at once, and the rest happens
// afterwards; on a Manual ring closed by such a function, in the next Poll.
//
// Operations that are started later complete with ErrClosed too.
func (r *Ring) Close() error {
	inside, worker := inHandler()
	r.mu.Lock()
	first := r.state.Swap(ringClosed) != ringClosed
	r.mu.Unlock()
	if first {
		r.table.all(func(f *FD) { _ = f.Close() })
		r.own.empty()
		r.swept.Store(true)
	}
	r.rouse()
	switch {
	case worker, r.mode != Manual && inside:
		return nil
	case r.mode != Manual:
	case inside:
		select {
		case r.token <- struct{}{}: // a handler of another ring
			r.endHere()
		default:
		}
		return nil
	default:
		r.token <- struct{}{}
		r.endHere()
	}
	<-r.ended
	r.crew.wg.Wait()
	return nil
}

// endHere is the end of a Manual ring on the caller's stack.
func (r *Ring) endHere() {
	r.sleep.Store(awake)
	defer r.yield()
	r.teardown()
}

// teardown hands over what the ring still owes and lets go of the system's
// descriptors. The caller holds the token.
func (r *Ring) teardown() {
	if r.inbox.isDead() {
		return
	}
	r.closing = true
	for {
		r.step(maxInt)
		if r.die() {
			break
		}
		r.wait(!r.left(), nil, nil)
	}
	r.sleep.Store(away)
	if r.nest != nil {
		_ = r.nest.Close()
	}
	r.poll.close()
	close(r.ended)
}

// die says that nobody polls any more, unless something is left to do.
func (r *Ring) die() bool {
	if r.out.head != nil || r.next < r.got || r.line != nil {
		return false
	}
	b := &r.inbox
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.done.head != nil || b.first != nil || b.fed.Load() || r.pending.Load() > 0 || !r.swept.Load() {
		return false
	}
	b.dead = true
	return true
}

func (b *inbox) isDead() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dead
}

// flush hands over what was started after the ring's end.
func (r *Ring) flush() {
	r.token <- struct{}{}
	ended := false
	defer func() {
		<-r.token
		if !ended { // a handler ended its goroutine
			go r.flush()
		}
	}()
	for {
		r.collect()
		r.handOver(maxInt)
		b := &r.inbox
		b.mu.Lock()
		if b.done.head == nil {
			b.flushing = false
			ended = true
			b.mu.Unlock()
			return
		}
		b.mu.Unlock()
	}
}

// Drain lets the ring come to rest: new operations fail with ErrClosed from
// now on, and Drain returns when nothing is pending any more, or with the
// context's cause. Giving up cancels nothing, and the ring goes on to take no
// new operations. On a Manual ring Drain polls.
func (r *Ring) Drain(ctx context.Context) error {
	if !r.state.CompareAndSwap(ringOpen, ringDraining) && r.state.Load() == ringClosed {
		return ErrClosed
	}
	for _, ended := range r.calls() {
		select {
		case <-ended:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	for {
		idle := r.resting()
		if r.pending.Load() == 0 {
			return nil
		}
		if r.mode == Manual {
			if _, err := r.pollFor(ctx, maxInt, &view{changed: idle}); err != nil {
				return err
			}
			continue
		}
		select {
		case <-idle:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// calls are the ends of the calls that somebody is in, on any descriptor. Those
// of operations which nobody has counted yet are among them.
func (r *Ring) calls() (ends []<-chan bool) {
	r.table.all(func(f *FD) {
		f.mu.Lock()
		if f.busy() {
			f.bits |= fdAwaited
			ends = append(ends, r.gates.enter(&f.bits))
		}
		f.mu.Unlock()
	})
	return ends
}

// resting is closed when nothing is pending, if it is asked for before that.
func (r *Ring) resting() chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.idle == nil {
		r.idle = make(chan struct{})
	}
	return r.idle
}
