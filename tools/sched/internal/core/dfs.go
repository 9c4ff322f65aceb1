package core

import "math/bits"

// A search decides where the orders that are tried differ.
type search interface {
	begin()                  // an execution starts
	pick(enabled uint64) int // which task moves, or -1: nothing new below
	choose(n int) int        // which of n continuations
	after(t *Task)           // the event of t is over
	over()                   // the execution is over; tasks are where it left them
	advance() bool           // prepares the next execution; false: there is none
}

// A node is a point where a depth-first search had a choice: which task moves
// or, below it, how its event goes on.
type node struct {
	choice  bool
	alt, n  int16
	proc    int8
	last    int8 // whose event came before, or -1
	kind    Kind
	o       uint32 // the first object's ordinal
	used    int16  // preemptions so far
	enabled uint64
	sleep   uint64 // explored from an equivalent state already
	done    uint64 // explored here, with the current one
	todo    uint64 // to be explored here
	foot    Foot   // of the event, as it was
	clock   [maxProcs]int16
}

// A dfs is the plain depth-first search, the same within a bound on
// preemptions, or dynamic partial-order reduction: of the orders that differ
// only in the places of events that commute one is enough.
//
// The reduction follows source sets (Abdulla, Aronis, Jonsson and Sagonas,
// POPL 2014) with sleep sets (Godefroid 1996). When an event e is over, it is
// compared with each earlier event j that it conflicts with and that does not
// happen before it otherwise: the order in which e comes first has to be tried.
// What leads there is v, the events after j that do not depend on j, and then
// e; one of the tasks with which some order of v can begin must be tried at j.
// (To try the task of e there, as Flanagan and Godefroid do, is wrong together
// with sleep sets: it may be asleep, and v be new nevertheless.)
//
// An operation that may be impossible needs care:
//
//  1. If e was posted before j and impossible just before it, they cannot be
//     swapped; likewise if j proves that e was impossible (apart). Then the
//     events before j count: before the unlock, the lock.
//  2. One that waits for any of several objects (a select) may be possible
//     without j thanks to an event of v: it is compared with all.
//  3. What is impossible at the end of an execution, or was completed by
//     another task's event, is compared as if it were the next event.
type dfs struct {
	e      *Exec
	mode   Search
	bound  int
	stack  []node
	pos    int
	branch int    // the index of the first node that is new in this execution
	sleep  uint64 // of the node to come
	cur    int    // index of the event in progress
}

//go:norace
func (d *dfs) begin() { d.pos, d.sleep, d.cur = 0, 0, -1 }

//go:norace
func (d *dfs) pick(enabled uint64) int {
	e := d.e
	last := int8(-1)
	if e.last != nil {
		last = int8(e.last.id)
	}
	if d.pos < len(d.stack) {
		return d.again(enabled)
	}
	if len(d.stack) == cap(d.stack) {
		grown := make([]node, len(d.stack), 2*cap(d.stack)+256)
		//lint:ignore S1001 copy tells the race detector of what only the scheduler may see
		for i := range d.stack {
			grown[i] = d.stack[i]
		}
		d.stack = grown
	}
	open := enabled &^ d.sleep
	if open == 0 {
		e.cut = true
		return -1
	}
	d.stack = d.stack[:len(d.stack)+1]
	n := &d.stack[len(d.stack)-1]
	n.choice, n.last, n.enabled, n.sleep, n.used = false, last, enabled, d.sleep, int16(e.forced)
	p := d.first(open)
	n.done = 1 << p
	switch d.mode {
	case DPOR:
		n.todo = 1 << p
	case Full:
		n.todo = enabled
	default:
		n.todo = d.allowed(n)
	}
	d.take(n, p)
	return p
}

