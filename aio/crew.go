package aio

import (
	"runtime"
	"sync"
)

// crew is a ring's worker pool: goroutines that run what would block the
// poller. They start on demand, at most limit of them, and end when there is
// nothing to do.
//
//  1. An operation in the queue is busy, linked in its descriptor's lists too,
//     and has opSlow set. Whoever takes it out of the queue under mu owns it:
//     a worker, which runs it, or one that gives it up, through FD.regain.
//  2. An operation that a worker has taken cannot be given up any more.
//  3. The queue is empty or limit workers are alive or one of them is about
//     to look at it.
//
// Op.extra holds the links and inCrew, which mu protects. mu comes after
// FD.mu and is never held together with another of the ring's last locks.
type crew struct {
	mu         sync.Mutex
	head, tail *Op
	live       int
	limit      int
	wg         sync.WaitGroup
}

// crewLimit is the number of workers for Options.Workers.
func crewLimit(n int) int {
	if n == 0 {
		return max(4, 2*runtime.GOMAXPROCS(0))
	}
	return n
}

// push queues op. op.on's mu is held, so that op stays what it is.
func (c *crew) push(op *Op) {
	x := op.extra
	c.mu.Lock()
	defer c.mu.Unlock()
	x.inCrew, x.crewPrev, x.crewNext = true, c.tail, nil
	if c.tail == nil {
		c.head = op
	} else {
		c.tail.extra.crewNext = op
	}
	c.tail = op
	if c.live < c.limit {
		c.live++
		c.wg.Add(1)
		go c.work()
	}
}

// take gives the first of the queue to a worker, or ends the worker.
func (c *crew) take() *Op {
	c.mu.Lock()
	defer c.mu.Unlock()
	op := c.head
	if op == nil {
		c.live--
		return nil
	}
	c.cut(op)
	return op
}

// remove takes op out; false: a worker has it.
func (c *crew) remove(op *Op) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !op.extra.inCrew {
		return false
	}
	c.cut(op)
	return true
}

func (c *crew) cut(op *Op) {
	x := op.extra
	if x.crewPrev == nil {
		c.head = x.crewNext
	} else {
		x.crewPrev.extra.crewNext = x.crewNext
	}
	if x.crewNext == nil {
		c.tail = x.crewPrev
	} else {
		x.crewNext.extra.crewPrev = x.crewPrev
	}
	x.inCrew, x.crewPrev, x.crewNext = false, nil, nil
}

// work is a worker. A function of PrepCall that ends the goroutine gets
// another one in its place.
func (c *crew) work() {
	ended := false
	defer func() {
		if !ended {
			go c.work()
			return
		}
		c.wg.Done()
	}()
	for op := c.take(); op != nil; op = c.take() {
		op.on.Load().labour(op)
	}
	ended = true
}

// labour is a worker's turn with op, which it has taken from the queue.
func (f *FD) labour(op *Op) {
	f.mu.Lock()
	op.flags &^= opSlow
	if d := f.lane(op); d != nil {
		d.bits = d.bits&^dirStalled | dirRunning
		op.extra.slow = true
		f.run(d, nil, nil) // unlocks
		return
	}
	f.unlink(op)
	if op.kind == kindCall {
		f.mu.Unlock()
		f.ring.call(op)
		return
	}
	open := f.bits&fdClosed == 0
	if open {
		f.holds++
	}
	f.mu.Unlock()
	op.err = ErrClosed
	if open {
		op.err = nil
		op.extra.slow = true
		for op.run(f) == more {
		}
		f.unhold()
	}
	f.ring.finish(op)
}

// submitSlow takes in an operation that stands in no direction. mu is held,
// and released.
func (f *FD) submitSlow(op *Op) (finished bool) {
	if op.kind == kindReadAt || op.kind == kindWriteAt {
		return f.tryAt(op) // unlocks
	}
	f.enlist(op)
	f.engage(op)
	f.mu.Unlock()
	return false
}

// tryAt makes the call that does not wait, and leaves what would wait to the
// workers. mu is held, and released.
func (f *FD) tryAt(op *Op) (finished bool) {
	f.holds++
	f.mu.Unlock()
	v := op.run(f)
	for v == more {
		v = op.run(f)
	}
	f.mu.Lock()
	if v == slow && f.bits&fdClosed != 0 {
		v, op.err = done, ErrClosed
	}
	if v == slow {
		f.enlist(op)
		f.engage(op)
	} else {
		op.state.Store(opDone)
	}
	f.holds--
	last := f.leave()
	f.mu.Unlock()
	if last {
		_ = f.shut()
	}
	return v != slow
}

// offload leaves the head of a direction to the workers. mu is held.
func (f *FD) offload(d *dir, op *Op) {
	d.bits |= dirStalled
	f.engage(op)
}

// engage gives op to the workers. mu is held.
func (f *FD) engage(op *Op) {
	op.more()
	op.flags |= opSlow
	f.park(op)
	f.ring.crew.push(op)
}

// regain says whether op is its descriptor's to complete: it is not with the
// workers, or was called back from their queue. mu is held.
func (f *FD) regain(op *Op) bool {
	if op.flags&opSlow == 0 {
		return true
	}
	if !f.ring.crew.remove(op) {
		return false
	}
	op.flags &^= opSlow
	return true
}
