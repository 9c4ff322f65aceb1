package canceltree

// A Registration is a callback of OnCancel that waits for its token. It belongs
// to the token, not to the handle that it was made through: it stays where it is
// when handles are released and never moves to another token.
//
// Registrations come from OnCancel; they must not be copied, and Stop may be
// called from any goroutine, from the callback, too.
type Registration struct {
	node       *Token
	prev, next *Registration // circular while registered; protected by node.mu
	on         func(cause error)
	after      func() // instead of on: to be started, also by the last Release
	stopped    bool   // protected by node.mu
}

// AfterFunc arranges for f to run in a goroutine of its own once t is cancelled
// or released, which is when Done is closed; at once if that has happened. The
// contract is that of [context.AfterFunc]: stop reports whether it kept f from
// running, and does not wait for it.
//
// AfterFunc panics if f is nil or t is released.
func (t *Token) AfterFunc(f func()) (stop func() bool) {
	n := t.use("AfterFunc")
	if f == nil {
		panic("canceltree: AfterFunc with a nil function")
	}
	r := &Registration{node: n, after: f}
	if !n.register(r, "AfterFunc") {
		go f()
	}
	return r.Stop
}

// OnCancel arranges for f to be called with the cause when t is cancelled: in the
// goroutine that cancels, after all of the cancelled tokens are marked and with
// no lock held. On a cancelled token it calls f before it returns. No goroutine
// is started. A deadline or a foreign context cancels in a goroutine of its own.
//
// If the last handle of t is released instead, f is dropped.
//
// f may do anything, Cancel and Release on tokens of the same tree included. While
// it blocks, only the Cancel that it runs in is kept from returning. If it panics,
// the other callbacks run, then the panic goes on in that goroutine.
//
// OnCancel panics if f is nil or t is released.
func (t *Token) OnCancel(f func(cause error)) *Registration {
	n := t.use("OnCancel")
	if f == nil {
		panic("canceltree: OnCancel with a nil function")
	}
	r := &Registration{node: n, on: f}
	if !n.register(r, "OnCancel") {
		f(n.Cause())
	}
	return r
}

// register adds r to the callbacks of n, unless n is cancelled.
func (n *Token) register(r *Registration, method string) bool {
	n.mu.Lock()
	w := n.word.add(laden)
	if w&(taken|released) != 0 {
		n.mu.Unlock()
		if w&released != 0 {
			panicReleased(method)
		}
		return false
	}
	e := n.ownExt()
	if first := e.calls; first == nil {
		r.prev, r.next = r, r
		e.calls = r
	} else {
		last := first.prev
		r.prev, r.next = last, first
		last.next, first.prev = r, r
	}
	n.mu.Unlock()
	return true
}

// Stop reports whether it kept the callback from running. It returns true once
// at most, and false if the callback has run, runs, is bound to run in a Cancel
// that is under way, or was dropped by Release. It does not wait.
func (r *Registration) Stop() bool {
	n := r.node
	n.mu.Lock()
	defer n.mu.Unlock()
	if r.stopped || n.word.Load()&(taken|released) != 0 {
		return false // what is taken is bound to run
	}
	r.stopped = true
	e := n.ext.Load()
	if r.next == r {
		e.calls = nil
	} else {
		r.prev.next, r.next.prev = r.next, r.prev
		if e.calls == r {
			e.calls = r.next
		}
	}
	r.prev, r.next = nil, nil
	return true
}

// takeCalls hands over all callbacks. The node's lock is held.
func (e *ext) takeCalls() *Registration {
	first := e.calls
	e.calls = nil
	return first
}

// calls is a queue of callbacks that were taken from their nodes.
type calls struct{ first, last *Registration }

// add appends the circular list that begins with r.
func (q *calls) add(r *Registration) {
	if r == nil {
		return
	}
	last := r.prev
	last.next = nil
	if q.first == nil {
		q.first = r
	} else {
		q.last.next = r
	}
	q.last = last
}

// pop takes the first callback off the queue, nil if there is none. It knows the
// others no longer: its user may keep it for long.
func (q *calls) pop() *Registration {
	r := q.first
	if r != nil {
		q.first = r.next
		r.prev, r.next = nil, nil
	}
	return r
}

// start starts the callbacks of AfterFunc, which nothing is to delay.
func (q calls) start() {
	for r := q.first; r != nil; r = r.next {
		if r.after != nil {
			go r.after()
		}
	}
}

// run calls the callbacks of OnCancel. One that panics or ends the goroutine
// does so after the rest has run.
func (q *calls) run() {
	defer func() {
		if q.first != nil {
			q.run()
		}
	}()
	for r := q.pop(); r != nil; r = q.pop() {
		if r.on != nil {
			r.on(r.node.Cause())
		}
	}
}
