package canceltree

import "time"

// Err returns nil while t is live; afterwards context.DeadlineExceeded if a
// deadline ended it, ErrReleased if the last handle was released before that,
// and context.Canceled in all other cases. It takes no lock.
func (t *Token) Err() error {
	if t.word.Load()&(valid|clone|claimed|released) == valid {
		return nil // so much is small enough to be inlined
	}
	return t.err()
}

func (t *Token) err() error {
	if e := t.node().finished(); e != nil {
		return e.err
	}
	return nil
}

// Cause returns nil while t is live; afterwards the error that was given to
// Cancel, or what [context.Cause] said of the context that t follows, or
// context.DeadlineExceeded, or ErrReleased. It takes no lock.
func (t *Token) Cause() error {
	if e := t.node().finished(); e != nil {
		return e.cause
	}
	return nil
}

// finished returns how n ended, nil if it did not.
//
// A node whose Done was asked for ends when that channel is closed, which the
// canceller does between claimed and ended; in between the channel itself says.
func (n *Token) finished() *end {
	w := n.word.Load()
	if w&(claimed|released) == 0 || w&ended == 0 && !n.shadow.Load().closed() {
		return nil
	}
	if w&released != 0 {
		return endReleased
	}
	return n.ext.Load().end
}

// Done returns a channel that is closed when t is cancelled, or when the last
// handle of its node is released. It is made when it is first asked for and is
// the same for all handles of a node.
func (t *Token) Done() <-chan struct{} {
	n := t.node()
	if s := n.shadow.Load(); s != nil {
		return s.done()
	}
	return n.makeDone()
}

func (n *Token) makeDone() <-chan struct{} {
	if s := n.makeShadow(); s != nil {
		return s.done()
	}
	return n.finished().context().Done()
}

// makeShadow returns the shadow of n, or nil if n ended without one.
func (n *Token) makeShadow() *shadow {
	n.mu.Lock()
	defer n.mu.Unlock()
	if s := n.shadow.Load(); s != nil {
		return s
	}
	var s *shadow
	for {
		w := n.word.Load()
		if w&ended != 0 {
			return nil
		}
		if s == nil {
			s = newShadow(n)
		}
		// The bit goes first: Release, which does not lock here, must either see it
		// or set ended before it. Cancellers are kept out by the lock.
		if n.word.CompareAndSwap(w, w|shadowed) {
			n.shadow.Store(s)
			return s
		}
	}
}

// Deadline returns the time at which t is cancelled by a deadline: the earliest
// of its own and those above it at its creation. It never changes.
func (t *Token) Deadline() (deadline time.Time, ok bool) {
	if e := t.node().env(); e != nil {
		return e.deadline, !e.deadline.IsZero()
	}
	return time.Time{}, false
}

// tokenKey is the key under which a Token finds itself behind other contexts.
type tokenKey struct{}

// Value returns the value of the context that t descends from by FromContext, if
// there is one. Of several parents the first that has a value counts. It never
// changes.
func (t *Token) Value(key any) any {
	n := t.node()
	if key == stdKey() {
		return n.standIn(key)
	}
	if key == (tokenKey{}) {
		return t
	}
	if e := n.env(); e != nil {
		for _, ctx := range e.values {
			if v := ctx.Value(key); v != nil {
				return v
			}
		}
	}
	return nil
}
