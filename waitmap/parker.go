package waitmap

import "sync"

// parker is where an Await sleeps, made only when it really has to.
//
// There are three ways to sleep, for want of one that is free, can be left
// when a context ends, and survives a testing/synctest bubble:
//
//   - A context that cannot end: on cond. It costs nothing, wakes as fast as a
//     channel, and may be used in a bubble and outside of it afterwards.
//   - A context that can end: on done, a channel of this one wait.
//   - A caller's Waiter: on token, a channel with one slot that stays with the
//     Waiter. A token may be left over from a wait that its context ended;
//     who receives one looks whether his wait is over before he believes it.
//
// A mutex as a semaphore was tried: slower than all of them, and a goroutine
// that is blocked on it keeps a bubble's clock from moving.
type parker struct {
	mu    sync.Mutex // protects woken
	cond  sync.Cond
	woken bool

	// Set under the shard's lock. token never changes after it was set.
	token chan struct{}
	done  chan struct{} // what Ticket.Done returned; closed when the wait ends
}

func newParker() *parker {
	p := new(parker)
	p.cond.L = &p.mu
	return p
}

// sleep returns when wake was called, once for each call.
func (p *parker) sleep() {
	p.mu.Lock()
	for !p.woken {
		p.cond.Wait()
	}
	p.woken = false
	p.mu.Unlock()
}

// wake ends the sleep of the one who is asleep, or about to be.
func (p *parker) wake() {
	if p.token != nil {
		select {
		case p.token <- struct{}{}:
		default: // one is there already, and will do
		}
		return
	}
	p.mu.Lock()
	p.woken = true
	// Under the lock: afterwards the parker may be another's.
	p.cond.Signal()
	p.mu.Unlock()
}

// closedChannel returns what Done returns for a wait that is over. It makes a
// new one each time since a shared one would have to be made at some first use,
// which may be in a bubble.
func closedChannel() <-chan struct{} {
	ch := make(chan struct{})
	close(ch)
	return ch
}
