package onceconn

// A Lease is one counted use of a connection, from [Map.Acquire] to
// [Lease.Release]. While it is held the connection is not closed for being idle,
// too old, replaced or evicted. (It may die, and [Map.Close] closes it.)
//
// The zero Lease holds nothing: Conn returns the zero C and Release does nothing.
// A Lease must not be copied after its first use, and is for one goroutine at a
// time; the connection may be used as its own type permits.
type Lease[C any] struct {
	live *live[C]
	over bool
}

// Conn returns the connection; the zero C after Release.
func (l *Lease[C]) Conn() C {
	if l.live == nil {
		var none C
		return none
	}
	return l.live.c
}

// Release ends the use. The last Release of a connection that is not handed out
// any more closes it before it returns. A second Release panics.
func (l *Lease[C]) Release() {
	if l.live == nil {
		if l.over {
			panic("onceconn: lease released twice")
		}
		return
	}
	held := l.live
	l.live, l.over = nil, true
	held.release()
}
