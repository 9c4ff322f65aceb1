package canceltree

import "time"

// Child returns a new token below t: it is cancelled when t is, and not the
// other way round. Below a cancelled token it is cancelled already, with the
// same cause. Child panics if t is released.
func (t *Token) Child() *Token {
	p := t.use("Child")
	c := newNode(p)
	if !p.admit(c) {
		p.refuse(c, "Child")
	}
	return c.firstHandle()
}

// ChildNamed is Child with a name that Tree, Dump, DOT, String and leak reports show.
func (t *Token) ChildNamed(name string) *Token {
	p := t.use("ChildNamed")
	c := newNode(p)
	c.ext.Store(&ext{own: true, env: p.env(), name: name})
	p.place(c, "ChildNamed")
	return c.firstHandle()
}

// ChildTimeout is ChildDeadline with the deadline d from now.
func (t *Token) ChildTimeout(d time.Duration) *Token {
	return t.childDeadline(time.Now().Add(d), "ChildTimeout")
}

// ChildDeadline is Child with a deadline: at that time the new token is
// cancelled with context.DeadlineExceeded as its Err and its Cause, at once if
// the time is not in the future. If an ancestor has a deadline that is no
// later, that one counts and no timer is made. Releasing or cancelling the
// token stops the timer; a released token that has children keeps it for them.
func (t *Token) ChildDeadline(at time.Time) *Token {
	return t.childDeadline(at, "ChildDeadline")
}

func (t *Token) childDeadline(at time.Time, method string) *Token {
	p := t.use(method)
	inherited := p.env()
	if inherited != nil && !inherited.deadline.IsZero() && !at.Before(inherited.deadline) {
		c := newNode(p)
		p.place(c, method)
		return c.firstHandle()
	}
	e := inherited.with()
	e.deadline, e.expires = at, true
	c := newCarrier(p, e)
	p.place(c, method)
	c.startTimer(at)
	return c.firstHandle()
}

// startTimer cancels the new node c at the given time, or now if that is past.
func (c *Token) startTimer(at time.Time) {
	d := time.Until(at)
	if d <= 0 {
		c.cancel(endDeadline, true)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.word.Load()&claimed == 0 {
		// Under the lock, so that a Cancel of the parent finds the timer to stop.
		c.ext.Load().carried.timer = time.AfterFunc(d, func() { c.cancel(endDeadline, true) })
	}
}

// place puts the new node c below p; below a cancelled node it is cancelled.
func (p *Token) place(c *Token, method string) {
	if !p.admit(c) {
		p.refuse(c, method)
	}
}

// refuse makes c what it must be where p cannot admit it.
func (p *Token) refuse(c *Token, method string) {
	if p.word.Load()&released != 0 {
		panicReleased(method) // by another goroutine, in this moment
	}
	c.bear(p.finished())
}

// admit puts c, which was made for it, into the list of p, unless p is released or cancelled. Up to the moment in
// which its canceller takes the children, p can still be given one.
func (p *Token) admit(c *Token) bool {
	p.mu.Lock()
	if e := p.ext.Load(); e != nil && e.env != nil && c.ext.Load() == nil {
		c.ext.Store(e.inherited())
	}
	if p.word.add(laden)&(taken|released) != 0 {
		p.mu.Unlock()
		c.parent.Store(nil)
		return false
	}
	p.push(c)
	p.count++
	p.mu.Unlock()
	return true
}

// bear makes the new node c one that was cancelled from the start.
func (c *Token) bear(e *end) {
	switch x := c.ext.Load(); {
	case x == nil:
		c.ext.Store(&e.bare)
	case x.own:
		x.end, x.carried = e, nil
	default:
		c.ext.Store(&ext{end: e, env: x.env})
	}
	c.word.Or(claimed | taken | ended)
}
