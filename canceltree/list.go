package canceltree

// The list of children: circular, threaded through next and prev, so that the
// last child is found without a second pointer and the whole list can be handed
// over at once. All methods want p.mu held.

// push adds x as the last child.
func (p *Token) push(x *Token) {
	first := p.kids
	if first == nil {
		x.next, x.prev = x, x
		p.kids = x
		return
	}
	last := first.prev
	x.prev, x.next = last, first
	last.next, first.prev = x, x
}

// cut takes x out of the list.
func (p *Token) cut(x *Token) {
	if x.next == x {
		p.kids = nil // what x's links lead to is x
		return
	}
	x.prev.next, x.next.prev = x.next, x.prev
	if p.kids == x {
		p.kids = x.next
	}
	x.next, x.prev = nil, nil
}

// take hands over all children as a list that is no longer circular.
func (p *Token) take() (first, last *Token) {
	if p.kids == nil {
		return nil, nil
	}
	first, last = p.kids, p.kids.prev
	last.next = nil
	p.kids, p.count = nil, 0
	return first, last
}

// adopt moves the children of n, of which there are some, to the end of p's list,
// in which n is. n.mu is held, too.
func (p *Token) adopt(n *Token) {
	first, last := n.kids, n.kids.prev
	for x := first; ; x = x.next {
		x.parent.Store(p)
		if x == last {
			break
		}
	}
	head, tail := p.kids, p.kids.prev
	tail.next, first.prev = first, tail
	last.next, head.prev = head, last
	p.count += n.count
	n.kids, n.count = nil, 0
}

// disown makes the children of n roots. n.mu is held.
func (n *Token) disown() {
	for x, _ := n.take(); x != nil; {
		next := x.next
		x.next, x.prev = nil, nil
		x.parent.Store(nil)
		x = next
	}
}

// lockParent locks and returns the parent of x, nil if there is none. The
// parent may change until it is locked; it changes towards the root only, so the
// loop ends.
func (x *Token) lockParent() *Token {
	for {
		p := x.parent.Load()
		if p == nil {
			return nil
		}
		p.mu.Lock()
		if x.parent.Load() == p {
			return p
		}
		p.mu.Unlock()
	}
}
