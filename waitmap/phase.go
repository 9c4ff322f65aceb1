package waitmap

import "sync/atomic"

// phase is the packed state of a waiter: a generation, which tells the tickets
// of one use from those of the next, above these flags.
//
// One of waiting, stored, done and taken is set, unless the waiter was never
// used.
const (
	waiting uint64 = 1 << iota // linked
	stored                     // linked, but no wait: a value that Post put by
	done                       // unlinked, with a result
	taken                      // unlinked and spent: the result was taken, or there is none

	failed  // with done: the result is an error
	parked  // an Await is inside, or somebody who takes the error of a caller's Waiter
	asleep  // it sleeps on park.cond
	pinged  // it sleeps on park.token
	watched // park.done is to be closed when the wait ends
	timed   // the wheel may know the waiter
	notify  // a callback waits
	owned   // the caller's memory, which the map does not keep

	flagBits = iota
	flags    = 1<<flagBits - 1
)

// rare are the flags that make ending a wait more than writing its result.
const rare = asleep | pinged | watched | timed | notify

// generation returns the part of a phase that a ticket carries.
func generation(s uint64) uint64 { return s &^ flags }

// next returns the generation after that of s.
func next(s uint64) uint64 { return generation(s) + 1<<flagBits }

// phase is written under the lock of the shard in which the waiter is, or was
// last, linked.
//
// For the map's own waiters that is always the same lock, so that a plain store
// will do; three times a round, an atomic one would cost as much as a lock.
// A caller's Waiter moves from shard to shard and from map to map: who holds an
// old ticket then looks at it under another lock than its user, and the words
// have to be atomic. An atomic load costs nothing, and is used for both.
type phase struct {
	_    [0]atomic.Uint64 // aligns word, also where uint64 is not by itself
	word uint64
}

func (p *phase) load() uint64 { return atomic.LoadUint64(&p.word) }

func (p *phase) store(s uint64) {
	if s&owned != 0 {
		atomic.StoreUint64(&p.word, s)
		return
	}
	p.word = s
}

func (p *phase) swap(old, new uint64) bool {
	return atomic.CompareAndSwapUint64(&p.word, old, new)
}
