package canceltree

// Clone returns a further handle on the node of t. The node stays until all of
// its handles are released. Clone panics if t is released.
func (t *Token) Clone() *Token {
	n := t.use("Clone")
	for {
		w := n.word.Load()
		switch handles(w) {
		case 0:
			panicReleased("Clone")
		case maxHandles:
			panic("canceltree: too many handles on one node")
		}
		if n.word.CompareAndSwap(w, w+handle) {
			return n.newHandle()
		}
	}
}

// newHandle returns a handle that is already counted.
func (n *Token) newHandle() *Token {
	h := n.pointer()
	if e := n.env(); e != nil && e.leak != nil && e.leak.sampled() {
		e.leak.attach(h, n, 1)
	}
	return h
}

// firstHandle returns the handle that goes to the maker of the node n. It is
// the node itself, but for one whose forgetting is to be noticed: the tree holds
// on to the node, so that handle must be something else.
func (n *Token) firstHandle() *Token {
	if n.ext.Load() == nil {
		return n
	}
	return n.watchedHandle()
}

func (n *Token) watchedHandle() *Token {
	e := n.env()
	if e == nil || e.leak == nil || !e.leak.sampled() {
		return n
	}
	n.word.And(^held)
	h := n.pointer()
	e.leak.attach(h, n, 2)
	return h
}

// pointer returns a handle on n that stands apart from it.
func (n *Token) pointer() *Token {
	return makeToken(n, valid|clone|held)
}
