package waitmap

import "sync"

// shard is one independently locked part of a map.
type shard[K comparable, V any] struct {
	mu sync.Mutex // protects all below, and the waiters that belong here
	table[K, V]
	spares []*Waiter[K, V] // unused; they refer to nothing but a parker

	// The first 64 bytes change with every wait, these seldom.
	closed bool
	stored int // of the entries, those that Post stored; the others are waits

	_ [48]byte // 128 bytes: two processors that work on neighbours do not meet
}

// stock locks the shard and sees to it that there is a spare waiter, which is
// allocated without the lock.
func (sh *shard[K, V]) stock() {
	sh.mu.Lock()
	if len(sh.spares) > 0 {
		return
	}
	sh.mu.Unlock()
	w := new(Waiter[K, V])
	sh.mu.Lock()
	if sh.spares == nil {
		sh.spares = make([]*Waiter[K, V], 0, 8) // a cache line, not part of one
	}
	sh.spares = append(sh.spares, w)
}

// spare begins a new use of a spare waiter; see stock.
func (sh *shard[K, V]) spare(flag uint64) (w *Waiter[K, V], gen uint64) {
	last := len(sh.spares) - 1
	w = sh.spares[last]
	sh.spares[last] = nil
	sh.spares = sh.spares[:last]
	gen = next(w.phase.load())
	w.phase.store(gen | flag)
	return w, gen
}

// spend ends the use of w, whose phase is s, and keeps it unless it is the
// caller's or an Await is still inside: then that one calls spend again. limit is
// how many spares to keep. The lock is held.
func (sh *shard[K, V]) spend(w *Waiter[K, V], s uint64, limit int) {
	w.forget()
	s = generation(s) | s&(owned|parked) | taken
	w.phase.store(s)
	if s&(owned|parked) != 0 {
		return
	}
	if len(sh.spares) < limit {
		sh.spares = append(sh.spares, w)
	}
}

// parker returns the parker of w. The lock is held.
func (sh *shard[K, V]) parker(w *Waiter[K, V]) *parker {
	if w.park == nil {
		w.park = new(parker)
	}
	w.park.cond.L = &sh.mu // a caller's Waiter may have been elsewhere
	return w.park
}

// vacant prepares to link a waiter for key: it returns the slot for it. If a
// value is stored for the key, that is unlinked and returned instead. The lock
// is held.
func (c *state[K, V]) vacant(sh *shard[K, V], key K, hash uint64) (i int, box *Waiter[K, V], err error) {
	if sh.closed {
		return 0, nil, c.closing.Load().err
	}
	sh.room()
	i, found := sh.find(hash, key)
	if found {
		box, err = c.unbox(sh, i)
	}
	return i, box, err
}

// unbox unlinks the stored value in slot i. The lock is held.
func (c *state[K, V]) unbox(sh *shard[K, V], i int) (box *Waiter[K, V], err error) {
	box = sh.slots[i].w
	if box.phase.load()&stored == 0 {
		return nil, ErrDuplicate
	}
	sh.remove(i)
	sh.stored--
	c.stored.Add(-1)
	return box, nil
}

// end ends the wait for key with v, or with err if that is not nil. The lock is
// held, and after it was released the news are to be delivered.
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
	s := w.phase.load()
	if s&waiting == 0 {
		return n, NoMatch // a stored value
	}
	sh.remove(i)
	if s&rare != 0 {
		n = c.news(w, s)
	}
	c.settle(sh, w, s, v, err)
	return n, Woke
}

// settle writes the fate of w, which was just unlinked and whose phase is s.
// The lock is held.
func (c *state[K, V]) settle(sh *shard[K, V], w *Waiter[K, V], s uint64, v V, err error) {
	switch {
	case s&notify != 0:
		sh.spend(w, s, c.spares) // the result goes to the callback at once
	case err == nil:
		w.val = v
		w.phase.store(s&^waiting | done)
	default:
		w.rest = err
		w.phase.store(s&^waiting | done | failed)
	}
}

// news notes who is to be told that w, whose phase was s, has ended, and takes
// it out of the wheel. The lock is held.
func (c *state[K, V]) news(w *Waiter[K, V], s uint64) (n news[V]) {
	n.any = true
	if s&watched != 0 {
		n.done = w.park.done
	}
	if s&pinged != 0 {
		n.token = w.park.token
	}
	if s&asleep != 0 {
		n.cond = &w.park.cond
	}
	if s&timed != 0 {
		c.wheel.remove(w)
	}
	if s&notify != 0 {
		n.fn = w.rest.(func(V, error))
	}
	return n
}
