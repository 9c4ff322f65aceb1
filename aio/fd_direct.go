package aio

import (
	"context"
	"io"
	"syscall"

	"example.com/interlock/aio/internal/sys"
)

// A goroutine of the blocking style makes its call itself when nobody is in
// front of it: it runs the direction, as whoever runs an Op does, but has no
// Op. One is needed for what waits, and for every end that is not the
// system's to tell: a closed descriptor, a deadline, a context. That the calls
// are few, and flat, lets a goroutine with little of its own on the stack live
// on the smallest stack that Go gives.

// enter lets the caller run d for one call; false: it takes an Op.
func (f *FD) enter(d *dir, deadline *int64) (tick uint32, ok bool) {
	f.mu.Lock()
	switch {
	case d.head != nil || d.bits&(dirRunning|dirStalled) != 0:
	case d.bits&dirDrained != 0 && d == &f.rd:
	case f.bits&fdClosed != 0 || f.ring.state.Load() != ringOpen:
	case *deadline != 0 && *deadline <= f.ring.k.Now():
	default:
		ok = true
		d.bits |= dirRunning | dirDirect
	}
	tick = d.tick
	f.mu.Unlock()
	return tick, ok
}

// exit ends the caller's run of d: whoever came meanwhile has his turn. mu is
// held, and released.
func (f *FD) exit(d *dir) {
	d.bits &^= dirDirect
	if d.head != nil && !f.rests(d) {
		f.run(d, nil, nil) // unlocks
		return
	}
	d.bits &^= dirRunning
	last := f.leave()
	f.mu.Unlock()
	if last {
		_ = f.shut()
	}
}

// readNow reads what there is. done is false when there is nothing, or when
// it takes an Op to tell.
func (f *FD) readNow(ctx context.Context, p []byte) (n int, done bool, err error) {
	if len(p) == 0 || f.kind == KindFile || ctx.Err() != nil {
		return 0, false, nil
	}
	d := &f.rd
	tick, ok := f.enter(d, &f.rdl)
	if !ok {
		return 0, false, nil
	}
	n, e := f.recv(p, 0)
	f.mu.Lock()
	switch {
	case e == 0 && n > 0 && n < len(p):
		f.tookAll(d, tick)
	case e == syscall.EAGAIN && d.tick == tick && f.bits&fdClosed == 0:
		// The Op that waits now need not try again.
		if f.ring.poll.arm(f, armRead) == 0 {
			f.drained(d)
		}
	}
	f.exit(d)
	if e == 0 && n == 0 && f.is(traitEOF) {
		return 0, true, io.EOF
	}
	return f.direct("read", n, e)
}

// writeNow writes some of p, or all of it. done is false when there is no
// room, or when it takes an Op to tell.
func (f *FD) writeNow(ctx context.Context, p []byte, all bool) (n int, done bool, err error) {
	if len(p) == 0 || f.kind == KindFile || ctx.Err() != nil {
		return 0, false, nil
	}
	d := &f.wr
	if _, ok := f.enter(d, &f.wdl); !ok {
		return 0, false, nil
	}
	n, e := f.send(p, 0)
	if e == 0 && all && n < len(p) {
		n, err = f.writeRest(ctx, p, n)
		return n, true, err
	}
	f.mu.Lock()
	f.exit(d)
	return f.direct("write", n, e)
}

// writeRest lets an Op write p from the n-th byte on. The caller runs the
// writing direction, so that nothing comes in between.
func (f *FD) writeRest(ctx context.Context, p []byte, n int) (int, error) {
	w := f.ring.waiter()
	w.op.PrepWriteAll(f, p)
	w.proceed(ctx, f, n)
	return w.put()
}

// direct is the result of a call; done is false when the call has to be made
// again.
func (f *FD) direct(name string, n int, e sys.Errno) (int, bool, error) {
	switch e {
	case 0:
		return n, true, nil
	case syscall.EAGAIN:
		return 0, false, nil
	case syscall.ENOBUFS, syscall.ENOMEM:
		f.short(e, 0) // the Op tries at once, and waits if that was no better
		return 0, false, nil
	}
	return 0, true, &OpError{name, "", e}
}
