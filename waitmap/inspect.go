package waitmap

import "iter"

// Len returns the number of waits that have not ended. It looks at one shard
// after the other: with other goroutines at work the sum need not have been
// true at any one moment.
func (m *Map[K, V]) Len() (n int) {
	c := m.use()
	for i := range c.shards {
		sh := &c.shards[i]
		sh.mu.Lock()
		n += sh.count - sh.stored
		sh.mu.Unlock()
	}
	return n
}

// Waiting reports whether somebody waits for key.
func (m *Map[K, V]) Waiting(key K) bool {
	c := m.use()
	top, hash := c.hash(key)
	sh := c.shard(top)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.count == 0 {
		return false
	}
	i, found := sh.find(hash, key)
	return found && sh.slots[i].w.phase.load()&waiting != 0
}

// Keys returns an iterator over the keys that somebody waits for, in no
// particular order. It is weakly consistent: a key with one wait throughout the
// iteration is yielded exactly once, one whose wait began or ended meanwhile
// once or not at all. The loop's body may use the map.
//
// The keys of one shard at a time are copied.
func (m *Map[K, V]) Keys() iter.Seq[K] {
	return func(yield func(K) bool) {
		c := m.use()
		for i := range c.shards {
			for _, e := range c.shards[i].list(waiting) {
				if !yield(e.key) {
					return
				}
			}
		}
	}
}

// TakeStored returns an iterator that removes what [Map.Post] has stored and
// yields it. Each value is removed just before it is yielded: when the loop is
// left early, the rest stays. It is weakly consistent as Keys is, works on a
// closed map too, and several goroutines that iterate at once share the values
// among them.
func (m *Map[K, V]) TakeStored() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		c := m.use()
		for i := range c.shards {
			sh := &c.shards[i]
			for _, e := range sh.list(stored) {
				if v, ok := sh.takeStored(e.hash, e.key); ok && !yield(e.key, v) {
					return
				}
			}
		}
	}
}

// takeStored removes the value stored for key, if it still is.
func (sh *shard[K, V]) takeStored(hash uint64, key K) (v V, ok bool) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.stored == 0 {
		return v, false
	}
	i, found := sh.find(hash, key)
	if !found {
		return v, false
	}
	box, err := sh.unbox(i)
	if err != nil {
		return v, false // a waiter by now
	}
	v = box.val
	sh.spend(box, box.phase.load())
	return v, true
}

type entry[K comparable] struct {
	hash uint64
	key  K
}

// list returns the entries of the shard with the given flag, waiting or stored.
func (sh *shard[K, V]) list(flag uint64) (list []entry[K]) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	n := sh.stored
	if flag == waiting {
		n = sh.count - sh.stored
	}
	if n == 0 {
		return nil
	}
	list = make([]entry[K], 0, n)
	for _, s := range sh.slots {
		if s.w != nil && s.w.phase.load()&flag != 0 {
			list = append(list, entry[K]{s.hash, s.w.key})
		}
	}
	return list
}
