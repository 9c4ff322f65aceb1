package waitmap

import (
	"math/bits"
	"runtime"
	"time"
)

// Options tunes a [Map] made by [New]. The zero value, like nil, means the
// defaults, which are also those of a Map's zero value.
type Options struct {
	// Shards is how many independently locked parts the map has, rounded up to
	// a power of two and at most 65536. A shard costs 128 bytes, two times as much
	// again once a key was in it, and up to two kilobytes for its table after more.
	// Besides, a map keeps up to 8192 waits that are over for the next ones, or 16
	// for each shard if that is more: about 70 bytes each with small keys and values,
	// and 150 if an Await has slept in it.
	// 0 chooses 32 for each processor that Go may use (GOMAXPROCS), and 64 at least.
	// A program with thousands of small maps, say one for each connection, is
	// better off with 1 or 2.
	Shards int

	// Mailbox is how many values [Map.Post] may store for keys that nobody
	// waits for yet, in the whole map. 0 means none.
	Mailbox int

	// Tick is the granularity of the deadlines of [Map.ReserveUntil].
	// 0 means one millisecond.
	Tick time.Duration
}

const (
	shardsPerProc = 32
	minShards     = 64 // of the default
	maxShards     = 1 << maxShardBits
	maxShardBits  = 16
	defaultTick   = time.Millisecond

	// Unused waiters that a map keeps for the next waits, and a shard at least:
	// what a block of keys needs in one.
	allSpares = 8192
	minSpares = 1 << laneBits
)

// shards returns the number of shards, a power of two.
func (o *Options) shards() int {
	n := o.Shards
	if n == 0 {
		n = max(minShards, shardsPerProc*runtime.GOMAXPROCS(0))
	}
	n = min(n, maxShards)
	return 1 << bits.Len(uint(n-1))
}

// check panics where an option makes no sense: that is a mistake in the
// program, nothing that happens at run time.
func (o *Options) check() {
	switch {
	case o.Shards < 0:
		panic("waitmap: negative Options.Shards")
	case o.Mailbox < 0:
		panic("waitmap: negative Options.Mailbox")
	case o.Tick < 0:
		panic("waitmap: negative Options.Tick")
	}
}
