package aio

import (
	"os"
)

// submit takes a busy Op in. true: it is done, and nobody else knows of it.
func (f *FD) submit(op *Op, mode opFlags) (finished bool) {
	r := f.ring
	f.mu.Lock()
	op.flags = mode
	due := f.due(op)
	switch {
	case f.bits&fdClosed != 0 || r.state.Load() != ringOpen:
		op.err = ErrClosed
	case due != 0 && due <= r.k.Now():
		op.err = os.ErrDeadlineExceeded
	case op.kind == kindWait || op.kind == kindProcess:
		return f.submitWait(op) // unlocks
	case op.kind == kindTimeout:
		return f.submitTimeout(op) // unlocks
	case (op.size == 0 || op.vectored()) && f.nothing(op):
	case op.aside():
		return f.submitSlow(op) // unlocks
	default:
		return f.enqueue(op) // unlocks
	}
	op.state.Store(opDone)
	f.mu.Unlock()
	return true
}

// nothing says that an operation with an empty buffer has nothing to do. An
// empty message is something.
func (f *FD) nothing(op *Op) bool {
	switch op.kind {
	case kindRead, kindReadFull, kindReadAt, kindWriteAt:
		return true
	case kindWrite, kindWriteAll:
		return f.kind != KindPacket
	case kindReadv, kindWritev:
		size, _ := measure(op.vector())
		return size == 0 && (op.kind == kindReadv || f.kind != KindPacket)
	}
	return false
}

// enqueue puts op into its direction and runs it if it is the head and may
// succeed. mu is held, and released.
func (f *FD) enqueue(op *Op) (finished bool) {
	d := f.lane(op)
	d.push(op)
	switch {
	case d.head != op || d.bits&(dirRunning|dirStalled) != 0:
		// Whoever runs or wakes the head goes on to this one.
	case f.rests(d):
		// An edge will tell. Writes are always tried: their hint costs
		// more when it is wrong than an EAGAIN.
	case op.flags&opBlocking == 0 && f.spent(d):
		f.ring.behind(f)
	default:
		d.bits |= dirRunning
		return f.run(d, op, nil) // unlocks
	}
	f.park(op)
	f.mu.Unlock()
	return false
}

// rests says that an edge will tell the head of d, if there is one, when to look
// again. Who asks with flags looks for something else than those before him did.
// mu is held.
func (f *FD) rests(d *dir) bool {
	if d != &f.rd || d.bits&dirDrained == 0 {
		return false
	}
	if d.head != nil && d.head.flagged() {
		d.bits &^= dirDrained
		return false
	}
	return true
}

// park makes op one that the ring knows of: counted, and in the deadlines.
// mu is held.
func (f *FD) park(op *Op) {
	if op.flags&opCounted == 0 {
		op.flags |= opCounted
		f.ring.pending.Add(1)
	}
	if due := f.due(op); due != 0 {
		f.schedule(op, due)
	}
}

// run drives a direction until its head has to wait, there is none, or the
// budget is spent. mu is held and the direction marked running; both end. The
// Op mine, if it completes, is left to the caller, who is told so; all others
// go to out if that is given (the poller's own list), else to whoever waits
// for them.
func (f *FD) run(d *dir, mine *Op, out *opList) (finished bool) {
	var own opList
	polled := out != nil
	if !polled {
		out = &own
	}
	for d.head != nil {
		op := d.head
		v, tick, n := again, d.tick, op.n
		if f.bits&fdClosed == 0 {
			f.mu.Unlock()
			v = op.run(f)
			f.mu.Lock()
			f.charge(d, op.n-n)
			if op.flagged() && op.arg&msgOOB != 0 {
				d.bits |= dirUrgent // the poller may never hear of what was fetched
			}
		}
		next := f.judge(d, op, v, tick)
		if next == stays {
			break
		}
		if next == ends {
			if op == mine {
				finished = true
			} else {
				out.push(op)
			}
			if f.rests(d) {
				break // an edge will tell the next one
			}
		} else if !polled && op.flags&opBlocking != 0 {
			continue // a goroutine that does its own work takes nobody's turn
		}
		if d.head != nil && f.spent(d) {
			d.head.idle()
			f.park(d.head)
			f.ring.behind(f)
			break
		}
	}
	d.bits &^= dirRunning
	last := f.leave()
	f.mu.Unlock()
	if last {
		_ = f.shut()
	}
	for op := own.pop(); op != nil; op = own.pop() {
		f.ring.finish(op)
	}
	return finished
}

