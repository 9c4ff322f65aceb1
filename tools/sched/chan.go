package sched

import (
	"iter"

	"example.com/interlock/tools/sched/internal/core"
)

// A Chan is a modelled channel of any direction. A nil *Chan is a nil channel:
// operations on it block for ever. A channel made outside an exploration is a
// real one, and keeps working as such outside.
type Chan[T any] struct {
	h    core.Head
	real chan T
	buf  []T // a ring of h.Cap slots
	head int
}

// MakeChan is make(chan T, n).
//
//go:norace
func MakeChan[T any](n int) *Chan[T] {
	c := new(Chan[T])
	t := core.Now()
	if t == nil {
		c.real = make(chan T, n)
		c.h.Cap = n
		return c
	}
	if n < 0 {
		panic("makechan: size out of range")
	}
	c.h.Init(t, n)
	if n > 0 {
		c.buf = make([]T, n)
	}
	return c
}

// task returns the task that runs, after it made a channel from outside known
// to the model; nil outside an exploration.
//
//go:norace
func (c *Chan[T]) task() *core.Task {
	t := core.Now()
	if c == nil {
		return t
	}
	switch {
	case t == nil:
		if c.real == nil {
			panic("sched: a channel made in an exploration is used outside")
		}
	case c.real != nil:
		if c.h.Adopt() {
			c.buf, c.head = make([]T, c.h.Cap), 0
		}
	}
	return t
}

// outside is the channel for code outside an exploration.
func (c *Chan[T]) outside() chan T {
	if c == nil {
		return nil
	}
	return c.real
}

// Send is c <- v.
//
//go:norace
func (c *Chan[T]) Send(v T) {
	t := c.task()
	if t == nil {
		c.outside() <- v
		return
	}
	core.Send(t, &port[T]{c: c, v: v, send: true})
}

// Recv is <-c.
//
//go:norace
func (c *Chan[T]) Recv() T {
	v, _ := c.Recv2()
	return v
}

// Recv2 is v, ok := <-c.
//
//go:norace
func (c *Chan[T]) Recv2() (T, bool) {
	t := c.task()
	if t == nil {
		v, ok := <-c.outside()
		return v, ok
	}
	p := &port[T]{c: c}
	core.Recv(t, p)
	return p.v, p.ok
}

// Close is close(c).
//
//go:norace
func (c *Chan[T]) Close() {
	t := c.task()
	if t == nil {
		close(c.outside())
		c.h.Closed, c.h.Before = true, true
		return
	}
	if c == nil {
		(*core.Head)(nil).Close(t)
	}
	c.h.Close(t)
}

// Len is len(c).
//
//go:norace
func (c *Chan[T]) Len() int {
	if c == nil {
		return 0
	}
	t := c.task()
	if t == nil {
		return len(c.real)
	}
	return c.h.Count(t)
}

// Cap is cap(c).
//
//go:norace
func (c *Chan[T]) Cap() int {
	if c == nil {
		return 0
	}
	return c.h.Cap
}

// All is the range of for v := range c.
func (c *Chan[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for {
			v, ok := c.Recv2()
			if !ok || !yield(v) {
				return
			}
		}
	}
}

// A port is a task's end of an operation on the channel.
type port[T any] struct {
	c    *Chan[T]
	v    T
	ok   bool
	send bool
	to   *T
	toOK *bool
}

//go:norace
func (p *port[T]) At() *core.Head {
	if p.c == nil {
		return nil
	}
	return &p.c.h
}

//go:norace
func (p *port[T]) Sending() bool { return p.send }

//go:norace
func (p *port[T]) Push() {
	c := p.c
	k := (c.head + c.h.Len) % c.h.Cap
	c.h.Slot(k)
	c.buf[k] = p.v
	c.h.Len++
}

//go:norace
func (p *port[T]) Pop() {
	c := p.c
	c.h.Slot(c.head)
	p.take(c.buf[c.head], true)
	var zero T
	c.buf[c.head] = zero
	c.head = (c.head + 1) % c.h.Cap
	c.h.Len--
}

//go:norace
func (p *port[T]) Meet(q core.Port) { q.(*port[T]).take(p.v, true) }

//go:norace
func (p *port[T]) Zero() {
	var zero T
	p.take(zero, false)
}

//go:norace
func (p *port[T]) take(v T, ok bool) { p.v, p.ok = v, ok }

// deliver stores what a select received where its clause wants it; it is the
// task's own store, which the race detector sees.
func (p *port[T]) deliver() {
	if p.send {
		return
	}
	if p.to != nil {
		*p.to = p.v
	}
	if p.toOK != nil {
		*p.toOK = p.ok
	}
}