// first prefers the task that moved last, unless it yields, and any task to a
// timer.
//
//go:norace
func (d *dfs) first(open uint64) int {
	e := d.e
	if l := e.last; l != nil && open&(1<<l.id) != 0 && l.kind != KindYield && l.timer == nil {
		return l.id
	}
	best := -1
	for m := open; m != 0; m &= m - 1 {
		i := bits.TrailingZeros64(m)
		t := e.procs[i]
		if t.timer == nil && t.kind != KindYield {
			return i
		}
		if best < 0 || t.timer == nil && e.procs[best].timer != nil {
			best = i
		}
	}
	return best
}

// allowed gives what may be tried within the bound: to leave a task that could
// go on is a preemption.
//
//go:norace
func (d *dfs) allowed(n *node) uint64 {
	if n.last >= 0 && n.enabled&(1<<n.last) != 0 && d.e.procs[n.last].timer == nil && int(n.used) >= d.bound {
		return 1 << n.last
	}
	return n.enabled
}

// take makes p the event of node n.
//
//go:norace
func (d *dfs) take(n *node, p int) {
	t := d.e.procs[p]
	n.proc, n.kind = int8(p), t.kind
	n.o = t.object()
	d.cur = d.pos
	d.pos++
}

// again repeats a decision of the execution before.
//
//go:norace
func (d *dfs) again(enabled uint64) int {
	n := &d.stack[d.pos]
	if n.choice || n.enabled != enabled {
		d.e.diverged(d.pos)
		return -1
	}
	p := int(n.proc)
	kind, o := n.kind, n.o
	isNew := d.pos == d.branch
	d.take(n, p)
	if !isNew && (n.kind != kind || n.o != o) {
		d.e.diverged(d.pos - 1)
		return -1
	}
	return p
}

//go:norace
func (d *dfs) choose(n int) int {
	if d.pos < len(d.stack) {
		c := &d.stack[d.pos]
		if !c.choice || int(c.n) != n {
			d.e.diverged(d.pos)
			return 0
		}
		d.pos++
		return int(c.alt)
	}
	d.stack = append(d.stack, node{choice: true, n: int16(n)})
	d.pos++
	return 0
}

// after computes what the event knew, which tasks may stay asleep, and what
// has to be tried at earlier nodes.
//
//go:norace
func (d *dfs) after(p *Task) {
	if d.mode != DPOR {
		return
	}
	e, i := d.e, d.cur
	n := &d.stack[i]
	if i >= d.branch {
		n.foot = *e.event
		p.prior.foot = n.foot
		own := p.clock
		d.order(i, p)
		d.races(i, p, &p.prior, &own, &n.clock)
		for _, q := range e.procs[:e.nprocs] {
			if q.retired && q != p {
				d.races(i+1, q, &q.prior, &q.clock, &q.clock)
			}
		}
	} else {
		p.clock = n.clock
	}
	d.wake(n)
	for _, w := range e.woken {
		e.join(w, &n.clock)
	}
	for _, t := range e.procs[:e.nprocs] {
		if t.fresh {
			t.posts = i + 1
		}
	}
}

// over compares what could not happen any more.
//
//go:norace
func (d *dfs) over() {
	e := d.e
	if d.mode != DPOR || e.restart || e.failure != nil && e.o.Each == nil {
		return
	}
	if e.inEvent { // which failed
		d.after(e.last)
	}
	var asleep uint64
	if e.cut {
		asleep = d.sleep
	}
	for _, q := range e.procs[:e.nprocs] {
		if q.state == stateParked && asleep&(1<<q.id) == 0 {
			o := q.operation()
			d.races(d.pos, q, &o, &q.clock, &q.clock)
		}
	}
}

// order finds what happens before the event at i, and gives it its clock.
//
//go:norace
func (d *dfs) order(i int, p *Task) {
	n := &d.stack[i]
	for j := i - 1; j >= 0; j-- {
		x := &d.stack[j]
		if !x.choice && int(p.clock[x.proc]) <= j && conflict(&x.foot, &n.foot) {
			d.e.join(p, &x.clock)
		}
	}
	p.clock[p.id] = int16(i + 1)
	n.clock = p.clock
}

