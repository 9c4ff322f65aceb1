package waitmap

import "sync/atomic"

// Map holds the waits for values of type V by keys of type K, at most one for
// each key.
//
// The zero value is ready to use, with the defaults of [Options]. A Map must
// not be copied after first use. All its methods may be called by any number of
// goroutines at once.
//
// Reserve, Wake, Cancel and a miss take the lock of one shard for a bounded,
// short time and allocate nothing in the long run; see each method for the
// exceptions. A reserved wait of small K and V takes about 100 bytes.
//
// Keys are compared with ==. As with Go's own maps, a key of an interface type
// that holds something not comparable, such as a slice, panics; it does so
// before the map is touched.
type Map[K comparable, V any] struct {
	// state is nil until the first use of a zero Map. Everything hangs on it
	// and not on Map, so that a Ticket needs but one pointer to find its way.
	state atomic.Pointer[state[K, V]]
}

// state is the inside of a Map.
//
// Invariants:
//
//  1. A waiter is linked (found in a table) if and only if its phase is
//     waiting or stored. Linking, unlinking, and a shard's closed flag change
//     under that shard's lock and nowhere else.
//  2. Whoever unlinks a waiter decides its fate and writes it (the result, or
//     "cancelled") before he releases the lock. Hence who finds a waiter
//     unlinked finds its fate written: nobody ever waits for another
//     goroutine to finish a sentence.
//  3. A result is taken under the same lock, by the one who moves the phase
//     from done to taken.
//  4. Who must be told (a sleeping Await, a Done channel, a callback) is
//     noted under the lock and told after it is released.
//  5. A closed shard holds no waiter. Since reserving looks at the same flag
//     under the same lock, no waiter can slip in behind a close, and no wake
//     can undo one. There is no second, global flag to disagree with it.
//  6. closing is set before the first shard is closed.
//  7. A waiter of the map's own never leaves its shard, so that even a ticket
//     that is long spent looks at it under the right lock.
//
// Lock order: shard.mu, then wheel.mu; never two shards, and nothing is taken
// under wheel.mu. Both are held for a bounded time (amortised: a table is
// rebuilt when it has doubled or shrunk), but for a shard's lock while that
// shard is closed or listed.
type state[K comparable, V any] struct {
	hashing[K]
	shards  []shard[K, V]
	mailbox int64        // bound of stored
	stored  atomic.Int64 // values of Post in all shards
	closing atomic.Pointer[closing]
	wheel   wheel[K, V]
}

// New returns a Map with the given options; nil means the defaults. It panics
// when an option is negative.
//
// Use New for a mailbox, another tick or another number of shards; otherwise
// the zero Map will do.
func New[K comparable, V any](opts *Options) *Map[K, V] {
	var o Options
	if opts != nil {
		o = *opts
	}
	o.check()
	m := new(Map[K, V])
	m.state.Store(newState[K, V](&o))
	return m
}

func newState[K comparable, V any](o *Options) *state[K, V] {
	n := o.shards()
	c := &state[K, V]{
		hashing: newHashing[K](n),
		shards:  make([]shard[K, V], n),
		mailbox: int64(o.Mailbox),
	}
	for i := range c.shards {
		c.shards[i].c = c
		c.shards[i].limit = max(minSpares, allSpares/n)
	}
	c.wheel.tick = o.Tick
	if o.Tick == 0 {
		c.wheel.tick = defaultTick
	}
	c.wheel.fire = c.expire
	return c
}

// use returns the map's state, and makes it where this is the first use. Reserve
// and Wake spell it out: it is a little too large for the compiler to inline, and
// a twentieth of their time.
func (m *Map[K, V]) use() *state[K, V] {
	c := m.state.Load()
	if c == nil {
		c = m.first()
	}
	return c
}

func (m *Map[K, V]) first() *state[K, V] {
	m.state.CompareAndSwap(nil, newState[K, V](new(Options)))
	return m.state.Load() // of whoever came first
}

// shard returns the shard of a key, given its hash or the top of it.
func (c *state[K, V]) shard(top uint64) *shard[K, V] {
	return &c.shards[top>>c.shift]
}