// outcome is what becomes of a direction's head after a call.
type outcome uint8

const (
	ends  outcome = iota // it is done and out of the FIFO
	stays                // it waits for an edge or for its retry
	goes                 // its call is to be made again
)

// judge decides about the head after its call. mu is held, but not during
// another call that it may make.
func (f *FD) judge(d *dir, op *Op, v verdict, tick uint32) outcome {
	due := int64(0)
	if v > dry {
		due = f.due(op)
	}
	switch {
	case v == dry:
		f.tookAll(d, tick)
	case v == done:
	case f.bits&fdClosed != 0:
		op.err = ErrClosed
	case op.flags&opCancel != 0:
		op.err = ErrCanceled
	case due != 0 && due <= f.ring.k.Now():
		op.err = os.ErrDeadlineExceeded
	case v == more || v == again && d.tick != tick:
		return goes
	case v == later:
		f.stall(d, op, due)
		return stays
	case v == slow:
		f.offload(d, op)
		return stays
	case v == starved:
		op.idle()
		if !op.pool().join(f) {
			return goes
		}
		d.bits |= dirStalled
		f.park(op)
		return stays
	default:
		if e := f.ring.poll.arm(f, f.armFor(d)); e != 0 {
			// The peer may be gone so completely that there is
			// nothing to register; then a call says so better.
			f.mu.Unlock()
			v = op.run(f)
			f.mu.Lock()
			if v > dry {
				op.err = &OpError{kinds[op.kind].name, op.peerName(), e}
			}
			break
		}
		if !op.flagged() { // what it asks for says nothing of what others do
			f.drained(d)
		}
		op.idle()
		f.park(op)
		return stays
	}
	if op.flags&opCancel != 0 {
		f.ring.gates.open(op, op.err == ErrCanceled)
	}
	f.unlink(op)
	return ends
}

// tookAll notes that a read got less than it had room for. Only of a stream
// over a network does that say that there is no more: a unix socket's read ends
// behind a message that came with descriptors. With an end in sight, and where
// urgent data may be, it does not either. mu is held.
func (f *FD) tookAll(d *dir, tick uint32) {
	if f.armed&armPri != 0 && f.network() && d.tick == tick && d.bits&(dirSticky|dirUrgent) == 0 {
		f.drained(d)
	}
}

// network says whether f is a stream over a network.
func (f *FD) network() bool {
	return f.kind == KindStream && f.traits&(traitSocket|traitUnix) == traitSocket
}

// drained notes that there is nothing left of what d's last call saw. mu is
// held, and the descriptor registered.
func (f *FD) drained(d *dir) {
	d.bits |= dirDrained
	if d == &f.rd {
		f.seen = uint16(f.ring.fetched.Load())
	}
}

// stall makes the head wait for its retry. mu is held.
func (f *FD) stall(d *dir, op *Op, due int64) {
	d.bits |= dirStalled
	op.idle()
	f.park(op)
	op.flags |= opRetry
	at := f.ring.k.Now() + backoff(op.tries)
	if op.tries < 255 {
		op.tries++
	}
	if due != 0 {
		at = min(at, due)
	}
	f.schedule(op, at)
}

// idle says that no worker is at op any more: its next call must not block.
func (op *Op) idle() {
	if op.extra != nil {
		op.extra.slow = false
	}
}

