package canceltree

// A survey takes a snapshot of a tree that goes on changing. It stands in each
// list of children that it is going through with a cursor: a node without handles
// that keeps its place between the children whatever happens to these.
//
// Nothing is missed: children that move up go to the end of their new parent's
// list, behind the cursor that stands there, for the lists on the way down to
// the current node are all still open. Nothing is shown twice, as the nodes met
// are noted.
type survey struct {
	met       map[*Token]bool
	junctions map[*Token]*junction
	open      []open
}

// An open list of children.
type open struct {
	node   *Token
	cursor *Token // nil until the first step
	branch *branch
}

// snapshot returns the tree from n downwards.
func (n *Token) snapshot() *branch {
	s := survey{met: map[*Token]bool{}, junctions: map[*Token]*junction{}}
	i, _ := n.info()
	root := &branch{info: i}
	s.enter(n, root)
	for len(s.open) > 0 {
		o := &s.open[len(s.open)-1]
		x := o.step()
		if x == nil {
			o.leave()
			s.open = s.open[:len(s.open)-1]
			continue
		}
		s.visit(x, o.branch)
	}
	return root
}

// enter opens the list of n.
func (s *survey) enter(n *Token, b *branch) {
	s.met[n] = true
	s.open = append(s.open, open{node: n, branch: b})
}

// visit adds x, which was met below b's node, if it is new and live.
func (s *survey) visit(x *Token, b *branch) {
	if s.met[x] {
		return
	}
	if w := x.word.Load(); handles(w) == 0 && w&released == 0 { // a mark
		if e := x.ext.Load(); e != nil && e.target != nil {
			s.meet(e.target, &branch{order: e.order}, b)
		}
		return
	}
	if i, live := x.info(); live {
		k := &branch{info: i}
		b.kids = append(b.kids, k)
		s.enter(x, k)
	}
}

// meet adds a place at which a, a node with several parents, can be shown.
func (s *survey) meet(a *Token, alias, b *branch) {
	j := s.junctions[a]
	if j == nil {
		i, live := a.info()
		if !live {
			return
		}
		j = &junction{at: &branch{info: i}, first: alias}
		s.junctions[a] = j
		s.enter(a, j.at)
	} else if alias.order < j.first.order {
		j.first = alias
	}
	alias.alias = j
	b.kids = append(b.kids, alias)
}

// info describes n by itself, and reports whether n is in the tree and live, or
// a relay.
func (n *Token) info() (i Info, live bool) {
	n.mu.Lock()
	w, count := n.word.Load(), n.count
	n.mu.Unlock()
	i = Info{ID: n.id(), Name: n.name(), Handles: int(handles(w))}
	i.Relay = w&(released|claimed) == released && count > 0
	if w&(claimed|released) == 0 {
		return i, true // also if it ends now: an Info is of one moment
	}
	if e := n.finished(); e != nil {
		i.Err, i.Cause = e.err, e.cause
	}
	return i, i.Relay
}

// step returns the next child, or nil at the end, which comes early if the node
// was cancelled or left the tree: then its list belongs to somebody else.
func (o *open) step() *Token {
	p, c := o.node, o.cursor
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kids == nil {
		return nil
	}
	if c == nil {
		c = newMark(p)
		o.cursor = c
		p.push(c)
		p.kids = c // first rather than last
	} else if c.parent.Load() != p {
		return nil
	}
	x := c.next
	if x == p.kids {
		return nil
	}
	// Behind x.
	p.cut(c)
	c.prev, c.next = x, x.next
	x.next.prev, x.next = c, c
	return x
}

// leave takes the cursor out of whatever list it is in now, once and for all.
func (o *open) leave() {
	c := o.cursor
	if c == nil {
		return
	}
	if p := c.lockParent(); p != nil {
		if p.word.Load()&taken == 0 {
			p.cut(c)
		}
		p.mu.Unlock()
	}
}
