package core

import (
	"unsafe"
)

// A Head is a modelled channel but for its values.
//
// A buffered channel has no queues: whoever finds it neither full nor empty may
// go ahead. On an unbuffered one a task that finds no partner queues up, and
// its partner completes both operations in one event.
//
// Most unbuffered channels are never sent on: they are closed to say that
// something is over. Such a one needs no queue either, and receiving from it
// changes nothing. Every unbuffered channel is taken for one of those until
// somebody sends on it; then the exploration starts over, knowing better.
type Head struct {
	own      Obj
	shared   *Obj // the object of a context's tree, which closes it
	Cap, Len int
	Closed   bool
	Before   bool   // closed outside the exploration
	general  bool   // unbuffered and sent on
	key      uint32 // names the channel throughout an exploration
	recvq    []*waiter
	sendq    []*waiter
	edges    []int32 // of each slot, for the race detector
	edge     int32   // of the close
}

// A Port is a task's end of a channel operation: it knows the values.
type Port interface {
	Push()         // the value goes to the buffer
	Pop()          // a value comes from the buffer
	Meet(to Port)  // the value goes to a receiver's port
	Zero()         // a receiver finds the channel closed
	At() *Head     // nil for a nil channel
	Sending() bool // whether this is the sender's end
}

// A waiter is a case of a task that queued up.
type waiter struct {
	t      *Task
	p      Port
	i      int       // the case
	all    []*waiter // of the same select, its own included
	ports  []Port    // of the same select
	closed bool
	a, b   int32 // edges there and back
}

// A plainError is a panic of Go's own.
type plainError string

func (e plainError) RuntimeError() {}
func (e plainError) Error() string { return string(e) }

// Init makes a channel within the task's event.
//
//go:norace
func (h *Head) Init(t *Task, n int) {
	h.Cap = n
	if n == 0 {
		h.key = uint32(t.id)<<16 | t.channels
		t.channels++
		for _, k := range E.general {
			if k == h.key {
				h.general = true
			}
		}
	} else if Race {
		h.edges = make([]int32, n)
	}
}

// Adopt takes over a channel that was made outside the exploration, and
// reports whether this is its first use in the execution: it starts each one
// empty, and closed only if it was closed outside.
//
//go:norace
func (h *Head) Adopt() bool {
	first := h.own.Stale()
	if first {
		E.bits(&h.own)
		h.Len, h.Closed = 0, h.Before
		h.general, h.recvq, h.sendq = h.Cap == 0 && !h.Closed, nil, nil
		if Race && h.Cap > 0 && h.edges == nil {
			h.edges = make([]int32, h.Cap)
		}
	}
	return first
}

// Share makes the channel a part of o.
//
//go:norace
func (h *Head) Share(o *Obj) { h.shared = o }

//go:norace
func (h *Head) obj() *Obj {
	if h.shared != nil {
		return h.shared
	}
	return &h.own
}

// signal reports whether the channel is never sent on.
//
//go:norace
func (h *Head) signal() bool { return h.Cap == 0 && !h.general }

// promote starts the exploration over: h is sent on after all.
//
//go:norace
func (h *Head) promote(t *Task) {
	E.general = append(E.general, h.key)
	E.restart = true
	t.Begin(KindSend, Never)
	t.Park()
}

//go:norace
func (h *Head) recvReady() bool { return h.Len > 0 || h.Closed || len(h.sendq) > 0 }

//go:norace
func (h *Head) sendReady() bool { return h.Len < h.Cap || h.Closed || len(h.recvq) > 0 }

type canRecv Head

//go:norace
func (h *canRecv) Ready(*Task) bool { return (*Head)(h).recvReady() }

type canSend Head

//go:norace
func (h *canSend) Ready(*Task) bool { return (*Head)(h).sendReady() }

// Slot states the edges of an operation on the k-th slot of the buffer.
//
//go:norace
func (h *Head) Slot(k int) {
	if Race && h.edges != nil {
		p := unsafe.Pointer(&h.edges[k])
		Acquire(p)
		Release(p)
	}
}

// Send performs the send of p.
//
//go:norace
func Send(t *Task, p Port) {
	h := p.At()
	if h == nil {
		t.Forever(KindSend)
	}
	if h.signal() {
		h.promote(t)
	}
	if h.Cap == 0 {
		t.Begin(KindSend, nil)
	} else {
		t.Begin(KindSend, (*canSend)(h))
	}
	t.Touch(h.obj(), Write)
	t.Park()
	if h.sendReady() {
		complete(t, p)
		return
	}
	enqueue(t, KindSend, []Port{p}, Never)
}

// Recv performs the receive of p.
//
//go:norace
func Recv(t *Task, p Port) {
	h := p.At()
	if h == nil {
		t.Forever(KindRecv)
	}
	a := Write
	if h.signal() {
		a = Read
	}
	if h.general {
		t.Begin(KindRecv, nil)
	} else {
		t.Begin(KindRecv, (*canRecv)(h))
	}
	t.Touch(h.obj(), a)
	t.Park()
	if h.recvReady() {
		if h.Closed && h.Len == 0 {
			t.OnlyRead(h.obj())
		}
		complete(t, p)
		return
	}
	enqueue(t, KindRecv, []Port{p}, Never)
}

