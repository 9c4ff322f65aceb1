package canceltree

// relayChildren is the number of children up to which a released node hands
// them to its parent. With more it stays as a relay, until so many have gone: a
// Release moves this many links at most, and a relay stands for more than this
// many children, so that few are needed.
const relayChildren = 16

// Release gives the handle t up. It is idempotent: each handle counts once.
//
// With the last handle of a live node the children of the node move up to its
// parent, or become roots if it has none; its Done is closed, its Err is
// ErrReleased, callbacks of AfterFunc are started and those of OnCancel are
// dropped. A node with a deadline of its own, a link to a context outside or
// several parents stays as a relay for as long as it has children; so does, for a
// while, a node with many.
//
// After a Cancel there is nothing left to do for Release, and calling it is
// harmless; deferring it right after the token was made is the usual way.
func (t *Token) Release() {
	if t.word.Load() == leaf && t.word.CompareAndSwap(leaf, valid|released|ended) {
		t.unhook()
		return
	}
	t.release()
}

// unhook takes the released leaf t out of the tree, unless a canceller has it.
// Its own lock need not be held: nothing was added under it, and now nothing
// can be. Nor can anybody else ask for its parent any more.
func (t *Token) unhook() {
	p := t.lockParent()
	if p == nil {
		return
	}
	if p.word.Load()&taken != 0 {
		p.mu.Unlock()
		return
	}
	p.cut(t)
	p.count--
	t.parent.forget()
	idle := p.idle()
	p.mu.Unlock()
	if idle {
		p.dissolve(nil)
	}
}

func (t *Token) release() {
	n := t.node()
	if n != t {
		for {
			w := t.word.Load()
			if w&held == 0 {
				return
			}
			if t.word.CompareAndSwap(w, w&^held) {
				break
			}
		}
		if e := t.ext.Load(); e != nil {
			e.watch.stop()
		}
	}
	for {
		w := n.word.Load()
		if n == t && w&held == 0 {
			return
		}
		set := w - handle
		if n == t {
			set &^= held
		}
		last := handles(set) == 0 && w&claimed == 0
		if last {
			set |= released
			if w&shadowed == 0 {
				set |= ended
			}
		}
		if n.word.CompareAndSwap(w, set) {
			if last {
				n.retire(set)
			}
			return
		}
	}
}

// retire does what the last Release has to do after the node's word said so.
func (n *Token) retire(word uint32) {
	if word&shadowed != 0 {
		n.mu.Lock() // it may be in the making
		s := n.shadow.Load()
		n.mu.Unlock()
		s.cancel(ErrReleased)
		n.word.Or(ended)
	}
	var c calls
	n.dissolve(&c)
	c.start()
	for c.pop() != nil { // those of OnCancel are dropped
	}
}

// idle reports whether the released node n need not stay. Until its Done is closed
// it does, so that a Cancel from above that returns has met it. n.mu is held.
func (n *Token) idle() bool {
	if n.word.Load()&(released|ended|claimed) != released|ended {
		return false
	}
	if e := n.ext.Load(); e != nil && e.carried != nil {
		return n.count == 0
	}
	return n.count <= relayChildren
}

// dissolve takes the released node n out of the tree, unless it must stay or is
// a canceller's; then its parents, if those were relays that have now become
// idle, and so on. Whoever released n passes c to get the callbacks.
func (n *Token) dissolve(c *calls) { unlink(n.dissolveUp(c)) }

// dissolveUp is dissolve but for the links of the nodes that have gone, which it
// returns.
func (n *Token) dissolveUp(c *calls) (links []*Token) {
	for n != nil {
		p := n.lockParent()
		n.mu.Lock()
		if c != nil {
			if e := n.ext.Load(); e != nil && e.own {
				c.add(e.takeCalls())
			}
		}
		k, up := n.detach(p)
		n.mu.Unlock()
		if p != nil {
			p.mu.Unlock()
		}
		if k != nil {
			k.drop()
			links = append(links, k.links...)
		}
		n = up
	}
	return links
}

// detach moves the children of n to p, which may be nil, and n out of p's list,
// if n is idle and not in the hands of a canceller. It returns what n
// carried, and p if that is idle now. Both are locked.
func (n *Token) detach(p *Token) (k *carried, up *Token) {
	if !n.idle() || p != nil && p.word.Load()&taken != 0 {
		return nil, nil
	}
	if e := n.ext.Load(); e != nil && e.own {
		k, e.carried = e.carried, nil
	}
	if p == nil {
		n.disown()
		return k, nil
	}
	if n.kids != nil {
		p.adopt(n)
	}
	p.cut(n)
	p.count--
	n.parent.Store(nil)
	if p.idle() {
		up = p
	}
	return k, up
}
