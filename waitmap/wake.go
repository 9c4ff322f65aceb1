package waitmap

// Wake hands v to the one who waits for key.
//
// [Woke]: that wait has ended with v, and exactly one receiver gets it (see the
// package's guarantee). [NoMatch], [Closed]: v is still the caller's.
//
// A callback that waits for the key ([Map.Notify]) has run when Wake returns.
// Wake never blocks and never allocates, but for a table that is rebuilt when
// it has shrunk to an eighth.
func (m *Map[K, V]) Wake(key K, v V) Outcome {
	c := m.state.Load()
	if c == nil { // see use
		c = m.first()
	}
	return c.wake(key, v, nil)
}

// Fail ends the wait for key with an error: [Woke], or [NoMatch], or [Closed].
// Await, Result and a callback get err as it is; Cancel reports that nothing
// arrived. A nil err panics, since nobody could tell it from a value.
func (m *Map[K, V]) Fail(key K, err error) Outcome {
	if err == nil {
		panic("waitmap: Fail with a nil error")
	}
	var zero V
	return m.use().wake(key, zero, err)
}

// Post is Wake, but a value for a key that nobody waits for is stored
// ([Stored]) for the next who does: his wait begins with the value there, or
// his callback runs at once.
//
// The map stores at most one value for each key and at most [Options.Mailbox]
// in all; a value over that is refused ([Full]) and still the caller's. With no
// mailbox, which is the default, Post is Wake. A stored value stays until
// somebody waits for its key or [Map.TakeStored] fetches it; closing the map
// does not drop it. A key that is not equal to itself is never stored.
func (m *Map[K, V]) Post(key K, v V) Outcome {
	c := m.use()
	if c.mailbox == 0 || key != key {
		return c.wake(key, v, nil)
	}
	top, hash := c.hash(key)
	sh := c.shard(top)
	sh.mu.Lock()
	if len(sh.spares) == 0 {
		sh.stock()
	}
	var n news[V]
	o := sh.end(key, hash, v, nil, &n)
	if o == NoMatch {
		o = sh.store(key, hash, v)
	}
	sh.mu.Unlock()
	n.deliver(v, nil)
	return o
}

// store puts by the value of a key that nobody waits for. The lock is held.
func (sh *shard[K, V]) store(key K, hash uint64, v V) Outcome {
	if sh.full() {
		sh.grow()
	}
	i, found := sh.find(hash, key)
	if found || !sh.c.admit() {
		return Full
	}
	box, _ := sh.spare(stored)
	box.key, box.val = key, v
	sh.fill(i, hash, box)
	sh.stored++
	return Stored
}

// admit counts one more stored value unless the mailbox is full. It never counts
// too far and back again, which could refuse another's value for no reason.
func (c *state[K, V]) admit() bool {
	for {
		n := c.stored.Load()
		if n >= c.mailbox {
			return false
		}
		if c.stored.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// wake ends the wait for key with v, or with err if that is not nil.
func (c *state[K, V]) wake(key K, v V, err error) Outcome {
	top, hash := c.hash(key)
	sh := c.shard(top)
	var n news[V]
	sh.mu.Lock()
	o := sh.end(key, hash, v, err, &n)
	sh.mu.Unlock()
	if n.any {
		n.deliver(v, err)
	} else if n.cond != nil {
		n.cond.Signal()
	}
	return o
}
