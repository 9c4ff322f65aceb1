package simkernel

import (
	"slices"
	"syscall"

	"example.com/interlock/aio/internal/sys"
)

// Flags that aio does not use and the facts are about.
const (
	evEnable  = 0x4
	evDisable = 0x8
	evOneshot = 0x10
)

// kqueue is a kqueue.
type kqueue struct {
	special
	file  *file
	notes []*knote // in the order of their registration
	ready []*knote
	past  history[sys.Kevent]
}

// knote is a registration: of a number and a filter.
type knote struct {
	q       *kqueue
	ident   int
	filter  int
	token   uintptr
	file    *file // nil: a user event
	clear   bool
	once    bool
	off     bool // disabled
	queued  bool
	trigger bool // a user event that was triggered
}

// KqueueCreate makes a kqueue.
func (k *Kernel) KqueueCreate() (fd int, e sys.Errno) {
	e = k.enter(CallKqueue, -1)
	defer func() { k.leave(CallKqueue, fd, 0, e) }()
	if e != 0 {
		return -1, e
	}
	if k.m.Poller != sys.Kqueue {
		return -1, syscall.ENOSYS
	}
	q := &kqueue{}
	q.file = &file{node: q}
	return k.give(q.file)
}

// Kevent applies changes, then waits for events. A change that fails takes a
// place among the events, and then nobody waits; without a place it ends the
// call.
func (k *Kernel) Kevent(kq int, changes, events []sys.Kevent, timeout int64) (n int, e sys.Errno) {
	e = k.enter(CallKevent, kq)
	defer func() { k.leave(CallKevent, kq, n, e) }()
	f, bad := k.get(CallKevent, kq)
	if bad != 0 {
		return 0, bad
	}
	q, ok := f.node.(*kqueue)
	if !ok {
		return 0, syscall.EBADF
	}
	if e != 0 {
		return 0, e
	}
	for _, c := range changes {
		e := q.change(k, c)
		switch {
		case e == 0:
		case n == len(events):
			return 0, e
		default:
			events[n] = sys.Change(int(c.Ident), int(c.Filter), sys.EV_ERROR, c.Fflags, c.Udata)
			events[n].Data = int64(e)
			n++
		}
	}
	if n > 0 || len(events) == 0 {
		return n, 0
	}
	return k.wait(timeout, func() int { return q.harvest(k, events) }, func() int { return q.invent(k, events) })
}

func (q *kqueue) change(k *Kernel, c sys.Kevent) sys.Errno {
	const known = sys.EV_ADD | sys.EV_DELETE | sys.EV_CLEAR | evEnable | evDisable | evOneshot
	ident, filter, flags := int(c.Ident), int(c.Filter), int(c.Flags)
	var f *file
	switch {
	case flags&^known != 0:
		// Flags whose effect differs between systems, or that some
		// ignore: no user of this kernel may rely on them.
		return syscall.EINVAL
	case filter == sys.EVFILT_USER:
		if !k.m.UserEvents {
			return syscall.EINVAL
		}
	case filter == sys.EVFILT_READ || filter == sys.EVFILT_WRITE:
		var e sys.Errno
		if f, e = k.get(CallKevent, ident); e != 0 {
			return e
		}
	default:
		return syscall.EINVAL
	}
	at := slices.IndexFunc(q.notes, func(n *knote) bool { return n.ident == ident && n.filter == filter })
	switch {
	case flags&sys.EV_DELETE != 0 && at >= 0:
		q.notes[at].end()
		return 0
	case at >= 0:
		q.notes[at].modify(k, c)
		return 0
	case flags&sys.EV_ADD == 0:
		return syscall.ENOENT
	}
	return q.add(k, &knote{q: q, ident: ident, filter: filter, file: f}, c)
}

func (q *kqueue) add(k *Kernel, n *knote, c sys.Kevent) sys.Errno {
	if n.file != nil {
		if e := n.file.node.note(k, n.filter).refuse; e != 0 {
			return e
		}
		n.file.watches = append(n.file.watches, n)
	}
	q.notes = append(q.notes, n)
	n.clear, n.once = c.Flags&sys.EV_CLEAR != 0, c.Flags&evOneshot != 0
	n.modify(k, c)
	return 0
}

