package waitmap

// Close is CloseWith(nil).
func (m *Map[K, V]) Close() { m.CloseWith(nil) }

// CloseWith ends the map: every wait, those that are registered and those still
// to come, ends with an error that Is [ErrClosed] and Is cause. A nil cause
// means just ErrClosed. The first CloseWith decides the cause; later ones change
// nothing, but like the first return only when every wait has ended.
//
// Err reports the error before the first wait ends with it. When CloseWith has
// returned, every Wake reports [Closed]. Values stored by [Map.Post] stay for
// [Map.TakeStored].
//
// The shards are closed one after the other, each in one pass under its own
// lock. Callbacks ([Map.Notify]) run when all shards are closed and all other
// waiters told.
func (m *Map[K, V]) CloseWith(cause error) {
	c := m.use()
	c.closing.CompareAndSwap(nil, closingWith(cause))
	err := c.closing.Load().err

	var calls []func(V, error)
	for i := range c.shards {
		calls = c.close(&c.shards[i], err, calls)
	}
	var zero V
	if r := each(len(calls), func(i int) { calls[i](zero, err) }); r != nil {
		panic(r)
	}
}

// close closes one shard. It adds the callbacks that are due to calls.
func (c *state[K, V]) close(sh *shard[K, V], err error, calls []func(V, error)) []func(V, error) {
	for _, n := range sh.sweep(err) {
		n.tell()
		if n.fn != nil {
			calls = append(calls, n.fn)
		}
	}
	return calls
}

// sweep ends all waits of a shard and leaves only what Post has stored.
func (sh *shard[K, V]) sweep(err error) (all []news[V]) {
	var zero V
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.closed = true
	if sh.count == sh.stored {
		return nil
	}
	old := sh.slots
	sh.table = table[K, V]{}
	for _, e := range old {
		if e.w == nil {
			continue
		}
		switch s := e.w.phase.load(); {
		case s&waiting == 0: // stored
			if sh.full() {
				sh.grow()
			}
			i, _ := sh.find(e.hash, e.w.key)
			sh.fill(i, e.hash, e.w)
		default:
			var n news[V]
			sh.settle(e.w, s, zero, err, &n)
			if n.any {
				all = append(all, n)
			}
		}
	}
	return all
}

// Err returns nil while the map is open, and then the error that its waits end
// with.
func (m *Map[K, V]) Err() error {
	if c := m.state.Load(); c != nil {
		if end := c.closing.Load(); end != nil {
			return end.err
		}
	}
	return nil
}
