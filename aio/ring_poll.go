package aio

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
)

// inbox is what others have for the poller.
type inbox struct {
	mu       sync.Mutex  // after FD.mu
	done     opList      // finished operations, to be handed over
	some     atomic.Bool // done is not empty; read without mu
	first    *FD         // descriptors whose turn comes, linked by FD.ready
	last     *FD         //
	pools    []*Pool     // have buffers for descriptors that wait
	fed      atomic.Bool // pools is not empty; read without mu
	dead     bool        // nobody polls any more
	flushing bool        // but a goroutine hands done over
}

// post gives a finished operation to the poller. The caller alone knows it.
func (r *Ring) post(op *Op) {
	if op.flags&opCounted == 0 {
		op.flags |= opCounted
		r.pending.Add(1)
	}
	b := &r.inbox
	b.mu.Lock()
	b.done.push(op)
	b.some.Store(true)
	flush := b.dead && !b.flushing
	b.flushing = b.flushing || flush
	b.mu.Unlock()
	if flush {
		go r.flush()
		return
	}
	r.rouse()
}

// finish completes an operation: it wakes the goroutine that waits, or leaves
// the handler to the poller.
func (r *Ring) finish(op *Op) {
	if op.flags&opBlocking != 0 {
		r.signal(op)
		return
	}
	r.post(op)
}

func (r *Ring) finishAll(l *opList) {
	for op := l.pop(); op != nil; op = l.pop() {
		r.finish(op)
	}
}

// behind puts a descriptor at the end of the line. f.mu is held.
func (r *Ring) behind(f *FD) {
	if f.bits&fdReady != 0 {
		return
	}
	f.bits |= fdReady
	b := &r.inbox
	b.mu.Lock()
	f.ready = nil
	if b.first == nil {
		b.first = f
	} else {
		b.last.ready = f
	}
	b.last = f
	b.mu.Unlock()
	r.stats.turns.Add(1)
	r.rouse()
}

// rouse wakes the poller if it sleeps.
func (r *Ring) rouse() {
	if r.sleep.Load() != asleep || !r.sleep.CompareAndSwap(asleep, roused) {
		return
	}
	r.stats.wakes.Add(1)
	if r.nest != nil {
		r.nest.Wake()
		return
	}
	r.poll.wake()
}

// Wake makes a Poll return, the running one or else the next. It does nothing
// to a ring that polls itself.
func (r *Ring) Wake() {
	if r.mode == Manual {
		r.kicked.Store(true)
		r.rouse()
	}
}

// Poll drives a Manual ring: it waits until there is something to do, does it
// and calls handlers, at most max of them. It returns the number of
// operations that were completed: at least one, or zero with a nil error
// after Wake, or with the context's cause, or with ErrClosed once the ring is
// closed. A panic of a handler comes out of Poll and costs no other
// operation. Several Polls take turns. It panics when max is less than one.
func (r *Ring) Poll(ctx context.Context, max int) (int, error) {
	if max < 1 {
		panic("aio: Poll for less than one completion")
	}
	if r.mode != Manual {
		return 0, &OpError{"poll", "", errors.ErrUnsupported}
	}
	return r.pollFor(ctx, max, nil)
}

// pollFor is Poll, but that it also ends, with zero, when there is news for v.
func (r *Ring) pollFor(ctx context.Context, max int, v *view) (int, error) {
	if ok, err := r.acquire(ctx, v); !ok {
		return 0, err
	}
	defer r.yield()
	if r.state.Load() == ringClosed {
		r.teardown()
		return 0, ErrClosed
	}
	r.wait(false, nil, nil)
	for {
		n := r.step(max)
		switch {
		case r.state.Load() == ringClosed:
			r.teardown()
			return n, ErrClosed
		case n > 0:
			return n, nil
		case r.kicked.Swap(false):
			return 0, nil
		case ctx.Err() != nil:
			return 0, context.Cause(ctx)
		case v.news():
			return 0, nil
		}
		r.wait(!r.left(), ctx, v)
	}
}

