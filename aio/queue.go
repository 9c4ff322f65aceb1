package aio

import (
	"context"
	"iter"
	"sync"
)

// A Queue is a Handler that keeps completed operations until somebody takes
// them, in the order in which they completed. The zero value is ready; it must
// not be copied. Any number of operations, rings and goroutines may share one.
// With Manual rings the goroutine that waits polls them.
//
// While somebody waits, each of the Manual rings is polled, or somebody waits
// for its token: who waits acts on a view of the rings and starts anew when
// they have changed.
type Queue struct {
	mu      sync.Mutex // protects all
	list    opList
	rings   []*Ring       // the Manual rings of operations that were started with q; replaced, not changed
	signal  chan struct{} // has room for one: there may be something to take
	changed chan struct{} // closed when rings is replaced
}

// view is what one who waits goes by. Without a queue it is out of date when
// changed is closed.
type view struct {
	q               *Queue
	rings           []*Ring
	signal, changed chan struct{}
}

// Complete puts op into the queue. Rings call it.
func (q *Queue) Complete(op *Op) {
	q.mu.Lock()
	q.list.push(op)
	signal, rings := q.signal, q.rings
	q.mu.Unlock()
	ping(signal)
	for _, r := range rings { // who waits may sleep in any of them
		r.rouse()
	}
}

// ping tells one waiter; without a channel there is none.
func ping(signal chan struct{}) {
	if signal == nil {
		return
	}
	select {
	case signal <- struct{}{}:
	default: // told already
	}
}

// news says whether there is something to take, or the view is out of date.
func (v *view) news() bool {
	if v == nil {
		return false
	}
	if v.q == nil {
		select {
		case <-v.changed:
			return true
		default:
			return false
		}
	}
	v.q.mu.Lock()
	defer v.q.mu.Unlock()
	return v.q.list.head != nil || v.changed != v.q.changed
}

// serve learns of a ring.
func (q *Queue) serve(r *Ring) {
	if r.mode != Manual {
		return
	}
	q.mu.Lock()
	for _, known := range q.rings {
		if known == r {
			q.mu.Unlock()
			return
		}
	}
	q.replace(append(append([]*Ring(nil), q.rings...), r)) // unlocks
}

// forget lets go of a ring that has ended: it needs no poller to hand over
// what is left.
func (q *Queue) forget(r *Ring) {
	q.mu.Lock()
	var left []*Ring
	for _, other := range q.rings {
		if other != r {
			left = append(left, other)
		}
	}
	q.replace(left) // unlocks
}

// replace gives q other rings and tells all who wait. mu is held, and released.
func (q *Queue) replace(rings []*Ring) {
	old := q.rings
	q.rings = rings
	if q.changed != nil {
		close(q.changed)
		q.changed = nil
	}
	q.mu.Unlock()
	for _, r := range old {
		r.rouse()
	}
}

// Wait fills ops with completed operations and returns how many: at least one,
// or zero with the context's cause. It returns what there is without waiting
// for more. Several may wait at once; each operation goes to one of them. With
// an empty ops it returns 0, nil.
func (q *Queue) Wait(ctx context.Context, ops []*Op) (int, error) {
	if len(ops) == 0 {
		return 0, nil
	}
	for {
		n, v := q.take(ops)
		if n > 0 {
			return n, nil
		}
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		if err := v.wait(ctx); err != nil {
			return 0, err
		}
	}
}

// take moves what there is to ops.
func (q *Queue) take(ops []*Op) (n int, v view) {
	q.mu.Lock()
	for n < len(ops) && q.list.head != nil {
		ops[n] = q.list.pop()
		n++
	}
	if q.signal == nil {
		q.signal = make(chan struct{}, 1)
	}
	if q.changed == nil {
		q.changed = make(chan struct{})
	}
	rest := q.list.head != nil
	v = view{q, q.rings, q.signal, q.changed}
	q.mu.Unlock()
	if rest { // another waiter may have slept over it
		ping(v.signal)
	}
	return n, v
}

// wait waits until there may be news.
func (v *view) wait(ctx context.Context) error {
	switch len(v.rings) {
	case 0:
		select {
		case <-v.signal:
			return nil
		case <-v.changed:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	case 1:
		return v.poll(ctx, v.rings[0])
	}
	return v.pollAll(ctx)
}

// pollAll polls several rings: each but the first has a goroutine for so long.
func (v view) pollAll(ctx context.Context) error {
	part, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	for _, r := range v.rings[1:] {
		all.Go(func() {
			_ = v.poll(part, r)
			stop()
		})
	}
	_ = v.poll(part, v.rings[0])
	stop()
	all.Wait()
	return context.Cause(ctx)
}

// poll drives a ring until it did something or there is news.
func (v *view) poll(ctx context.Context, r *Ring) error {
	_, err := r.pollFor(ctx, batch, v)
	if err == ErrClosed {
		v.q.forget(r)
		return nil
	}
	return err
}

// All yields completed operations until the context ends. An Op may be started
// again in the loop's body.
func (q *Queue) All(ctx context.Context) iter.Seq[*Op] {
	return func(yield func(*Op) bool) {
		var one [1]*Op
		for {
			if n, _ := q.Wait(ctx, one[:]); n == 0 || !yield(one[0]) {
				return
			}
		}
	}
}
