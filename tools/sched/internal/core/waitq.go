package core

import "unsafe"

// A Waitq is a modelled condition variable. Signal may wake any task that
// waits, which is what sync.Cond promises; that the real one is fair is not.
type Waitq struct {
	o Obj
	q []*Waiting
}

// A Waiting is a task's stay in a queue.
type Waiting struct {
	o    Obj
	done bool
	edge int32
}

// Ready reports whether the stay is over.
//
//go:norace
func (w *Waiting) Ready(*Task) bool { return w.done }

//go:norace
func (q *Waitq) renew() {
	if q.o.Stale() {
		q.q = nil
	}
}

// Enter queues the task.
//
//go:norace
func (q *Waitq) Enter(t *Task) *Waiting {
	q.renew()
	Point(KindCondWait, &q.o, Write, nil)
	w := new(Waiting)
	q.q = append(q.q, w)
	return w
}

// Await parks the task until it is woken.
//
//go:norace
func (w *Waiting) Await(t *Task) {
	t.Begin(KindCondWait, w)
	t.Touch(&w.o, Read)
	t.Park()
	if Race {
		Acquire(unsafe.Pointer(&w.edge))
	}
}

//go:norace
func (w *Waiting) wake(t *Task) {
	w.done = true
	t.Also(&w.o, Write)
	if Race {
		Release(unsafe.Pointer(&w.edge))
	}
}

// Signal wakes one task, if any waits.
//
//go:norace
func (q *Waitq) Signal(t *Task) {
	q.renew()
	Point(KindCondSignal, &q.o, Write, nil)
	if len(q.q) == 0 {
		t.OnlyRead(&q.o)
		return
	}
	i := t.Choose(len(q.q))
	w := q.q[i]
	rest := make([]*Waiting, 0, len(q.q))
	for j, x := range q.q {
		if j != i {
			rest = append(rest, x)
		}
	}
	q.q = rest
	w.wake(t)
}

// Broadcast wakes all.
//
//go:norace
func (q *Waitq) Broadcast(t *Task) {
	q.renew()
	Point(KindCondBroadcast, &q.o, Write, nil)
	if len(q.q) == 0 {
		t.OnlyRead(&q.o)
		return
	}
	for _, w := range q.q {
		w.wake(t)
	}
	q.q = nil
}
