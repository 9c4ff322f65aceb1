package waitmap

import "sync"

// shard is one independently locked part of a map.
type shard[K comparable, V any] struct {
	mu sync.Mutex // protects all below, and the waiters that belong here
	table[K, V]
	spares []*Waiter[K, V] // unused; they refer to nothing but a parker

	// The first 64 bytes change with every wait, these seldom.
	closed bool
	stored int          // of the entries, those that Post stored; the others are waits
	limit  int          // how many spares to keep
	c      *state[K, V] // the map that this is a part of

	_ [32]byte // 128 bytes: two processors that work on neighbours do not meet
}

// stock adds a spare waiter. It lets go of the lock while it allocates that.
func (sh *shard[K, V]) stock() {
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
// caller's or an Await is still inside: then that one calls spend again. The lock
// is held.
func (sh *shard[K, V]) spend(w *Waiter[K, V], s uint64) {
	w.forget()
	s = generation(s) | s&(owned|parked) | taken
	w.phase.store(s)
	if s&(owned|parked) != 0 {
		return
	}
	if len(sh.spares) < sh.limit {
		sh.spares = append(sh.spares, w)
	}
}

// parker returns the parker of w. The lock is held.
func (sh *shard[K, V]) parker(w *Waiter[K, V]) *parker {
	if w.park == nil {
		w.park = new(parker)
		w.park.cond.L = &sh.mu
	}
	return w.park
}

// vacant prepares to link a waiter for key: it returns the slot for it. If a
// value is stored for the key, that is unlinked and returned instead. The lock
// is held.
func (sh *shard[K, V]) vacant(key K, hash uint64) (i int, box *Waiter[K, V], err error) {
	if sh.closed {
		return 0, nil, sh.c.closing.Load().err
	}
	if sh.full() {
		sh.grow()
	}
	i, found := sh.find(hash, key)
	if found {
		box, err = sh.unbox(i)
	}
	return i, box, err
}

// unbox unlinks the stored value in slot i. The lock is held.
func (sh *shard[K, V]) unbox(i int) (box *Waiter[K, V], err error) {
	box = sh.slots[i].w
	if box.phase.load()&stored == 0 {
		return nil, ErrDuplicate
	}
	sh.remove(i)
	sh.stored--
	sh.c.stored.Add(-1)
	return box, nil
}

// end ends the wait for key with v, or with err if that is not nil. The lock is
// held, and after it was released the news are to be delivered.
func (sh *shard[K, V]) end(key K, hash uint64, v V, err error, n *news[V]) Outcome {
	if sh.closed {
		return Closed
	}
	if sh.count == 0 {
		return NoMatch
	}
	i, found := sh.find(hash, key)
	if !found {
		return NoMatch
	}
	w := sh.slots[i].w
	s := w.phase.load()
	if s&waiting == 0 {
		return NoMatch // a stored value
	}
	sh.remove(i)
	if s&(rare&^asleep) == 0 && err == nil {
		if s&asleep != 0 {
			n.cond = &w.park.cond
		}
		w.val = v
		w.phase.store(s&^waiting | done)
	} else {
		sh.settle(w, s, v, err, n)
	}
	return Woke
}

// settle writes the fate of w, which was just unlinked and whose phase is s, and
// notes in n who is to be told. The lock is held.
func (sh *shard[K, V]) settle(w *Waiter[K, V], s uint64, v V, err error, n *news[V]) {
	if s&rare != 0 {
		sh.note(w, s, n)
	}
	switch {
	case s&notify != 0:
		sh.spend(w, s) // the result goes to the callback at once
	case err == nil:
		w.val = v
		w.phase.store(s&^waiting | done)
	default:
		w.rest = err
		w.phase.store(s&^waiting | done | failed)
	}
}

// note notes in n who is to be told that w, whose phase was s, has ended, and
// takes it out of the wheel. The lock is held.
func (sh *shard[K, V]) note(w *Waiter[K, V], s uint64, n *news[V]) {
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
		sh.c.wheel.remove(w)
	}
	if s&notify != 0 {
		n.fn = w.rest.(func(V, error))
	}
}
