package waitmap

// Waiter is the memory of one wait, for those who bring it along
// ([Map.ReserveIn]), typically inside the struct that stands for the call.
//
// The zero value is ready. A Waiter serves one wait at a time, of any map of its
// type, and is free for the next one as soon as the result was taken or the
// wait cancelled, or the wait has ended with an error, and no Await, Result or
// Cancel of it is under way: an Await that another goroutine's Cancel has ended
// has to return first. It must not be copied after first use.
//
// A Waiter keeps the channel that an Await parked on, so that waiting again
// allocates nothing. For that reason a Waiter used inside a testing/synctest
// bubble must not be used outside of it.
type Waiter[K comparable, V any] struct {
	phase phase

	// Guarded by the lock of the shard that guards phase.
	key K
	val V
	// rest is the callback, a func(V, error), with notify; the error with
	// failed. Never both at once, and eight bytes count here: a Waiter of two
	// words is 64 bytes.
	rest any
	park *parker // where Await sleeps and Done's channel is; made on demand

	place place // in the wheel, and guarded by its lock
}

// claim starts a new use of a caller's waiter. It panics if the last one goes
// on, if a value lies in it that nobody has taken, or if somebody is just taking
// its error.
func (w *Waiter[K, V]) claim() (gen uint64) {
	s := w.phase.load()
	busy := s&(waiting|parked) != 0 || s&(done|failed) == done
	if busy || !w.phase.swap(s, next(s)|waiting|owned) {
		panic("waitmap: Waiter is in use")
	}
	w.forget()
	return next(s)
}

// hold keeps a caller's waiter, whose phase is s, from being used again while its
// error is taken: a wait that failed leaves it free, and claim takes no lock. It
// fails if claim came first. The lock is held; spend follows.
func (w *Waiter[K, V]) hold(s uint64) bool {
	return s&parked != 0 || w.phase.swap(s, s|parked)
}

// forget drops what the last wait was about, and the channel of its Done.
func (w *Waiter[K, V]) forget() {
	var (
		key K
		val V
	)
	w.key, w.val = key, val
	if w.rest != nil {
		w.rest = nil
	}
	if w.park != nil {
		w.park.done = nil
	}
}

// unpack turns a stored value that was unlinked into the result of a wait.
func (w *Waiter[K, V]) unpack() (gen uint64) {
	var zero K
	w.key = zero
	gen = next(w.phase.load())
	w.phase.store(gen | done)
	return gen
}
