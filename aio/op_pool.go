package aio

import (
	"io"
	"slices"

	"example.com/interlock/aio/internal/sys"
)

// PrepReadPool prepares to read into a buffer of p, which is taken when there
// is something to read and not before. The result is the number of bytes, and
// Buf is the buffer, the caller's to release. With an error there is none;
// the end of a stream is io.EOF. If p is exhausted the operation waits for a
// buffer, or fails with ErrFull if p is FailFast. A nil Pool panics.
func (op *Op) PrepReadPool(f *FD, p *Pool) {
	if p == nil {
		panic("aio: PrepReadPool with a nil Pool")
	}
	op.prep(kindReadPool, f, nil)
	op.from = &p.none
}

// Buf is the buffer that a PrepReadPool was given, nil if that failed.
func (op *Op) Buf() *Buf {
	op.settled("Buf")
	return op.pooled()
}

// One field tells both the pool of a read and the buffer that it has got: an
// idle connection needs neither room for two nor an opExtra.

func (op *Op) pool() *Pool {
	if op.from == nil {
		return nil
	}
	return op.from.pool
}

func (op *Op) pooled() *Buf {
	if b := op.from; b != nil && b != &b.pool.none {
		return b
	}
	return nil
}

func (op *Op) setPooled(b *Buf) {
	if b == nil {
		b = &op.from.pool.none
	}
	op.from = b
}

func (op *Op) runReadPool(f *FD) verdict {
	b := op.pooled() // from the pool's line
	if b == nil {
		if b = op.pool().take(); b == nil {
			return op.starve(f)
		}
	}
	n, e := op.fetch(f, b.mem)
	if e == 0 && (n > 0 || !f.is(traitEOF)) {
		b.n, op.n = n, n
		op.setPooled(b)
		if n < len(b.mem) {
			return dry
		}
		return done
	}
	op.setPooled(nil)
	b.Release()
	if e != 0 {
		return op.fail(f, e)
	}
	op.err = io.EOF
	return done
}

func (op *Op) fetch(f *FD, p []byte) (int, sys.Errno) {
	if op.kind == kindRecvPool {
		return op.receive(f, p)
	}
	return f.recv(p, 0)
}

// starve is for a read without a buffer. If there is nothing to read it waits
// for that first.
func (op *Op) starve(f *FD) verdict {
	if now, e := f.ring.k.Poll(int(f.sysfd), sys.Readable); e == 0 && now == 0 {
		return again
	}
	if op.pool().fails() {
		op.err = ErrFull
		return done
	}
	return starved
}

func (p *Pool) fails() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failFast
}

// give runs the head of f's reads with a buffer of p, if it still waits for
// one. The caller polls the ring.
func (f *FD) give(p *Pool, b *Buf, out *opList) bool {
	f.mu.Lock()
	op := f.rd.head
	if op == nil || f.rd.bits&(dirStalled|dirRunning) != dirStalled || op.pool() != p || op.flags&(opRetry|opSlow) != 0 {
		f.mu.Unlock()
		return false
	}
	op.setPooled(b)
	f.rd.bits = f.rd.bits&^dirStalled | dirRunning
	f.run(&f.rd, nil, out) // unlocks
	return true
}

// feed tells the poller that p has buffers for who waits first.
func (r *Ring) feed(p *Pool) {
	b := &r.inbox
	b.mu.Lock()
	dead := b.dead
	if !dead && !slices.Contains(b.pools, p) {
		b.pools = append(b.pools, p)
		b.fed.Store(true)
	}
	b.mu.Unlock()
	if !dead {
		r.rouse()
	} else if next := p.forget(r); next != nil {
		next.feed(p)
	}
}

// feedAll serves the pools that have buffers.
func (r *Ring) feedAll() {
	b := &r.inbox
	if !b.fed.Load() {
		return
	}
	b.mu.Lock()
	pools := b.pools
	b.pools = nil
	b.fed.Store(false)
	b.mu.Unlock()
	for _, p := range pools {
		p.serve(r)
	}
}