// complete performs an operation that is possible.
//
//go:norace
func complete(t *Task, p Port) {
	h := p.At()
	if p.Sending() {
		switch {
		case h.Closed:
			panic(plainError("send on closed channel"))
		case len(h.recvq) > 0:
			meet(t, p, h.recvq[0])
		default:
			p.Push()
		}
		return
	}
	switch {
	case h.Len > 0:
		p.Pop()
	case len(h.sendq) > 0:
		meet(t, p, h.sendq[0])
	default:
		if Race {
			Acquire(unsafe.Pointer(&h.edge))
		}
		p.Zero()
	}
}

// meet completes the operations of both ends and sets the one that waited
// free.
//
//go:norace
func meet(t *Task, p Port, w *waiter) {
	if Race {
		Acquire(unsafe.Pointer(&w.a))
		Release(unsafe.Pointer(&w.b))
	}
	if p.Sending() {
		p.Meet(w.p)
	} else {
		w.p.Meet(p)
	}
	w.free(t)
}

// free ends the stay of the waiter's task within the event of t. The other
// cases of its select count as read: had one been possible, it might have been
// taken.
//
//go:norace
func (w *waiter) free(t *Task) {
	for _, p := range w.ports {
		if h := p.At(); h == nil {
			continue
		} else if h.general {
			t.Also(h.obj(), Write)
		} else {
			t.Also(h.obj(), Read)
		}
	}
	w.leave()
	w.t.free(w.i)
}

// leave takes all cases of the waiter's task out of the queues.
//
//go:norace
func (w *waiter) leave() {
	for _, x := range w.all {
		h := x.p.At()
		h.recvq = without(h.recvq, x)
		h.sendq = without(h.sendq, x)
	}
}

//go:norace
func without(q []*waiter, w *waiter) []*waiter {
	for i, x := range q {
		if x == w {
			rest := make([]*waiter, 0, len(q))
			for j, y := range q {
				if j != i {
					rest = append(rest, y)
				}
			}
			return rest
		}
	}
	return q
}

// enqueue queues the task up on every general channel of its cases and parks
// it, until a partner completes one of them or c holds. It returns the case
// that was completed, or -1.
//
//go:norace
func enqueue(t *Task, k Kind, ports []Port, c Cond) int {
	var all []*waiter
	for i, p := range ports {
		h := p.At()
		if h == nil || !h.general {
			continue
		}
		w := &waiter{t: t, p: p, i: i, ports: ports}
		if len(all) > 0 {
			E.Merge(all[0].p.At().obj(), h.obj())
		}
		if p.Sending() {
			h.sendq = append(h.sendq, w)
		} else {
			h.recvq = append(h.recvq, w)
		}
		if Race {
			Release(unsafe.Pointer(&w.a))
		}
		all = append(all, w)
	}
	for _, w := range all {
		w.all = all
		t.Also(w.p.At().obj(), Write)
	}
	t.Begin(k, c)
	touch(t, ports)
	t.Park()
	if !t.granted {
		all[0].leave()
		return -1
	}
	i := t.pick
	for _, w := range all {
		if w.i != i {
			continue
		}
		if Race {
			Acquire(unsafe.Pointer(&w.b))
		}
		if w.closed && w.p.Sending() {
			panic(plainError("send on closed channel"))
		}
	}
	return i
}

// touch states what an operation on the ports may do.
//
//go:norace
func touch(t *Task, ports []Port) {
	for _, p := range ports {
		h := p.At()
		if h == nil {
			continue
		}
		if h.signal() {
			t.Touch(h.obj(), Read)
		} else {
			t.Touch(h.obj(), Write)
		}
	}
	t.multi = len(t.uses) > 1
}

// Close closes the channel.
//
//go:norace
func (h *Head) Close(t *Task) {
	if h == nil {
		panic(plainError("close of nil channel"))
	}
	Point(KindClose, h.obj(), Write, nil)
	if h.Closed {
		panic(plainError("close of closed channel"))
	}
	h.Shut(t)
}

// Shut closes the channel within the event in progress.
//
//go:norace
func (h *Head) Shut(t *Task) {
	h.Closed = true
	if Race {
		Release(unsafe.Pointer(&h.edge))
	}
	for len(h.recvq) > 0 {
		h.expel(t, h.recvq[0])
	}
	for len(h.sendq) > 0 {
		h.expel(t, h.sendq[0])
	}
}

//go:norace
func (h *Head) expel(t *Task, w *waiter) {
	w.closed = true
	if Race {
		Release(unsafe.Pointer(&w.b))
	}
	if !w.p.Sending() {
		w.p.Zero()
	}
	w.free(t)
}

// Mark makes what the task did so far happen before the close, when a timer
// will close the channel.
//
//go:norace
func (h *Head) Mark() {
	if Race {
		ReleaseMerge(unsafe.Pointer(&h.edge))
	}
}

// Offer puts a value into the buffer if there is room, within the event in
// progress.
//
//go:norace
func Offer(p Port) {
	if h := p.At(); h.Len < h.Cap {
		p.Push()
	}
}

// Drain empties the buffer within the event in progress, and reports whether
// there was anything in it.
//
//go:norace
func Drain(p Port) bool {
	h := p.At()
	was := h.Len > 0
	for h.Len > 0 {
		p.Pop()
	}
	return was
}

// Object is the channel's identity.
//
//go:norace
func (h *Head) Object() *Obj { return h.obj() }

// Count is len of a buffered channel.
//
//go:norace
func (h *Head) Count(t *Task) int {
	if h.Cap == 0 {
		return 0
	}
	Point(KindLen, h.obj(), Read, nil)
	return h.Len
}
