package onceconn

import (
	"sync/atomic"
	"time"
)

// A live is one connection from the moment when its launch returned it until it
// is closed.
//
// Invariants:
//
//	L1  Once retired is set in word, no lease is added; so the number of leases
//	    falls, and reaches zero at most once after that.
//	L2  Whoever sets closed in word, and nobody else, closes the connection.
//	L3  doom is written once. After that nobody gets the connection.
//	L4  stamp is at most the value of the clock when it was last handed out, and
//	    not older than the one before: the clock moves in steps.
//	L5  mark is the clock only if a hit has nothing to do but to return c: it was
//	    alive and stamped at this tick, and there is no Healthy. Once it is dead it
//	    stays so.
type live[C any] struct {
	c       C
	mark    atomic.Int64          // all that a hit looks at
	doom    atomic.Pointer[error] // why it died; nil while it lives
	stamp   atomic.Int64          // the clock at the last hand-out
	clock   *atomic.Int64         // the Map's
	healthy func(C) bool          // Options.Healthy
	word    atomic.Int64          // leases<<2 | closed | retired
	home    keeper[C]             // the entry
	stop    func()                // ends the watch; nil if there is none
	asking  atomic.Bool           // askAgain waits for an answer of Busy

	opened   time.Time
	deadline int64 // end of its lifetime on the Map's time line, or never

	// Written before retired is set, read after.
	drop   bool // leave closing to the users
	polite bool // wait for Busy to say no

	// The entry's lock protects these.
	landed bool   // has been Open: before that it belongs to its flight
	probe  *probe // a Ping that runs
	told   bool   // the Evict hook has been called, or is about to be
	pacing *Error // what its early death made of the key, for the Backoff hook
}

// What word is made of.
const (
	retired int64 = 1 << iota // not handed out any more
	closed                    // somebody closes it, or has
	lease                     // one lease; the bits from here on count them
)

// Marks that are no time.
const (
	dead   int64 = -1
	unsure int64 = -2 // look before each hand-out
)

// keeper is what a live and its leases know of their entry: all but the type of
// the key.
type keeper[C any] interface {
	lastRelease(*live[C])
	evict(l *live[C], cause error) bool
	dropProbe(*live[C])
}

// conn is the connection, or, of nil, the zero C.
func (l *live[C]) conn() (c C) {
	if l != nil {
		c = l.c
	}
	return c
}

// acquire adds a lease unless l is retired.
func (l *live[C]) acquire() bool {
	for {
		w := l.word.Load()
		if w&retired != 0 {
			return false
		}
		if l.word.CompareAndSwap(w, w+lease) {
			return true
		}
	}
}

// release takes a lease back. By L1 the word is exactly retired only once, and
// then this was the last lease.
func (l *live[C]) release() {
	if now := l.clock.Load(); l.stamp.Load() != now {
		l.stamp.Store(now)
	}
	switch w := l.word.Add(-lease); {
	case w < 0:
		panic("onceconn: lease released twice")
	case w == retired:
		l.home.lastRelease(l)
	}
}

// set sets bits in the word and returns what it was.
func (l *live[C]) set(bits int64) (old int64) {
	for {
		old = l.word.Load()
		if l.word.CompareAndSwap(old, old|bits) {
			return old
		}
	}
}

func (l *live[C]) leases() int { return int(l.word.Load() / lease) }

func (l *live[C]) isDead() bool { return l.doom.Load() != nil }

// kill records the death. It reports whether it is news.
func (l *live[C]) kill(cause error) bool {
	news := l.doom.CompareAndSwap(nil, &cause)
	l.mark.Store(dead)
	return news
}

// trust lets hits go by the mark until the next tick. A kill in between wins.
func (l *live[C]) trust(now int64) {
	if old := l.mark.Load(); old != dead && l.healthy == nil {
		l.mark.CompareAndSwap(old, now)
	}
}
