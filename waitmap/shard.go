package waitmap

import "sync"

// shard is one independently locked part of a map.
type shard[K comparable, V any] struct {
	mu     sync.Mutex // protects all below, and the waiters in the table
	closed bool
	stored int // of the entries, those that Post stored; the others are waits
	table[K, V]

	_ [64]byte // keeps neighbours off this one's cache lines: 128 bytes in all
}

// news is what is left to do for a wait that has ended, once no lock is held.
type news[V any] struct {
	done    chan struct{}  // close it
	sleeper *parker        // wake him
	fn      func(V, error) // call it, last
}

// tell wakes who waits for the end. What it does not do is to run fn.
func (n *news[V]) tell() {
	if n.done != nil {
		close(n.done)
	}
	if n.sleeper != nil {
		n.sleeper.wake()
	}
}

// deliver does all that is left to do.
func (n *news[V]) deliver(v V, err error) {
	n.tell()
	if n.fn != nil {
		n.fn(v, err)
	}
}

// link adds w, which has begun, as the waiter for key. If a value is stored for
// the key, that is unlinked and returned instead, and belongs to the caller.
// at is the deadline of a timed waiter, nil for the others.
func (c *state[K, V]) link(w *Waiter[K, V], key K, hash uint64, at *deadline) (box *Waiter[K, V], err error) {
	sh := c.shard(hash)
	sh.mu.Lock()
	if sh.closed {
		sh.mu.Unlock()
		return nil, c.closing.Load().err
	}
	sh.room()
	i, found := sh.find(hash, key)
	if found {
		box, err = c.unbox(sh, i)
		sh.mu.Unlock()
		return box, err
	}
	sh.fill(i, hash, w)
	if at != nil {
		c.wheel.add(w, hash, at)
	}
	sh.mu.Unlock()
	return nil, nil
}

// unbox unlinks the stored value in slot i. The caller holds the lock.
func (c *state[K, V]) unbox(sh *shard[K, V], i int) (box *Waiter[K, V], err error) {
	box = sh.slots[i].w
	if box.phase.Load()&stored == 0 {
		return nil, ErrDuplicate
	}
	sh.remove(i)
	sh.stored--
	c.stored.Add(-1)
	return box, nil
}

// wake ends the wait for key with v, or with err if that is not nil.
func (c *state[K, V]) wake(key K, hash uint64, v V, err error) Outcome {
	sh := c.shard(hash)
	sh.mu.Lock()
	n, o := c.end(sh, key, hash, v, err)
	sh.mu.Unlock()
	if o == Woke {
		n.deliver(v, err)
	}
	return o
}

// end is wake for a caller who holds the lock, and does the rest.
func (c *state[K, V]) end(sh *shard[K, V], key K, hash uint64, v V, err error) (n news[V], o Outcome) {
	if sh.closed {
		return n, Closed
	}
	if sh.count == 0 {
		return n, NoMatch
	}
	i, found := sh.find(hash, key)
	if !found {
		return n, NoMatch
	}
	w := sh.slots[i].w
	s := w.phase.Load()
	if s&waiting == 0 {
		return n, NoMatch // a stored value
	}
	sh.remove(i)
	return c.settle(w, s, v, err), Woke
}

// settle writes the fate of w, which was just unlinked and whose phase is s.
// The caller holds the lock of the shard.
func (c *state[K, V]) settle(w *Waiter[K, V], s uint64, v V, err error) (n news[V]) {
	if s&rare != 0 {
		n = c.news(w, s)
		if s&notify != 0 {
			c.discard(w, s) // the result goes to fn at once
			return n
		}
	}
	s = s&^waiting | done
	if err == nil {
		w.val = v
	} else {
		w.err = err
		s |= failed
	}
	w.phase.Store(s)
	return n
}

// news notes who is to be told that w, whose phase was s, has ended, and takes
// it out of the wheel. The caller holds the lock of the shard.
func (c *state[K, V]) news(w *Waiter[K, V], s uint64) (n news[V]) {
	if s&watched != 0 {
		n.done = w.park.done
	}
	if s&asleep != 0 {
		n.sleeper = w.park
	}
	if s&timed != 0 {
		c.wheel.remove(w)
	}
	n.fn = w.fn
	return n
}

// discard ends the use of a pooled waiter whom nobody waits on.
func (c *state[K, V]) discard(w *Waiter[K, V], s uint64) {
	w.forget()
	w.phase.Store(generation(s) | taken)
	c.free(w)
}
