package waitmap

import "sync/atomic"

// Waiter is the memory of one wait, for those who bring it along
// ([Map.ReserveIn]), typically inside the struct that stands for the call.
//
// The zero value is ready. A Waiter serves one wait at a time, of any map of its
// type, and is free for the next one as soon as the result was taken or the
// wait cancelled (that is, when Await, Result or Cancel returned), or when the
// wait has ended with an error. It must not be copied after first use.
//
// A Waiter keeps the channel that an Await parked on, so that waiting again
// allocates nothing. For that reason a Waiter used inside a testing/synctest
// bubble must not be used outside of it.
type Waiter[K comparable, V any] struct {
	// phase is a packed word: a generation, which tells the tickets of one use
	// from those of the next, and the flags below.
	//
	// It changes under the lock of the shard where the waiter is or was
	// linked, but for one case: the result of a pooled waiter on which nobody
	// is parked is taken by a bare compare and swap from done to taken, which
	// spares the usual call (the value was there before Await) a lock.
	phase atomic.Uint64

	// While phase is waiting or stored these belong to the shard's lock. After
	// that, to whoever moves phase to taken.
	key  K
	val  V
	err  error
	fn   func(V, error) // with notify
	park *parker        // where Await sleeps and Done's channel is; made on demand

	// Where the wheel has the waiter; guarded by the wheel's lock.
	place place
}

// Flags of a phase. One of waiting, stored, done and taken is set, unless the
// waiter was never used.
const (
	waiting uint64 = 1 << iota // linked
	stored                     // linked, but no wait: a value that Post put by
	done                       // unlinked; the result is in val, or in err with failed
	taken                      // unlinked; spent: the result was taken, or there never was one

	failed  // with done: the wait ended with err
	parked  // an Await is inside
	asleep  // it sleeps on the parker itself, not on Done's channel
	watched // park.done is to be closed when the wait ends
	timed   // the wheel may know the waiter
	notify  // a callback waits
	owned   // the caller's memory, which never goes to the pool

	flagBits = iota
	flags    = 1<<flagBits - 1
)

// rare are the flags that make ending a wait more than writing its result.
const rare = asleep | watched | timed | notify

// generation returns the part of a phase that a ticket carries.
func generation(phase uint64) uint64 { return phase &^ flags }

// begin starts a new use of a waiter that nobody else knows.
func (w *Waiter[K, V]) begin(flag uint64) (gen uint64) {
	gen = generation(w.phase.Load()) + 1<<flagBits
	w.phase.Store(gen | flag)
	return gen
}

// claim starts a new use of a caller's waiter. It panics if the last one goes
// on, or if a value lies in it that nobody has taken.
func (w *Waiter[K, V]) claim() (gen uint64) {
	s := w.phase.Load()
	busy := s&(waiting|stored|parked) != 0 || s&done != 0 && s&failed == 0
	gen = generation(s) + 1<<flagBits
	if busy || !w.phase.CompareAndSwap(s, gen|waiting|owned) {
		panic("waitmap: Waiter is in use")
	}
	w.forget()
	return gen
}

// forget drops what the last wait was about. The channel of Done was that
// wait's too; the parker stays.
func (w *Waiter[K, V]) forget() {
	var (
		key K
		val V
	)
	w.key, w.val, w.err, w.fn = key, val, nil, nil
	if w.park != nil {
		w.park.done = nil
	}
}
