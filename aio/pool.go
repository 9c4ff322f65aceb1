package aio

import (
	"context"
	"slices"
	"sync"
)

// A Pool has a fixed number of buffers of one size for what is received.
// Buffers are made at first use. When all are in use, whoever needs one waits
// its turn, in the order of asking: that is the back-pressure which keeps a
// server from growing. An operation takes a buffer only when there is something
// to put into it, so idle connections hold none. A Pool may serve any number of
// descriptors, rings and goroutines; it must not be copied.
//
//  1. A buffer is in free, or in use, or on its way to the first of waiting.
//  2. Who finds waiting not empty does not take a buffer but joins it.
//  3. After each step that leaves both free and waiting not empty, the ring of
//     the first who waits has been told to serve the pool.
type Pool struct {
	size  int
	count int
	none  Buf // of no bytes: says that a read has no buffer yet

	mu       sync.Mutex // after FD.mu; protects the fields below
	free     []*Buf
	made     int
	waiting  []poolWaiter
	failFast bool
}

// A poolWaiter is the head of a descriptor's reads, or a goroutine in Get.
type poolWaiter struct {
	f *FD
	c chan *Buf // has room for the one buffer
}

// NewPool makes a pool of count buffers of size bytes. It panics unless both
// are positive.
func NewPool(size, count int) *Pool {
	if size <= 0 || count <= 0 {
		panic("aio: NewPool of nothing")
	}
	p := &Pool{size: size, count: count}
	p.none.pool = p
	return p
}

// FailFast makes the pool answer ErrFull instead of letting anybody wait, and
// returns it. It is to be called before the pool is used.
func (p *Pool) FailFast() *Pool {
	p.mu.Lock()
	p.failFast = true
	p.mu.Unlock()
	return p
}

// Get returns a buffer, whole, with content that means nothing. It waits for
// one, unless the pool is FailFast: then the error is ErrFull. The other error
// is the context's cause.
func (p *Pool) Get(ctx context.Context) (*Buf, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	b, c := p.takeOrWait()
	switch {
	case b != nil:
		return b, nil
	case c == nil:
		return nil, ErrFull
	}
	select {
	case b = <-c:
		return b, nil
	case <-ctx.Done():
	}
	if p.withdraw(c) {
		return nil, context.Cause(ctx)
	}
	return <-c, nil // it was on its way
}

// takeOrWait gives a buffer, or the channel on which one will come, or neither
// when nobody may wait.
func (p *Pool) takeOrWait() (*Buf, chan *Buf) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b := p.pick(); b != nil || p.failFast {
		return b, nil
	}
	c := make(chan *Buf, 1)
	p.waiting = append(p.waiting, poolWaiter{c: c})
	return nil, c
}

// withdraw takes a goroutine out of the line; false: its buffer is sent.
func (p *Pool) withdraw(c chan *Buf) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.waiting, func(w poolWaiter) bool { return w.c == c })
	if i < 0 {
		return false
	}
	p.waiting = slices.Delete(p.waiting, i, i+1)
	return true
}

// take gives a buffer if one is free and nobody waits for it.
func (p *Pool) take() *Buf {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pick()
}

// pick is take with mu held.
func (p *Pool) pick() *Buf {
	if len(p.waiting) != 0 {
		return nil
	}
	return p.one()
}

// one gives a buffer that is free or can be made. mu is held.
func (p *Pool) one() *Buf {
	if n := len(p.free); n > 0 {
		b := p.free[n-1] // the warmest
		p.free = p.free[:n-1]
		return b.fresh()
	}
	if p.made == p.count {
		return nil
	}
	p.made++
	return (&Buf{pool: p, mem: make([]byte, p.size)}).fresh()
}

// join lets the reads of f wait for a buffer; false: there is one by now. f.mu
// is held.
func (p *Pool) join(f *FD) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) == 0 && (len(p.free) > 0 || p.made < p.count) {
		return false
	}
	p.waiting = append(p.waiting, poolWaiter{f: f})
	return true
}

// put takes a buffer back, and gives it to the first who waits.
func (p *Pool) put(b *Buf) {
	p.mu.Lock()
	p.free = append(p.free, b)
	next := p.serveGoroutines()
	p.mu.Unlock()
	if next != nil {
		next.feed(p)
	}
}

// serveGoroutines gives buffers to the goroutines in front of the line and
// returns the ring of the descriptor behind them, if there is a buffer for it.
// mu is held.
func (p *Pool) serveGoroutines() *Ring {
	for len(p.waiting) > 0 {
		w := p.waiting[0]
		if w.f != nil {
			if len(p.free) > 0 || p.made < p.count {
				return w.f.ring
			}
			return nil
		}
		b := p.one()
		if b == nil {
			return nil
		}
		p.waiting = slices.Delete(p.waiting, 0, 1)
		w.c <- b // has room
	}
	return nil
}

// forget takes a ring that has ended out of the line and returns the one that
// is to be told instead, if any.
func (p *Pool) forget(r *Ring) *Ring {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = slices.DeleteFunc(p.waiting, func(w poolWaiter) bool { return w.f != nil && w.f.ring == r })
	return p.serveGoroutines()
}

// next takes the first who waits, if it is a descriptor of r, and a buffer for
// it. Else it returns the ring that is to be told, if any.
func (p *Pool) next(r *Ring) (f *FD, b *Buf, other *Ring) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if other = p.serveGoroutines(); other != r {
		return nil, nil, other
	}
	f, b = p.waiting[0].f, p.one()
	p.waiting = slices.Delete(p.waiting, 0, 1)
	return f, b, nil
}

// serve hands out what is free to the descriptors of r in front of the line.
// The caller polls r.
func (p *Pool) serve(r *Ring) {
	for {
		f, b, other := p.next(r)
		if f == nil {
			if other != nil {
				other.feed(p)
			}
			return
		}
		var fresh opList
		if !f.give(p, b, &fresh) {
			b.Release() // f has changed its mind
		}
		r.arrive(&fresh)
	}
}
