package aio

import "context"

// waiter is an operation of the blocking style: it is its own handler, which
// wakes the goroutine. Each ring keeps its own, so that those made in a
// testing/synctest bubble stay with a ring of that bubble.
type waiter struct {
	op   Op
	ch   chan struct{} // has room for the one signal
	ring *Ring
}

// Complete is not called: the ring signals ch.
func (w *waiter) Complete(*Op) {}

// waiter gives one that is ready to be prepared.
func (r *Ring) waiter() *waiter { return r.waiters.Get().(*waiter) }

// do runs the prepared operation to its end and gives the waiter back. The
// context ends it with its cause, unless the result stands already.
func (w *waiter) do(ctx context.Context) (n int, err error) {
	w.run(ctx)
	return w.put()
}

// put gives the waiter back.
func (w *waiter) put() (n int, err error) {
	n, err = w.op.n, w.op.err
	w.op.prep(kindNone, w.op.on.Load(), nil)
	w.ring.waiters.Put(w)
	return n, err
}

// run is do, but that the waiter and what the operation left in it are still
// the caller's.
func (w *waiter) run(ctx context.Context) {
	op := &w.op
	if ctx.Err() != nil {
		op.err = context.Cause(ctx)
		return
	}
	if op.begin(w, opBlocking) {
		op.state.Store(opIdle)
		return
	}
	w.await(ctx)
}

// proceed is run for a write of which n bytes are written already, by a caller
// who runs the direction still.
func (w *waiter) proceed(ctx context.Context, f *FD, n int) {
	op := &w.op
	op.h, op.n, op.tries = w, n, 0
	op.state.Store(opBusy)
	f.mu.Lock()
	op.flags = opBlocking
	f.wr.bits &^= dirDirect
	f.wr.jump(op)
	if f.run(&f.wr, op, nil) { // unlocks
		op.state.Store(opIdle)
		return
	}
	w.await(ctx)
}

// await waits for the signal, or cancels the operation with its context.
func (w *waiter) await(ctx context.Context) {
	if ctx.Done() == nil {
		<-w.ch
		return
	}
	w.awaitEither(ctx)
}

// awaitEither is not a part of await because a select takes much of a stack.
//
//go:noinline
func (w *waiter) awaitEither(ctx context.Context) {
	select {
	case <-w.ch:
	case <-ctx.Done():
		canceled := w.op.Cancel()
		<-w.ch
		if canceled {
			w.op.err = context.Cause(ctx)
		}
	}
}
