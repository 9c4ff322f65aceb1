package canceltree

import "context"

// Cancel cancels t and everything below it, and reports whether this call did
// so. It returns false if t was cancelled before, or if this handle or the node
// is released; it then does nothing. A nil cause stands for context.Canceled.
//
// When Cancel returns true, all descendants are cancelled; it has waited for
// Cancel calls further down that were under way. A call that comes second
// returns false at once, although the first may not have reached all
// descendants yet: waiting for it would deadlock a callback.
//
// Callbacks of OnCancel run in this goroutine before Cancel returns, after
// everything is cancelled and with no lock held, ancestors first. A panic of
// one goes on here once the others have run.
func (t *Token) Cancel(cause error) bool {
	n := t.node()
	if t.word.Load()&held != 0 {
		e := endCanceled
		if cause != nil {
			e = newEnd(context.Canceled, cause)
		}
		if n.cancel(e, false) {
			return true
		}
	}
	n.settle()
	return false
}

// settle waits for the moment between the decision that n ends and the closing
// of its Done, so that whoever comes second sees n ended. Whoever came first
// does nothing in between that could wait for this goroutine.
func (n *Token) settle() {
	if w := n.word.Load(); w&(claimed|released) != 0 && w&ended == 0 {
		n.mu.Lock() // it may be in the making
		s := n.shadow.Load()
		n.mu.Unlock()
		<-s.done()
	}
}

// cancel cancels n and all below it. A relay, which has no handles any more,
// is cancelled only by what it carries itself (relay true).
//
// The walk needs no stack and no memory: nodes are taken over as whole lists
// of children and threaded into one list of work through the links that they
// have anyway.
func (n *Token) cancel(e *end, relay bool) bool {
	w := walk{end: e}
	if !w.claim(n, true, relay) {
		return false
	}
	w.finishAll(n)
	n.leaveParent()
	w.effects()
	return true
}

// A walk is one Cancel under way.
type walk struct {
	end   *end
	below *ext // the ext of cancelled nodes with the env last met

	work    *Token // nodes taken over, to be claimed; through next
	links   *Token // links met, whose targets are still to be claimed; through next
	waits   *Token // nodes found claimed by other walks; through next
	calls   calls
	carried *carried
}

// claim makes c this walk's and takes its children over. It returns false if c
// was claimed before. If c can be met by other walks, which is so where a walk
// begins (origin), those can wait for this one.
func (w *walk) claim(c *Token, origin, relay bool) bool {
	c.mu.Lock()
	if c.word.Load()&claimed != 0 {
		c.mu.Unlock()
		return false
	}
	w.label(c)
	word, ok := c.markClaimed(origin, relay)
	if !ok {
		c.mu.Unlock()
		return false
	}
	if word&taken == 0 {
		// Done is closed before the children are touched, so that a token is not
		// seen cancelled before its parent; and with no lock held, as the contexts
		// on top, of which there may be many, are cancelled with it. Until then c
		// takes children and callbacks as before.
		c.mu.Unlock()
		c.shadow.Load().cancel(w.end.cause)
		c.mu.Lock()
		c.word.Or(taken | ended)
	}
	w.takeOver(c)
	c.mu.Unlock()
	if word&(released|ended) == released {
		c.shadow.Load().cancel(ErrReleased) // the Release under way will find it done
	}
	return true
}

// label records the cause in c, whose lock is held.
func (w *walk) label(c *Token) {
	switch e := c.ext.Load(); {
	case e == nil:
		c.ext.Store(&w.end.bare)
	case e.own:
		e.end = w.end
	default:
		if w.below == nil || w.below.env != e.env {
			w.below = &ext{end: w.end, env: e.env}
		}
		c.ext.Store(w.below)
	}
}

// markClaimed sets the bits of a claimed node and returns the new word. With
// nothing to close, the node is claimed, taken and ended in one step. It fails if c
// was released, unless c is a relay to be cancelled all the same. c.mu is held.
func (c *Token) markClaimed(origin, relay bool) (word uint32, ok bool) {
	for {
		w := c.word.Load()
		if w&released != 0 && !relay {
			return w, false
		}
		set := w | claimed
		if w&(shadowed|released) != shadowed {
			set |= taken
		}
		if w&(shadowed|released) == 0 {
			set |= ended // whoever released it sets that
		}
		if origin && (c.kids != nil || set&ended == 0) {
			set |= walking // until Done is closed, too
		}
		if c.word.CompareAndSwap(w, set) {
			return set, true
		}
	}
}

