package aio

// The lists that an FD keeps its pending operations in. All of this is with
// f.mu held.

// lane is the direction of op; nil for waits, which have none.
func (f *FD) lane(op *Op) *dir {
	switch kinds[op.kind].lane {
	case laneRead:
		return &f.rd
	case laneWrite:
		return &f.wr
	}
	return nil
}

// push puts op at the end of the FIFO.
func (d *dir) push(op *Op) {
	op.flags |= opQueued
	op.prev, op.next = d.tail, nil
	if d.tail == nil {
		d.head = op
	} else {
		d.tail.next = op
	}
	d.tail = op
}

// jump puts op at the front of the FIFO, before those who came while its
// starter ran d.
func (d *dir) jump(op *Op) {
	op.flags |= opQueued
	op.prev, op.next = nil, d.head
	if d.head == nil {
		d.tail = op
	} else {
		d.head.prev = op
	}
	d.head = op
}

// unlink takes a queued op out of its list and of the deadlines: it is the
// caller's to complete now.
func (f *FD) unlink(op *Op) {
	if op.flags&opTimed != 0 {
		f.ring.times.drop(op)
	}
	op.flags &^= opQueued | opTimed
	d := f.lane(op)
	if d == nil {
		f.unlinkWait(op)
		op.state.Store(opDone)
		return
	}
	if d.head == op {
		f.succeed(d, op.next)
	}
	if op.prev == nil {
		d.head = op.next
	} else {
		op.prev.next = op.next
	}
	if op.next == nil {
		d.tail = op.prev
	} else {
		op.next.prev = op.prev
	}
	op.prev, op.next = nil, nil
	op.state.Store(opDone)
}

// succeed lets next, if there is one, be the head of d in place of one that is
// given up, unless somebody runs d and will see to it.
func (f *FD) succeed(d *dir, next *Op) {
	d.bits &^= dirStalled // the retry was the other's
	if next == nil || d.bits&dirRunning != 0 {
		return
	}
	if next.flagged() {
		d.bits &^= dirDrained
	}
	if d.bits&dirDrained == 0 {
		f.ring.behind(f)
	}
}

// runs says whether somebody is in a call for op right now.
func (f *FD) runs(op *Op) bool {
	d := f.lane(op)
	return d != nil && d.head == op && d.bits&(dirRunning|dirDirect) == dirRunning
}

// due is when op has to fail: its own deadline or its direction's, 0: never.
func (f *FD) due(op *Op) int64 {
	rdl, wdl := f.rdl, f.wdl
	switch kinds[op.kind].lane {
	case laneRead:
		wdl = 0
	case laneWrite:
		rdl = 0
	default:
		if op.ask&^Writable == 0 {
			rdl = 0
		}
		if op.ask&Writable == 0 {
			wdl = 0
		}
	}
	return sooner(op.when, sooner(rdl, wdl))
}

// sooner is the earlier of two times, of which 0 means never.
func sooner(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// schedule enters op into the deadlines.
func (f *FD) schedule(op *Op, at int64) {
	op.flags |= opTimed
	if f.ring.times.set(op, at) {
		f.ring.rouse()
	}
}
