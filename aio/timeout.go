package aio

import "time"

// PrepTimeout prepares an operation that completes after d, with a nil error.
// Repeated by Start without a new Prep it takes d again. It panics when d is
// negative. A million of them cost a few bytes each beside the Op, and one
// timer.
func (op *Op) PrepTimeout(r *Ring, d time.Duration) {
	if d < 0 {
		panic("aio: PrepTimeout with a negative duration")
	}
	op.prep(kindTimeout, r.own, nil)
	op.setDelay(d)
}

// The delay is kept in two fields that a timeout has no other use for: one of
// them has 32 bits on some systems.

func (op *Op) setDelay(d time.Duration) {
	op.size, op.arg = int(uint32(d)), int32(d>>32)
}

func (op *Op) delay() int64 { return int64(op.arg)<<32 | int64(uint32(op.size)) }

// empty ends what waits on the ring's own descriptor.
func (f *FD) empty() {
	var out opList
	f.mu.Lock()
	f.dismiss(&out)
	f.mu.Unlock()
	f.ring.finishAll(&out)
}

// submitTimeout parks op until its time. mu is held, and released.
func (f *FD) submitTimeout(op *Op) (finished bool) {
	op.when = f.ring.k.Now() + op.delay()
	f.enlist(op)
	f.park(op)
	f.mu.Unlock()
	return false
}