// event takes in what the poller saw. Completions go to out.
func (f *FD) event(got edge, out *opList) {
	f.mu.Lock()
	if f.bits&fdClosed != 0 {
		f.mu.Unlock()
		return
	}
	sticky := dirBits(0)
	if got&(edgeHup|edgeDead) != 0 {
		if f.is(traitEOF) || got&edgeHup != 0 {
			f.bits |= fdHup
		}
		sticky = dirSticky
	}
	if got&edgeWriteEnd != 0 {
		// A socket's writes end by its own shutdown too.
		if !f.is(traitSocket) {
			f.bits |= fdHup
		}
		f.wr.bits |= dirSticky
	}
	// What was read between the fetch and now may have been all there was.
	sure := got&edgeRead != 0 && f.rd.bits&dirDrained != 0 && f.seen != uint16(f.ring.fetched.Load())
	rd, wr := false, false
	if got&edgePri != 0 {
		f.rd.bits |= dirUrgent
	}
	if got&(edgeRead|edgePri|edgeHup|edgeDead) != 0 {
		rd = f.rd.edge(sticky)
	}
	if got&(edgeWrite|edgeHup|edgeDead|edgeWriteEnd) != 0 {
		wr = f.wr.edge(sticky)
	}
	f.checkWaits(sure, out)
	f.drive(rd, wr, out)
}

// edge notes that a direction may go on. It says whether the caller is to run
// it, and marks it so.
func (d *dir) edge(sticky dirBits) bool {
	d.tick++
	d.bits = d.bits&^dirDrained | sticky
	if d.head == nil || d.bits&(dirRunning|dirStalled) != 0 {
		return false
	}
	d.bits |= dirRunning
	return true
}

// drive runs the directions that are marked running. mu is held, and released.
func (f *FD) drive(rd, wr bool, out *opList) {
	if rd {
		f.run(&f.rd, nil, out)
		if !wr {
			return
		}
		f.mu.Lock()
	}
	if wr {
		f.run(&f.wr, nil, out)
		return
	}
	f.mu.Unlock()
}

// again gives f, which was put behind the others, its next turn.
func (f *FD) again(out *opList) {
	f.mu.Lock()
	f.bits &^= fdReady
	f.drive(f.rd.resume(), f.wr.resume(), out)
}

// resume marks a direction running if its head waits for nothing.
func (d *dir) resume() bool {
	if d.head == nil || d.bits&(dirRunning|dirStalled|dirDrained) != 0 {
		return false
	}
	d.bits |= dirRunning
	return true
}

// timeUp handles the time that op had in the deadlines.
func (f *FD) timeUp(op *Op, now int64, out *opList) {
	f.mu.Lock()
	if !f.ring.times.take(op, f, now) {
		f.mu.Unlock()
		return
	}
	op.flags &^= opTimed
	if f.runs(op) {
		f.mu.Unlock() // its runner looks at the clock itself
		return
	}
	if !f.regain(op) {
		f.mu.Unlock() // too late: a worker has begun
		return
	}
	if due := f.due(op); op.flags&opRetry != 0 && (due == 0 || due > now) {
		op.flags &^= opRetry
		d := f.lane(op)
		d.bits = d.bits&^dirStalled | dirRunning
		f.run(d, nil, out)
		return
	}
	f.unlink(op)
	if op.kind != kindTimeout {
		op.err = os.ErrDeadlineExceeded
	}
	f.mu.Unlock()
	out.push(op)
}

// charge takes one call that moved n bytes off the direction's budget.
func (f *FD) charge(d *dir, n int) {
	r := f.ring
	if !r.dispatching() {
		return
	}
	if turn := uint16(r.turn.Load()); d.turn != turn {
		d.turn, d.used = turn, 0
	}
	d.used = uint8(min(int(d.used)+1+max(n, 0)>>14, 255))
}

// spent says whether the direction has had its share of the ring's turn.
func (f *FD) spent(d *dir) bool {
	r := f.ring
	return d.used >= r.budget && r.dispatching() && d.turn == uint16(r.turn.Load())
}

// armFor is what the poller has to report for a direction.
func (f *FD) armFor(d *dir) uint8 {
	if d == &f.wr {
		return armWrite
	}
	return armRead
}
