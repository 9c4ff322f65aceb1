package waitmap

import "sync"

// parker is where an Await sleeps, made only when it really has to.
//
// There are three ways to sleep, for want of one that is free, can be left
// when a context ends, and survives a testing/synctest bubble:
//
//   - A context that cannot end: on cond, whose locker is the shard's lock and
//     whose condition is the waiter's phase. It allocates nothing, wakes as fast
//     as a channel, and may be used in a bubble and outside of it afterwards.
//   - A context that can end: on done, a channel of this one wait.
//   - The same with a caller's Waiter: on token, a channel with one slot that
//     stays with the Waiter. A token may be left over from a wait that its
//     context ended; who receives one looks whether his wait is over.
//
// A mutex as a semaphore was tried: slower than all of them, and a goroutine
// that is blocked on it keeps a bubble's clock from moving.
//
// A parker stays with its waiter, but among a shard's spares it has no channel: one
// that was made in a bubble would crash the next user outside of it.
type parker struct {
	// There is exactly one Signal for each sleep, since only the one who
	// unlinks the waiter gives it; so it may come after the lock was released
	// and yet never reaches a later sleeper.
	cond  sync.Cond
	token chan struct{}
	done  chan struct{} // what Ticket.Done returned; closed when the wait ends
}

// news is what is left to do for a wait that has ended, once no lock is held. It
// is filled in where it lies: the usual one, with nothing in it, would cost more
// to hand back than all else that a Wake does under the lock.
type news[V any] struct {
	any   bool           // there is something, besides cond
	done  chan struct{}  // close it
	token chan struct{}  // send a token
	cond  *sync.Cond     // signal it
	fn    func(V, error) // call it, last
}

// tell wakes who waits for the end. What it does not do is to run fn.
func (n *news[V]) tell() {
	if n.done != nil {
		close(n.done)
	}
	if n.token != nil {
		select {
		case n.token <- struct{}{}:
		default: // one is there already, and will do
		}
	}
	if n.cond != nil {
		n.cond.Signal()
	}
}

// deliver does all that is left to do.
func (n *news[V]) deliver(v V, err error) {
	n.tell()
	if n.fn != nil {
		n.fn(v, err)
	}
}

// closedChannel returns what Done returns for a wait that is over. It makes a
// new one each time since a shared one would have to be made at some first use,
// which may be in a bubble.
func closedChannel() <-chan struct{} {
	ch := make(chan struct{})
	close(ch)
	return ch
}
