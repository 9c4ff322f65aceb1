package waitmap

import (
	"hash/maphash"
	"math/bits"
	"sync/atomic"
)

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
	seed    maphash.Seed
	xor     uint64 // from seed
	mul     uint64 // from seed, odd
	shift   uint   // 64 - log2(len(shards))
	top     uint64 // the bits of a hash from shift up
	lanes   uint   // log2 of how many shards a block of keys has; see hash
	shards  []shard[K, V]
	mailbox int64        // bound of stored
	stored  atomic.Int64 // values of Post in all shards
	closing atomic.Pointer[closing]
	wheel   wheel[K, V]

	spares int // how many unused waiters a shard keeps
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
		seed:    maphash.MakeSeed(),
		shift:   uint(64 - bits.TrailingZeros(uint(n))),
		shards:  make([]shard[K, V], n),
		mailbox: int64(o.Mailbox),
	}
	c.top = uint64(n-1) << c.shift
	c.lanes = lanes(n)
	c.xor = maphash.Comparable(c.seed, 0)
	c.mul = maphash.Comparable(c.seed, 1) | 1
	c.spares = max(minSpares, allSpares/n)
	c.wheel.tick = o.Tick
	if o.Tick == 0 {
		c.wheel.tick = defaultTick
	}
	c.wheel.fire = c.expire
	return c
}

// use returns the map's state, and makes it where this is the first use.
func (m *Map[K, V]) use() *state[K, V] {
	if c := m.state.Load(); c != nil {
		return c
	}
	return m.first()
}

func (m *Map[K, V]) first() *state[K, V] {
	m.state.CompareAndSwap(nil, newState[K, V](new(Options)))
	return m.state.Load() // of whoever came first
}

// hash panics if key holds something that is not comparable. It comes before
// any lock, and only where it passed are keys compared.
//
// The two types of which identifiers mostly are get two multiplications instead
// of the detour through the runtime's table of hash functions, which would be a
// quarter of the time that a wait takes.
//
// They also get shards that follow the keys, so that a goroutine that counts up
// its own range stays with a few shards for a while. With keys scattered over
// all shards, every second wait found a lock, a table and a waiter in the cache
// of the other processor: two goroutines did no more together than one alone.
// A block of consecutive keys has several shards, its lanes, and neighbours
// never the same one, so that those who draw from a common counter do not queue
// up at one lock. Blocks are scattered, and where in its table a key goes
// depends on all of its bits.
func (c *state[K, V]) hash(key K) uint64 {
	var word uint64
	switch k := any(key).(type) {
	case uint64:
		word = k
	case int:
		word = uint64(k)
	default:
		return maphash.Comparable(c.seed, key)
	}
	lanes := c.lanes & 63
	low := c.mix(word)
	top := c.mix(c.mix(word>>blockBits>>lanes)) ^ word&(1<<lanes-1)<<(c.shift&63)
	return low ^ (low^top)&c.top
}

// blockBits is log2 of how many keys of a block share a shard: it pays for
// fetching a shard from another processor.
const blockBits = 4

// lanes returns log2 of how many of n shards a block is spread over, about half
// the square root: as many as those who share a counter can use, and few enough
// to leave other blocks shards of their own.
func lanes(n int) uint { return uint(max(0, bits.Len(uint(n-1))/2-1)) }

// mix is a multiplication folded as in wyhash (Wang Yi). Both factors are the
// map's secret.
func (c *state[K, V]) mix(word uint64) uint64 {
	hi, lo := bits.Mul64(word^c.xor, c.mul)
	return hi ^ lo
}

// shard is chosen by the hash's top bits; the table in it uses the low ones.
func (c *state[K, V]) shard(hash uint64) *shard[K, V] {
	return &c.shards[hash>>c.shift]
}