// takeOver takes the children, the callbacks and what else c has to be undone.
// c.mu is held.
func (w *walk) takeOver(c *Token) {
	if first, last := c.take(); first != nil {
		last.next = w.work
		w.work = first
	}
	if e := c.ext.Load(); e.own {
		if c.word.Load()&released == 0 { // else they are the releaser's
			w.calls.add(e.takeCalls())
		}
		if k := e.carried; k != nil {
			e.carried = nil
			k.next, w.carried = w.carried, k
		}
	}
}

// drain claims all nodes that were taken over, and those that are taken over
// from them.
func (w *walk) drain() {
	for w.work != nil {
		c := w.work
		w.work = c.next
		c.next, c.prev = nil, nil
		if !w.claim(c, false, true) {
			c.next, w.waits = w.waits, c
		} else if c.ext.Load().target != nil {
			c.next, w.links = w.links, c
		}
	}
}

// An interrupted is a walk from one origin, put aside for one further down.
type interrupted struct{ origin, links, waits *Token }

// finishAll claims everything below the claimed node n and waits for what other
// walks have claimed there.
//
// A node with several parents can be met by several walks, so that each of
// these begins a walk of its own there, which the others wait for. Those are
// completed one by one, the innermost first: who waits for a walk then waits
// for what is below, never for what is beside.
func (w *walk) finishAll(n *Token) {
	var outer []interrupted
	for origin := n; ; {
		w.drain()
		if l := w.links; l != nil {
			w.links, l.next = l.next, nil
			a := l.ext.Load().target
			if w.claim(a, true, true) {
				outer = append(outer, interrupted{origin, w.links, w.waits})
				origin, w.links, w.waits = a, nil, nil
			} else {
				a.awaitWalk()
			}
			continue
		}
		for c := w.waits; c != nil; {
			next := c.next
			c.next = nil
			c.awaitWalk()
			c = next
		}
		origin.finishWalk()
		if len(outer) == 0 {
			return
		}
		o := outer[len(outer)-1]
		outer = outer[:len(outer)-1]
		origin, w.links, w.waits = o.origin, o.links, o.waits
	}
}

// finishWalk lets those go on who wait for the walk that began at n.
func (n *Token) finishWalk() {
	if n.word.Load()&walking == 0 {
		return
	}
	n.mu.Lock()
	n.word.And(^walking)
	fin := n.ext.Load().fin
	n.mu.Unlock()
	if fin != nil {
		close(fin)
	}
}

// awaitWalk waits until the walk that began at n has reached everything.
func (n *Token) awaitWalk() {
	n.mu.Lock()
	if n.word.Load()&walking == 0 {
		n.mu.Unlock()
		return
	}
	e := n.ownExt()
	if e.fin == nil {
		e.fin = make(chan struct{})
	}
	fin := e.fin
	n.mu.Unlock()
	<-fin
}

// leaveParent takes the cancelled node n out of its parent's list, now that all
// below it is cancelled. Earlier, a Cancel of an ancestor would have missed n and
// returned too early.
func (n *Token) leaveParent() {
	p := n.lockParent()
	if p == nil {
		return
	}
	if p.word.Load()&taken != 0 {
		p.mu.Unlock()
		return // n's links are the canceller's
	}
	p.cut(n)
	p.count--
	n.parent.Store(nil)
	idle := p.idle()
	p.mu.Unlock()
	if idle {
		p.dissolve(nil)
	}
}

// effects does what must be done with no lock held, once everything is
// cancelled and nobody waits for this walk: whatever happens in user code cannot
// keep anybody.
func (w *walk) effects() {
	w.calls.start()
	defer w.calls.run() // also if ending the link to a foreign context panics
	for k := w.carried; k != nil; k = k.next {
		k.drop()
		unlink(k.links)
	}
}
