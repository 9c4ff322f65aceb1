package aio

import "sync/atomic"

// A Buf is a buffer of a [Pool], with a count of its users: who gets one from
// the package owns one use and gives it back with Release; Retain adds one for
// somebody else. The last Release returns the buffer to its pool, and the
// bytes belong to nobody from then on. Retain and Release may be called by
// any goroutine. Using a Buf after that panics as long as nobody else has got
// it meanwhile.
type Buf struct {
	pool *Pool
	mem  []byte // all of it
	n    int    // what of it is used
	uses atomic.Int32
}

// Bytes is the content: what was received, or all of a buffer from
// [Pool.Get]. The slice may be written to by a sole owner.
func (b *Buf) Bytes() []byte {
	b.alive("Bytes")
	return b.mem[:b.n]
}

// Truncate keeps the first n bytes of the content. It panics when n is
// negative or more than there is.
func (b *Buf) Truncate(n int) {
	b.alive("Truncate")
	if n < 0 || n > b.n {
		panic("aio: Buf truncated to more than it has, or to less than nothing")
	}
	b.n = n
}

// Retain adds a user.
func (b *Buf) Retain() {
	if b.uses.Add(1) <= 1 {
		b.uses.Add(-1)
		panic("aio: Retain of a Buf that was released")
	}
}

// Release takes a user away; the last one gives the buffer back.
func (b *Buf) Release() {
	switch n := b.uses.Add(-1); {
	case n == 0:
		b.pool.put(b)
	case n < 0:
		panic("aio: Buf released more often than it was retained")
	}
}

func (b *Buf) alive(what string) {
	if b.uses.Load() <= 0 {
		panic("aio: " + what + " of a Buf that was released")
	}
}

// fresh makes b the property of its next first user.
func (b *Buf) fresh() *Buf {
	b.n = len(b.mem)
	b.uses.Store(1)
	return b
}
