package aio

import "sync"

// Cancel gives a pending operation up. true: it will complete with
// ErrCanceled, as any other through its handler, and its buffer is not touched
// any more. false: it is not pending, its result stands already, or a worker
// runs it, as it does calls and slow files; an operation that is pending then
// completes with that result. Cancel does not
// wait for anything but a system call that is under way and does not block.
func (op *Op) Cancel() bool {
	if op.state.Load() != opBusy {
		return false
	}
	f := op.on.Load()
	f.mu.Lock()
	if op.state.Load() != opBusy || op.on.Load() != f {
		f.mu.Unlock()
		return false
	}
	if f.runs(op) {
		if op.extra != nil && op.extra.slow { // a worker's call may take its time
			f.mu.Unlock()
			return false
		}
		op.flags |= opCancel
		wait := f.ring.gates.enter(op)
		f.mu.Unlock()
		return <-wait
	}
	if op.flags&opQueued == 0 || !f.regain(op) { // it is being started right now, or a worker begins
		f.mu.Unlock()
		return false
	}
	f.unlink(op)
	op.err = ErrCanceled
	f.mu.Unlock()
	f.ring.finish(op)
	return true
}

// gates let a caller wait for whoever runs a system call: a Cancel for the
// outcome, a Release and a Drain for the end. Entering is under the descriptor's lock,
// and so is the runner's look at the flag that says somebody entered.
type gates struct {
	mu   sync.Mutex // after fd.mu
	wait map[any][]chan bool
}

// enter returns where the answer for key will arrive.
func (g *gates) enter(key any) <-chan bool {
	c := make(chan bool, 1)
	g.mu.Lock()
	if g.wait == nil {
		g.wait = make(map[any][]chan bool)
	}
	g.wait[key] = append(g.wait[key], c)
	g.mu.Unlock()
	return c
}

// open answers everybody who waits for key.
func (g *gates) open(key any, answer bool) {
	g.mu.Lock()
	list := g.wait[key]
	delete(g.wait, key)
	g.mu.Unlock()
	for _, c := range list {
		c <- answer // has room
	}
}
