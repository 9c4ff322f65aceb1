package aio

import "sync"

// deadlines are the times at which something has to happen to pending
// operations: one 4-ary heap per ring instead of a timer per operation. An
// entry names the operation's descriptor, because the operation itself may be
// looked at under that descriptor's lock only.
//
// Op.heap is the operation's place in the heap plus one, zero outside; it is
// guarded by mu. Operations enter and leave under their descriptor's lock, so
// whoever holds that and finds the operation here knows that it is pending.
type deadlines struct {
	mu   sync.Mutex // last in the lock order
	heap []due
}

type due struct {
	when int64
	op   *Op
	fd   *FD
}

// set gives op a time, in place of the one that it has. It says whether the
// heap's first time moved forward.
func (d *deadlines) set(op *Op, when int64) (earlier bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	first := d.first()
	if op.heap == 0 {
		d.heap = append(d.heap, due{when, op, op.on.Load()})
		d.up(len(d.heap) - 1)
	} else {
		i := int(op.heap) - 1
		d.heap[i].when = when
		d.down(d.up(i))
	}
	return first == 0 || d.first() < first
}

// drop forgets op; it does nothing when op has no time.
func (d *deadlines) drop(op *Op) {
	d.mu.Lock()
	d.remove(op)
	d.mu.Unlock()
}

// next is the earliest time, zero when there is none.
func (d *deadlines) next() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.first()
}

// top is the operation whose time is the earliest, if it has come.
func (d *deadlines) top(now int64) (due, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.heap) == 0 || d.heap[0].when > now {
		return due{}, false
	}
	return d.heap[0], true
}

// take removes op if it is still here for f with a time that has come. The
// caller holds f.mu.
func (d *deadlines) take(op *Op, f *FD, now int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if op.heap == 0 {
		return false
	}
	if e := d.heap[op.heap-1]; e.fd != f || e.when > now {
		return false
	}
	d.remove(op)
	return true
}

func (d *deadlines) first() int64 {
	if len(d.heap) == 0 {
		return 0
	}
	return d.heap[0].when
}

func (d *deadlines) remove(op *Op) {
	if op.heap == 0 {
		return
	}
	i, last := int(op.heap)-1, len(d.heap)-1
	op.heap = 0
	if i != last {
		d.heap[i] = d.heap[last]
		d.heap[i].op.heap = int32(i + 1)
	}
	d.heap[last] = due{}
	d.heap = d.heap[:last]
	if i != last {
		d.down(d.up(i))
	}
	if cap(d.heap) > 64 && len(d.heap) < cap(d.heap)/4 { // memory comes back
		d.heap = append(make([]due, 0, cap(d.heap)/2), d.heap...)
	}
}

// up and down restore the order for the entry at i and say where it ends.

func (d *deadlines) up(i int) int {
	e := d.heap[i]
	for i > 0 {
		parent := (i - 1) / 4
		if d.heap[parent].when <= e.when {
			break
		}
		d.place(i, d.heap[parent])
		i = parent
	}
	d.place(i, e)
	return i
}

func (d *deadlines) down(i int) int {
	e := d.heap[i]
	for {
		least, when := -1, e.when
		for c := 4*i + 1; c <= 4*i+4 && c < len(d.heap); c++ {
			if d.heap[c].when < when {
				least, when = c, d.heap[c].when
			}
		}
		if least < 0 {
			break
		}
		d.place(i, d.heap[least])
		i = least
	}
	d.place(i, e)
	return i
}

func (d *deadlines) place(i int, e due) {
	d.heap[i] = e
	e.op.heap = int32(i + 1)
}
