package aio

import (
	"context"

	"example.com/interlock/aio/internal/sys"
)

// Wait blocks until at least one of the asked states holds. They are states:
// a second Wait for what still holds returns at once. It stands in no queue,
// reads nothing, and needs no buffer: HangUp tells of a dead peer while
// nobody reads. Errors: ErrClosed, a passed deadline (the read deadline, for
// Writable the write deadline), the context's cause.
func (f *FD) Wait(ctx context.Context, ask Interest) error {
	w := f.ring.waiter()
	w.op.PrepWait(f, ask)
	_, err := w.do(ctx)
	return err
}

// submitWait is submit for a wait. mu is held, and released.
func (f *FD) submitWait(op *Op) (finished bool) {
	if op.ask == Readable && f.rd.bits&(dirDrained|dirSticky) == dirDrained {
		// The last read took all there was: an edge will tell.
		f.enlist(op)
		f.park(op)
		f.mu.Unlock()
		return false
	}
	if f.holding(op) {
		op.state.Store(opDone)
		f.mu.Unlock()
		return true
	}
	if e := f.armWait(op.ask); e != 0 {
		op.err = &OpError{"wait", "", e}
		op.state.Store(opDone)
		f.mu.Unlock()
		return true
	}
	// The registration may be older than the last look: what happened in
	// between has been seen by the poller already, and left its mark in the
	// descriptor's state.
	if f.holding(op) {
		op.state.Store(opDone)
		f.mu.Unlock()
		return true
	}
	f.enlist(op)
	f.park(op)
	f.mu.Unlock()
	return false
}

// enlist puts op into the wait list. mu is held.
func (f *FD) enlist(op *Op) {
	op.flags |= opQueued
	op.prev, op.next = nil, f.waits
	if f.waits != nil {
		f.waits.prev = op
	}
	f.waits = op
}

// armWait registers for what a wait asks.
func (f *FD) armWait(ask Interest) sys.Errno {
	want := uint8(0)
	if ask&(Readable|HangUp|Priority) != 0 {
		want |= armRead
	}
	if ask&Writable != 0 {
		want |= armWrite
	}
	if ask&Priority != 0 {
		want |= armPri
	}
	e := f.ring.poll.arm(f, want)
	if ask&HangUp != 0 && !f.is(traitSocket) {
		// The end of a pipe that is written to hangs up on the other
		// filter, and may refuse this one.
		if f.ring.poll.arm(f, armWrite) == 0 {
			return 0
		}
	}
	return e
}

// holding looks at which of the asked states hold; if one does, or it cannot
// be told, op has its result.
func (f *FD) holding(op *Op) bool {
	got := sys.Ready(0)
	if f.bits&fdHup != 0 {
		got = sys.HangUp
	}
	now, e := f.ring.k.Poll(int(f.sysfd), sys.Ready(op.ask))
	if e != 0 {
		op.err = &OpError{"wait", "", e}
		return true
	}
	op.n = int((got | now) & sys.Ready(op.ask))
	return op.n != 0
}

// checkWaits completes the waits whose states hold after an event. sure: there
// is something to read, without asking.
func (f *FD) checkWaits(sure bool, out *opList) {
	for op := f.waits; op != nil; {
		next := op.next
		if (op.kind == kindWait || op.kind == kindProcess) && (sure && op.readable() || f.holding(op)) {
			f.unlink(op)
			out.push(op)
		}
		op = next
	}
}

// readable gives a wait for nothing but Readable its result.
func (op *Op) readable() bool {
	if op.kind != kindWait || op.ask != Readable {
		return false
	}
	op.n = int(Readable)
	return true
}

func (f *FD) unlinkWait(op *Op) {
	if op.prev == nil {
		f.waits = op.next
	} else {
		op.prev.next = op.next
	}
	if op.next != nil {
		op.next.prev = op.prev
	}
	op.prev, op.next = nil, nil
}
