package canceltree

import "context"

// FromContext returns a token that is a child of ctx: it is cancelled when ctx
// ends, with the same cause, and has the deadline and the values of ctx. Its Err
// is context.DeadlineExceeded if that was the error of ctx, else
// context.Canceled.
//
// If there is a Token behind ctx whose Done is the Done of ctx, then that token
// is the parent, and its Cancel reaches the new token before it returns.
// Otherwise ctx gets one registration (see [context.AfterFunc]) and its end
// arrives from a goroutine of that function's, soon after. FromContext starts no
// goroutine; package context starts one for a ctx whose type it does not know.
//
// FromContext panics if ctx is nil.
func FromContext(ctx context.Context) *Token {
	if ctx == nil {
		panic("canceltree: FromContext of a nil context")
	}
	if t, ok := ctx.(*Token); ok {
		if t == nil {
			panic("canceltree: FromContext of a nil Token")
		}
		p := t.node()
		c := newNode(p)
		if !p.admit(c) {
			c.bear(p.finishedFor())
		}
		return c.firstHandle()
	}
	return fromForeign(ctx)
}

func fromForeign(ctx context.Context) *Token {
	done := ctx.Done()
	p := tokenBehind(ctx, done)
	e := p.handedDown().with()
	e.values = []context.Context{ctx}
	if at, ok := ctx.Deadline(); ok {
		e.deadline, e.expires = at, true
	}
	e.expires = e.expires || p == nil && done != nil
	c := newCarrier(p, e)
	switch {
	case p != nil:
		if !p.admit(c) {
			c.bear(p.finishedFor())
		}
	case ctx.Err() != nil:
		c.bear(endOf(ctx))
	case done != nil:
		c.follow(ctx)
	}
	return c.firstHandle()
}

// tokenBehind returns the node that ends when ctx does, if there is one. Of a ctx
// that has ended it cannot be told: many that nobody had asked for Done before
// share one closed channel.
func tokenBehind(ctx context.Context, done <-chan struct{}) *Token {
	if done == nil || ctx.Err() != nil {
		return nil
	}
	t, _ := ctx.Value(tokenKey{}).(*Token)
	if t == nil || t.Done() != done {
		return nil
	}
	return t.node()
}

// handedDown is env for a node that may be nil.
func (n *Token) handedDown() *env {
	if n == nil {
		return nil
	}
	return n.env()
}

// follow cancels c when ctx ends. No lock is held while ctx is asked to
// register: its type may be anyone's.
func (c *Token) follow(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { c.cancel(endOf(ctx), true) })
	c.mu.Lock()
	gone := c.word.Load()&claimed != 0
	if !gone {
		c.ext.Load().carried.stop = stop
	}
	c.mu.Unlock()
	if gone {
		stop()
	}
}

// endOf returns how the ended context ctx ended.
func endOf(ctx context.Context) *end {
	cause := context.Cause(ctx)
	if err := ctx.Err(); err == context.DeadlineExceeded {
		return newEnd(err, cause)
	}
	return newEnd(context.Canceled, cause)
}

// finishedFor is how a context that follows the ended node p ends, after p: what
// was released looks cancelled from there.
func (p *Token) finishedFor() *end {
	p.settle()
	if e := p.finished(); e != endReleased {
		return e
	}
	return newEnd(context.Canceled, ErrReleased)
}
