package core

import "math/bits"

// A search decides where the orders that are tried differ.
type search interface {
	begin()                  // an execution starts
	pick(enabled uint64) int // which task moves, or -1: nothing new below
	choose(n int) int        // which of n continuations
	after(t *Task)           // the event of t is over
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
// The reduction follows Flanagan and Godefroid (POPL 2005) with the sleep sets
// of Godefroid (1996). An operation that may be impossible needs care:
//
//  1. When an operation is posted, it is compared with the latest event that it
//     conflicts with and that does not happen before it; events that prove that
//     the operation was impossible before them (apart) do not count. There the
//     task, or one that leads to the operation, has to be tried.
//  2. When an event happens, each operation posted by another task that was
//     possible just before and conflicts with it has to be tried instead.
//  3. One that was impossible just before need not be, if it waits for one
//     object: whatever makes it possible conflicts with this event too and is
//     compared by itself. One that waits for any of several objects (a select)
//     could have been made possible by a later event that commutes with this
//     one: hence each event that touches what it waits for is moved before
//     those that do not happen before it.
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
	n.o = ^uint32(0)
	if len(t.uses) > 0 {
		n.o = t.uses[0].o.id
	}
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
	if i >= d.branch || n.clock[p.id] == 0 {
		n.foot = *e.event
		d.order(i, p)
		d.wake(n, p)
		d.rivals(i, p)
	} else {
		p.clock = n.clock
		d.wake(n, p)
	}
	for _, w := range e.woken {
		e.join(w, &n.clock)
	}
	for _, t := range e.procs[:e.nprocs] {
		if t.state == stateParked && t.fresh {
			t.posts = i + 1
			if i >= d.branch {
				d.posted(i, t)
			}
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
func (d *dfs) wake(n *node, p *Task) {
	d.sleep = 0
	for m := (n.sleep | n.done) &^ (1 << n.proc); m != 0; m &= m - 1 {
		q := d.e.procs[bits.TrailingZeros64(m)]
		if !q.retired && !conflict(&n.foot, &q.foot) {
			d.sleep |= 1 << q.id
		}
	}
}

// rivals compares the event at i with the operations posted by other tasks.
//
//go:norace
func (d *dfs) rivals(i int, p *Task) {
	e := d.e
	n := &d.stack[i]
	for _, q := range e.procs[:e.nprocs] {
		foot, posts, multi := &q.foot, q.posts, q.multi
		if q.retired {
			foot, posts, multi = &q.prior, q.priorPosts, q.priorMulti
		} else if q.state != stateParked || q.fresh {
			continue
		}
		if q == p || !conflict(&n.foot, foot) {
			continue
		}
		if n.enabled&(1<<q.id) != 0 {
			n.todo |= 1 << q.id
		}
		if multi {
			d.enablers(i, p, q.id, posts, foot)
		}
	}
}

// enablers has the event at i, of p, tried before those earlier ones that do
// not happen before it and found the operation of q impossible.
//
//go:norace
func (d *dfs) enablers(i int, p *Task, q, posts int, foot *Foot) {
	for j := i - 1; j >= posts; j-- {
		x := &d.stack[j]
		if !x.choice && x.enabled&(1<<q) == 0 && int(p.clock[x.proc]) <= j && conflict(&x.foot, foot) {
			d.try(j, p, -1)
		}
	}
}

// posted compares a new operation of t with the events so far.
//
//go:norace
func (d *dfs) posted(i int, t *Task) {
	for j := i; j >= 0; j-- {
		x := &d.stack[j]
		if x.choice || int(t.clock[x.proc]) > j || !conflict(&x.foot, &t.foot) {
			continue
		}
		if !t.multi && len(t.uses) > 0 && apart(x.kind, t.kind) && x.o == t.uses[0].o.id {
			continue
		}
		d.try(j, t, t.id)
		return
	}
}

// try has one task tried at node j that leads to what t does next: self, if it
// could move there, or one whose later events t knows of; or all.
//
//go:norace
func (d *dfs) try(j int, t *Task, self int) {
	x := &d.stack[j]
	var lead uint64
	for r := range d.e.procs[:d.e.nprocs] {
		if int(t.clock[r]) > j+1 {
			lead |= 1 << r
		}
	}
	if self >= 0 {
		lead |= 1 << self
	}
	lead &= x.enabled
	switch {
	case lead == 0:
		x.todo |= x.enabled
	case lead&(x.todo|x.done|x.sleep) != 0:
	case self >= 0 && lead&(1<<self) != 0:
		x.todo |= 1 << self
	default:
		x.todo |= lead & -lead
	}
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
