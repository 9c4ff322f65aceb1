package canceltree

// Any returns a token that is cancelled as soon as one of parents is, with its
// cause; at once if one is cancelled already. The Cancel of a parent reaches it
// before it returns. Its deadline is the earliest of the parents', a value is
// that of the first parent that has it, options are the first's that has any.
//
// Released parents contribute nothing. Without any parent left the result is a
// new root, with one it is a child.
//
// Any panics if a parent is nil.
func Any(parents ...*Token) *Token {
	nodes := distinct(parents)
	switch len(nodes) {
	case 0:
		return New()
	case 1:
		if c := newNode(nodes[0]); nodes[0].adopts(c) {
			return c.firstHandle()
		}
		return New()
	}
	e := &env{}
	for _, p := range nodes {
		e.merge(p.env())
	}
	a := newCarrier(nil, e)
	a.linkTo(nodes)
	return a.firstHandle()
}

// distinct returns the nodes of the handles that are not released, each once.
func distinct(parents []*Token) []*Token {
	var nodes []*Token
	seen := make(map[*Token]bool, len(parents))
	for _, t := range parents {
		if t == nil {
			panic("canceltree: Any with a nil Token")
		}
		n := t.node()
		if t.word.Load()&held == 0 || seen[n] {
			continue
		}
		seen[n] = true
		nodes = append(nodes, n)
	}
	return nodes
}

// adopts makes c a child of p, cancelled if p is. It returns false if p was
// released in the meantime.
func (p *Token) adopts(c *Token) bool {
	if p.admit(c) {
		return true
	}
	if p.word.Load()&released != 0 {
		return false
	}
	c.bear(p.finished())
	return true
}

// linkTo puts a link to the new node a below each of nodes. A link is a node
// without handles that moves up with its siblings when a parent is released;
// a Cancel that meets it goes on to a.
func (a *Token) linkTo(nodes []*Token) {
	var links []*Token
	for i, p := range nodes {
		l := newMark(p)
		l.ext.Store(&ext{own: true, target: a, order: i})
		if p.admit(l) {
			links = append(links, l)
		} else if p.word.Load()&released == 0 {
			a.cancel(p.finished(), true)
			break
		}
	}
	a.mu.Lock()
	gone := a.word.Load()&claimed != 0
	if !gone {
		a.ext.Load().carried.links = links
	}
	a.mu.Unlock()
	if gone {
		unlink(links)
	}
}

// unlink takes links out of the tree, but for those that a canceller has. The
// node that dissolves with a link, a relay that had nothing else below it, may
// have links in turn.
func unlink(links []*Token) {
	for len(links) > 0 {
		last := len(links) - 1
		l := links[last]
		links = links[:last]
		if l.cutOff() {
			links = append(links, l.dissolveUp(nil)...)
		}
	}
}

// cutOff marks the link l as one that leads nowhere any more. It returns false if
// somebody else has done so, or a canceller has l.
func (l *Token) cutOff() bool {
	for {
		w := l.word.Load()
		if w&(claimed|released) != 0 {
			return false
		}
		if l.word.CompareAndSwap(w, w|released|ended) {
			return true
		}
	}
}
