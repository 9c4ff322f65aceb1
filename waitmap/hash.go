package waitmap

import (
	"hash/maphash"
	"math/bits"
	"reflect"
	"unsafe"
)

// hashing turns keys into hashes, of which the top bits choose the shard and the
// low ones the slot in its table.
//
// Identifiers are mostly integers, also of named types. They do not take the
// detour through the runtime's table of hash functions, which would be a quarter
// of the time that a wait takes, and their shards follow the keys: a goroutine
// that counts up its own range stays with a few shards for a while. With keys
// scattered over all shards, every second wait finds a lock, a table and a waiter
// in the cache of the other processor, and two goroutines do no more together
// than one alone.
//
// A block of consecutive keys has several shards, its lanes, and neighbours never
// the same one, so that those who draw from a common counter do not queue up at
// one lock. Blocks are spread by Fibonacci hashing (Knuth, The Art of Computer
// Programming, volume 3, 6.4), which whoever chooses the keys can see through: he
// may bring them into one shard, but in that one's table a secret scatters them.
type hashing[K comparable] struct {
	seed  maphash.Seed
	size  uintptr // of K in bytes if that is an integer of 32 or 64 bits, else 0
	xor   uint64  // secret
	mul   uint64  // secret, odd
	shift uint    // 64 - log2 of the number of shards
	block uint    // log2 of how many keys are a block
	lane  uint64  // how many shards a block has, less one
}

const (
	// laneBits is log2 of how many keys of a block share a lane: it pays for
	// fetching a shard from another processor.
	laneBits = 4

	// golden is 2^64 by the golden ratio.
	golden = 0x9e3779b97f4a7c15
)

// newHashing returns one with fresh secrets for n shards, a power of two.
func newHashing[K comparable](n int) hashing[K] {
	h := hashing[K]{seed: maphash.MakeSeed()}
	switch typ := reflect.TypeFor[K](); typ.Kind() {
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		h.size = typ.Size()
	}
	h.xor = maphash.Comparable(h.seed, 0)
	h.mul = maphash.Comparable(h.seed, 1) | 1
	shards := bits.TrailingZeros(uint(n))
	h.shift = uint(64 - shards)
	// About half the square root of the number of shards: as many lanes as those
	// who share a counter can use, and few enough to leave other blocks shards of
	// their own.
	lanes := max(0, shards/2-1)
	h.lane = 1<<lanes - 1
	h.block = uint(laneBits + lanes)
	return h
}

// hash returns the hash of key, and top, which leads to the same shard but is there
// before the hash is.
//
// It panics if key holds something that is not comparable. It comes before any
// lock, and only where it passed are keys compared.
func (h *hashing[K]) hash(key K) (top, hash uint64) {
	var word uint64
	switch h.size { // with a type switch, named types would be left out
	case 8:
		word = *(*uint64)(unsafe.Pointer(&key))
	case 4:
		word = uint64(*(*uint32)(unsafe.Pointer(&key)))
	default:
		hash = maphash.Comparable(h.seed, key)
		return hash, hash
	}
	top = word>>(h.block&63)*golden ^ word&h.lane<<(h.shift&63)
	// The first factor spreads keys with any stride, which a secret one does not
	// always.
	word = fold(word^h.xor, golden)
	return top, top ^ fold(word, h.mul)>>maxShardBits
}

// fold is a multiplication folded as in wyhash (Wang Yi).
func fold(x, y uint64) uint64 {
	hi, lo := bits.Mul64(x, y)
	return hi ^ lo
}