// modify is a change of a note that exists. The token is always overwritten,
// but by an enabling where that does nothing else either; CLEAR never changes.
func (n *knote) modify(k *Kernel, c sys.Kevent) {
	flags := int(c.Flags)
	if flags&evEnable != 0 && flags&sys.EV_ADD == 0 && !k.m.EnableFires {
		n.off = false
		if !n.clear {
			n.rise(k)
		}
		return
	}
	n.token = c.Udata
	if n.filter == sys.EVFILT_USER && c.Fflags&sys.NOTE_TRIGGER != 0 {
		n.trigger = true
	}
	n.off = n.off && flags&evEnable == 0 || flags&evDisable != 0
	n.rise(k)
}

// now is what the filter reports.
func (n *knote) now(k *Kernel) note {
	if n.file == nil {
		return note{fires: n.trigger}
	}
	return n.file.node.note(k, n.filter)
}

// rise queues the note if there is something to report.
func (n *knote) rise(k *Kernel) {
	if !n.queued && !n.off && n.now(k).fires {
		n.queued = true
		n.q.ready = append(n.q.ready, n)
		n.q.file.wake(k, reading)
	}
}

func (n *knote) wake(k *Kernel, s side) {
	if n.filter == sys.EVFILT_READ && s&reading != 0 || n.filter == sys.EVFILT_WRITE && s&writing != 0 {
		n.rise(k)
	}
}

func (n *knote) number() int    { return n.ident }
func (n *knote) ofNumber() bool { return true }

func (n *knote) cut() {
	n.q.notes = slices.DeleteFunc(n.q.notes, func(x *knote) bool { return x == n })
	n.q.ready = slices.DeleteFunc(n.q.ready, func(x *knote) bool { return x == n })
}

// end takes the note out of its file too.
func (n *knote) end() {
	n.cut()
	if n.file != nil {
		n.file.unwatch(n)
	}
}

func (q *kqueue) harvest(k *Kernel, events []sys.Kevent) (n int) {
	var level []*knote
	for len(q.ready) > 0 && n < len(events) {
		x := q.ready[0]
		q.ready = q.ready[1:]
		x.queued = false
		got := x.now(k)
		if !got.fires || x.off {
			continue
		}
		events[n] = x.event(k, got)
		q.past.add(events[n])
		n++
		switch {
		case got.once || x.once:
			x.end()
		case x.clear:
			x.trigger = false
		default:
			level = append(level, x)
		}
	}
	for _, x := range level {
		x.queued = true
		q.ready = append(q.ready, x)
	}
	return n
}

func (n *knote) event(k *Kernel, got note) sys.Kevent {
	flags := 0
	if n.clear {
		flags |= sys.EV_CLEAR
	}
	if got.once || n.once {
		flags |= evOneshot
	}
	if got.eof {
		flags |= sys.EV_EOF
	}
	if k.m.KeepAdd {
		flags |= sys.EV_ADD
	}
	ev := sys.Change(n.ident, n.filter, flags, got.fflags, n.token)
	ev.Data = got.data
	return ev
}

// invent is epoll's invent.
func (q *kqueue) invent(k *Kernel, events []sys.Kevent) (n int) {
	for _, x := range q.notes {
		if x.file != nil && !x.off && n < len(events) && k.lucky(k.cfg.Chance.Spurious) {
			events[n] = x.event(k, note{data: 1})
			n++
		}
	}
	if n < len(events) && k.lucky(k.cfg.Chance.Stale) {
		n += q.past.pick(k, events[n:])
	}
	return n
}

func (q *kqueue) mask(k *Kernel) uint32 {
	if q.note(k, sys.EVFILT_READ).fires {
		return sys.EPOLLIN
	}
	return 0
}

func (q *kqueue) note(k *Kernel, filter int) note {
	if filter != sys.EVFILT_READ {
		return note{refuse: syscall.EINVAL}
	}
	n := 0
	for _, x := range q.ready {
		if x.now(k).fires {
			n++
		}
	}
	return note{fires: n > 0, data: int64(n)}
}

func (q *kqueue) close(*Kernel) {
	for _, n := range q.notes {
		if n.file != nil {
			n.file.unwatch(n)
		}
	}
	q.notes, q.ready = nil, nil
}
