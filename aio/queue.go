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
type Queue struct {
	mu     sync.Mutex // protects all
	list   opList
	rings  []*Ring       // the Manual rings of operations that were started with q
	signal chan struct{} // has room for one; made by the first who waits
}

// Complete puts op into the queue. Rings call it.
func (q *Queue) Complete(op *Op) {
	q.mu.Lock()
	q.list.push(op)
	signal, rings := q.signal, q.rings
	q.mu.Unlock()
	if signal != nil {
		q.ping()
	}
	for _, r := range rings { // who waits may sleep in any of them
		r.rouse()
	}
}

// ping tells one waiter. signal is constant once it is there.
func (q *Queue) ping() {
	select {
	case q.signal <- struct{}{}:
	default: // told already
	}
}

// some says whether there is something to take.
func (q *Queue) some() bool {
	if q == nil {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.list.head != nil
}

// serve learns of a ring.
func (q *Queue) serve(r *Ring) {
	if r.mode != Manual {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, known := range q.rings {
		if known == r {
			return
		}
	}
	q.rings = append(q.rings, r)
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
		n, rings := q.take(ops)
		if n > 0 {
			return n, nil
		}
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		if err := q.idle(ctx, rings); err != nil {
			return 0, err
		}
	}
}

// take moves what there is to ops.
func (q *Queue) take(ops []*Op) (n int, rings []*Ring) {
	q.mu.Lock()
	for n < len(ops) && q.list.head != nil {
		ops[n] = q.list.pop()
		n++
	}
	if q.signal == nil {
		q.signal = make(chan struct{}, 1)
	}
	rest := q.list.head != nil
	rings = q.rings
	q.mu.Unlock()
	if rest { // another waiter may have slept over it
		q.ping()
	}
	return n, rings
}

// idle waits until something may have come.
func (q *Queue) idle(ctx context.Context, rings []*Ring) error {
	switch len(rings) {
	case 0:
		select {
		case <-q.signal:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	case 1:
		return q.poll(ctx, rings[0])
	}
	return q.pollAll(ctx, rings)
}

// pollAll polls several rings: each but the first has a goroutine for so long.
func (q *Queue) pollAll(ctx context.Context, rings []*Ring) error {
	ctx, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	for _, r := range rings[1:] {
		all.Go(func() {
			_ = q.poll(ctx, r)
			stop()
		})
	}
	err := q.poll(ctx, rings[0])
	stop()
	all.Wait()
	if q.some() {
		return nil
	}
	return err
}

// poll drives a ring until it did something or the queue has something. A ring
// that has ended is forgotten: it needs no poller to complete what is left.
func (q *Queue) poll(ctx context.Context, r *Ring) error {
	_, err := r.pollFor(ctx, batch, q)
	if err != ErrClosed {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	left := make([]*Ring, 0, len(q.rings))
	for _, other := range q.rings {
		if other != r {
			left = append(left, other)
		}
	}
	q.rings = left
	return nil
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
