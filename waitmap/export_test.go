package waitmap

// Slots returns how many slots the map's tables have in all.
func (m *Map[K, V]) Slots() (n int) {
	c := m.use()
	for i := range c.shards {
		n += len(c.shards[i].slots)
	}
	return n
}

// Timed returns how many deadlines the wheel has, and whether it has a timer.
func (m *Map[K, V]) Timed() (pending int, timer bool) {
	h := &m.use().wheel
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.pending, h.timer != nil
}

// Stored returns how many values the mailbox counts.
func (m *Map[K, V]) Stored() int { return int(m.use().stored.Load()) }

// ShardCount returns the number of shards.
func (m *Map[K, V]) ShardCount() int { return len(m.use().shards) }

// ShardOf returns the index of the shard of key, and the key's place in it.
func (m *Map[K, V]) ShardOf(key K) (shard int, home uint64) {
	c := m.use()
	_, hash := c.hash(key)
	return int(hash >> c.shift), hash & (1<<c.shift - 1)
}

// LockAll takes the lock of every shard, for tests of what needs none.
func (m *Map[K, V]) LockAll() (unlock func()) {
	c := m.use()
	for i := range c.shards {
		c.shards[i].mu.Lock()
	}
	return func() {
		for i := range c.shards {
			c.shards[i].mu.Unlock()
		}
	}
}

const BatchSize = batchSize