// acquire takes the token, unless the context ends or there is news for v
// first.
func (r *Ring) acquire(ctx context.Context, v *view) (bool, error) {
	select {
	case r.token <- struct{}{}:
	default:
		var signal, changed chan struct{}
		if v != nil {
			signal, changed = v.signal, v.changed
		}
		select {
		case r.token <- struct{}{}:
		case <-signal:
			return false, nil
		case <-changed:
			return false, nil
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
	r.sleep.Store(awake)
	return true, nil
}

func (r *Ring) yield() {
	r.sleep.Store(away)
	<-r.token
}

// step does what can be done without waiting, up to limit completions, and
// returns how many there were.
func (r *Ring) step(limit int) (n int) {
	r.turn.Add(1)
	n = r.handOver(limit)
	for ; r.next < r.got && n < limit; n += r.handOver(limit - n) {
		sysfd, gen, got := r.poll.event(r.next)
		r.next++
		if got != 0 {
			r.dispatch(sysfd, gen, got)
		}
	}
	if r.line == nil {
		r.line = r.takeLine()
	}
	for ; r.line != nil && n < limit; n += r.handOver(limit - n) {
		f := r.line
		r.line, f.ready = f.ready, nil
		var fresh opList
		f.again(&fresh)
		r.arrive(&fresh)
	}
	r.feedAll()
	n += r.handOver(limit - n)
	n += r.expire(limit - n)
	// What handlers started and what ended at once is handed over in the
	// same turn; budgets bound it, but for what needs no descriptor.
	for round := 0; round < 64 && n < limit; round++ {
		if !r.collect() {
			break
		}
		n += r.handOver(limit - n)
	}
	return n
}

func (r *Ring) dispatch(sysfd int, gen uint32, got edge) {
	f := r.table.get(sysfd)
	if f == nil || f.gen != gen {
		r.stats.stale.Add(1)
		if t := r.trace; t != nil && t.Stale != nil {
			t.Stale(sysfd)
		}
		return
	}
	var fresh opList
	f.event(got, &fresh)
	r.arrive(&fresh)
}

// takeLine takes the descriptors whose turn comes. The link of each is the
// poller's until its again.
func (r *Ring) takeLine() *FD {
	b := &r.inbox
	b.mu.Lock()
	f := b.first
	b.first, b.last = nil, nil
	b.mu.Unlock()
	return f
}

// collect takes what others have finished.
func (r *Ring) collect() bool {
	b := &r.inbox
	b.mu.Lock()
	some := b.done.head != nil
	r.out.append(&b.done)
	b.some.Store(false)
	b.mu.Unlock()
	return some
}

// arrive takes in what the poller itself has completed. What others finished
// before goes first: operations of one direction complete in order.
func (r *Ring) arrive(fresh *opList) {
	if r.inbox.some.Load() {
		r.collect()
	}
	r.out.append(fresh)
}

// expire handles the times that have come.
func (r *Ring) expire(limit int) (n int) {
	if limit <= 0 || r.times.next() == 0 {
		return 0
	}
	now := r.k.Now()
	for n < limit {
		e, ok := r.times.top(now)
		if !ok {
			break
		}
		var fresh opList
		e.fd.timeUp(e.op, now, &fresh)
		r.arrive(&fresh)
		n += r.handOver(limit - n)
	}
	return n
}

// handOver completes up to limit of the operations that are done.
func (r *Ring) handOver(limit int) (n int) {
	for n < limit && r.out.head != nil {
		op := r.out.pop()
		n++
		if op.flags&opBlocking != 0 {
			r.signal(op)
			r.woke = true
			continue
		}
		r.deliver(op)
	}
	return n
}

// handlerFrame is the name that inHandler looks for.
const handlerFrame = "example.com/interlock/aio.(*Ring).deliver"

// deliver calls the handler of op, which must not be touched afterwards.
//
//go:noinline
func (r *Ring) deliver(op *Op) {
	if t := r.trace; t != nil && t.Complete != nil {
		t.Complete(op)
	}
	if op.kind == kindProcess && op.on.Load() != r.own {
		op.ends()
	}
	h := op.h
	op.h = nil
	op.state.Store(opIdle)
	defer r.settled()
	h.Complete(op)
}

// signal wakes the goroutine that waits for op.
func (r *Ring) signal(op *Op) {
	w := op.h.(*waiter)
	counted := op.flags&opCounted != 0
	op.state.Store(opIdle)
	if counted {
		r.settled()
	}
	w.ch <- struct{}{} // has room
}

// settled takes one operation off the ring's debt.
func (r *Ring) settled() {
	if r.pending.Add(-1) != 0 || r.state.Load() == ringOpen {
		return
	}
	r.mu.Lock()
	if r.idle != nil {
		close(r.idle)
		r.idle = nil
	}
	r.mu.Unlock()
	r.rouse()
}

// left says whether step has something to do without waiting.
func (r *Ring) left() bool {
	if r.out.head != nil || r.next < r.got || r.line != nil {
		return true
	}
	b := &r.inbox
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.done.head != nil || b.first != nil || b.fed.Load()
}

// wait takes new events: without block only what is there, else it waits for
// one, for the next deadline, or to be roused. Events that were not handled
// yet come first.
func (r *Ring) wait(block bool, ctx context.Context, v *view) {
	if r.next < r.got {
		return
	}
	if r.woke {
		// The goroutines that were woken have more use for the P now than a
		// poller that has nothing to hand over.
		r.woke = false
		runtime.Gosched()
	}
	r.got, r.next = 0, 0
	if !block {
		r.got = r.fetch(0)
		r.waited()
		return
	}
	var stop func() bool
	if ctx != nil && ctx.Done() != nil {
		stop = context.AfterFunc(ctx, r.rouse)
	}
	r.sleep.Store(asleep)
	next := r.times.next()
	if r.left() || r.kicked.Load() || r.over() || ctx != nil && ctx.Err() != nil || v.news() {
		next = 1
	}
	r.doze(next)
	r.sleep.Store(awake)
	if stop != nil {
		stop()
	}
	r.waited()
}

// over says whether the poller must not sleep because the ring can end.
func (r *Ring) over() bool {
	return r.state.Load() == ringClosed && (!r.closing || r.swept.Load() && r.pending.Load() == 0)
}

// doze waits until a time on the ring's clock, or without limit when it is 0.
func (r *Ring) doze(until int64) {
	left := int64(-1)
	if until != 0 {
		left = max(until-r.k.Now(), 0)
	}
	if r.nest == nil || left == 0 {
		r.got = r.fetch(left)
		return
	}
	if r.stale || r.limit != until {
		r.nest.Until(left)
		r.limit, r.stale = until, false
		if r.sleep.Load() != asleep {
			// A wake that came before Until is undone by it. Who rouses from
			// now on comes after; one that is still under way wakes the next
			// doze for nothing.
			r.got, r.stale = r.fetch(0), true
			return
		}
	}
	r.nest.Wait(r.look)
	// No event: its time has come, or it was woken. Both have to be undone.
	r.stale = r.got == 0
}

// fetch gets events from the poller.
func (r *Ring) fetch(timeout int64) int {
	r.fetched.Add(1)
	return r.poll.wait(timeout)
}

func (r *Ring) waited() {
	r.stats.waits.Add(1)
	r.stats.events.Add(uint64(r.got))
	if t := r.trace; t != nil && t.Wait != nil {
		t.Wait(r.got)
	}
}