// wake computes which tasks sleep in the state after the event.
//
//go:norace
func (d *dfs) wake(n *node) {
	d.sleep = 0
	for m := (n.sleep | n.done) &^ (1 << n.proc); m != 0; m &= m - 1 {
		q := d.e.procs[bits.TrailingZeros64(m)]
		if !q.retired && !conflict(&n.foot, &q.foot) {
			d.sleep |= 1 << q.id
		}
	}
}

// races compares an operation of p, which is the event at i or would come
// there, with the events before. own is what p knew before it, clock what the
// event knows, if it is one.
//
//go:norace
func (d *dfs) races(i int, p *Task, o *operation, own, clock *[maxProcs]int16) {
	if o.never {
		return
	}
	known := *own
	for j := i - 1; j >= 0; j-- {
		x := &d.stack[j]
		if x.choice || int(known[x.proc]) > j || !conflict(&x.foot, &o.foot) {
			continue
		}
		if !o.multi && (j >= o.posts && x.enabled&(1<<p.id) == 0 || j < o.posts && x.o == o.o && apart(x.kind, o.kind)) {
			continue
		}
		d.reverse(j, i, p, clock)
		if o.multi {
			continue
		}
		for r := range known[:d.e.nprocs] {
			known[r] = max(known[r], x.clock[r])
		}
	}
}

// reverse has an order tried in which the operation of p comes before the
// event at j.
//
//go:norace
func (d *dfs) reverse(j, i int, p *Task, clock *[maxProcs]int16) {
	x := &d.stack[j]
	var first [maxProcs]int16 // index of the first event in v, by task
	var seen, lead uint64
	for k := j + 1; k < i; k++ {
		y := &d.stack[k]
		if y.choice || int(y.clock[x.proc]) > j || seen&(1<<y.proc) != 0 {
			continue
		}
		if begins(&y.clock, &first, seen) {
			lead |= 1 << y.proc
		}
		seen |= 1 << y.proc
		first[y.proc] = int16(k)
	}
	if seen&(1<<p.id) == 0 && begins(clock, &first, seen) {
		lead |= 1 << p.id
	}
	lead &= x.enabled
	if lead == 0 || lead&(x.todo|x.done|x.sleep) != 0 {
		return
	}
	if lead&(1<<p.id) != 0 {
		lead = 1 << p.id
	}
	x.todo |= lead & -lead
}

// begins reports whether an event with the clock knows none of the first
// events of the tasks seen.
//
//go:norace
func begins(clock, first *[maxProcs]int16, seen uint64) bool {
	for m := seen; m != 0; m &= m - 1 {
		r := bits.TrailingZeros64(m)
		if clock[r] > first[r] {
			return false
		}
	}
	return true
}

//go:norace
func (d *dfs) advance() bool {
	for len(d.stack) > 0 {
		i := len(d.stack) - 1
		n := &d.stack[i]
		if n.choice {
			if n.alt+1 < n.n {
				n.alt++
				d.branch = d.eventOf(i)
				return true
			}
		} else if todo := n.todo & n.enabled &^ n.done &^ n.sleep; todo != 0 {
			p := bits.TrailingZeros64(todo)
			n.proc = int8(p)
			n.done |= 1 << p
			n.clock = [maxProcs]int16{}
			d.branch = i
			return true
		}
		d.stack = d.stack[:i]
	}
	return false
}

// eventOf gives the index of the event whose continuation node i is: it is
// another event now.
//
//go:norace
func (d *dfs) eventOf(i int) int {
	for i > 0 && d.stack[i].choice {
		i--
	}
	if !d.stack[i].choice {
		d.stack[i].clock = [maxProcs]int16{}
	}
	return i
}

// reset forgets everything.
//
//go:norace
func (d *dfs) reset() { d.stack, d.branch = d.stack[:0], 0 }
