package simkernel

import (
	"slices"
	"syscall"

	"example.com/interlock/aio/internal/sys"
)

// epoll is an epoll instance.
type epoll struct {
	special
	file  *file
	items []*item // in the order of their registration
	ready []*item
	past  history[sys.EpollEvent]
}

// item is a registration: of a number and a file together, so that it
// outlives the number while a duplicate keeps the file open.
type item struct {
	ep     *epoll
	fd     int
	file   *file
	ev     sys.EpollEvent
	queued bool
}

// EpollCreate makes an epoll instance.
func (k *Kernel) EpollCreate() (fd int, e sys.Errno) {
	e = k.enter(CallEpollCreate, -1)
	defer func() { k.leave(CallEpollCreate, fd, 0, e) }()
	if e != 0 {
		return -1, e
	}
	if k.m.Poller != sys.Epoll {
		return -1, syscall.ENOSYS
	}
	ep := &epoll{}
	ep.file = &file{node: ep}
	return k.give(ep.file)
}

// EpollCtl changes a registration.
func (k *Kernel) EpollCtl(epfd, op, fd int, ev sys.EpollEvent) (e sys.Errno) {
	e = k.enter(CallEpollCtl, fd)
	defer func() { k.leave(CallEpollCtl, fd, op, e) }()
	f, bad := k.get(CallEpollCtl, epfd)
	if bad != 0 {
		return bad
	}
	ep, ok := f.node.(*epoll)
	if !ok {
		return syscall.EINVAL
	}
	target, bad := k.get(CallEpollCtl, fd)
	if bad != 0 {
		return bad
	}
	if e != 0 && op != sys.EPOLL_CTL_DEL { // taking away needs no memory
		return e
	}
	if _, regular := target.node.(*regular); regular {
		return syscall.EPERM
	}
	return ep.control(k, op, fd, target, ev)
}

func (ep *epoll) control(k *Kernel, op, fd int, f *file, ev sys.EpollEvent) sys.Errno {
	at := slices.IndexFunc(ep.items, func(i *item) bool { return i.fd == fd && i.file == f })
	switch {
	case op == sys.EPOLL_CTL_ADD && at >= 0:
		return syscall.EEXIST
	case op == sys.EPOLL_CTL_ADD:
		i := &item{ep: ep, fd: fd, file: f, ev: ev}
		ep.items = append(ep.items, i)
		f.watches = append(f.watches, i)
		i.rise(k)
		return 0
	case at < 0:
		return syscall.ENOENT
	case op == sys.EPOLL_CTL_MOD:
		ep.items[at].ev = ev
		ep.items[at].rise(k)
		return 0
	case op == sys.EPOLL_CTL_DEL:
		i := ep.items[at]
		i.cut()
		f.unwatch(i)
		return 0
	}
	return syscall.EINVAL
}

// interest is what the item reports of a mask: errors and hang-ups always.
func (i *item) interest() uint32 { return i.ev.Events | sys.EPOLLERR | sys.EPOLLHUP }

// rise queues the item if there is something to report.
func (i *item) rise(k *Kernel) {
	if !i.queued && i.file.node.mask(k)&i.interest() != 0 {
		i.queued = true
		i.ep.ready = append(i.ep.ready, i)
		i.ep.file.wake(k, reading)
	}
}

func (i *item) wake(k *Kernel, s side) {
	const in, out = sys.EPOLLIN | sys.EPOLLRDHUP | sys.EPOLLPRI, sys.EPOLLOUT
	switch {
	case s == reading && i.ev.Events&in == 0, s == writing && i.ev.Events&out == 0:
		return
	}
	i.rise(k)
}

func (i *item) number() int    { return i.fd }
func (i *item) ofNumber() bool { return false }

func (i *item) cut() {
	i.ep.items = slices.DeleteFunc(i.ep.items, func(x *item) bool { return x == i })
	i.ep.ready = slices.DeleteFunc(i.ep.ready, func(x *item) bool { return x == i })
}

// EpollWait waits for events.
func (k *Kernel) EpollWait(epfd int, evs []sys.EpollEvent, timeout int64) (n int, e sys.Errno) {
	e = k.enter(CallEpollWait, epfd)
	defer func() { k.leave(CallEpollWait, epfd, n, e) }()
	f, bad := k.get(CallEpollWait, epfd)
	if bad != 0 {
		return 0, bad
	}
	ep, ok := f.node.(*epoll)
	if !ok || len(evs) == 0 {
		return 0, syscall.EINVAL
	}
	if e != 0 {
		return 0, e
	}
	return k.wait(timeout, func() int { return ep.harvest(k, evs) }, func() int { return ep.invent(k, evs) })
}

// wait asks harvest until it has events or the time is over. What invent has
// comes first, if luck wants it so.
func (k *Kernel) wait(timeout int64, harvest, invent func() int) (int, sys.Errno) {
	end := int64(-1)
	if timeout >= 0 {
		end = k.clock() + timeout
	}
	if n := invent(); n > 0 {
		return n, 0
	}
	for {
		if n := harvest(); n > 0 {
			return n, 0
		}
		if end >= 0 && k.clock() >= end {
			return 0, 0
		}
		if k.lucky(k.cfg.Chance.Interrupt) {
			return 0, syscall.EINTR
		}
		k.pause(end)
	}
}

func (ep *epoll) harvest(k *Kernel, evs []sys.EpollEvent) (n int) {
	var level []*item
	for len(ep.ready) > 0 && n < len(evs) {
		i := ep.ready[0]
		ep.ready = ep.ready[1:]
		i.queued = false
		got := i.file.node.mask(k) & i.interest()
		if got == 0 {
			continue
		}
		evs[n] = i.ev
		evs[n].Events = got
		ep.past.add(evs[n])
		n++
		if i.ev.Events&sys.EPOLLET == 0 {
			level = append(level, i)
		}
	}
	for _, i := range level {
		i.queued = true
		ep.ready = append(ep.ready, i)
	}
	return n
}

// invent gives events for which nothing has happened, and events of the past,
// whose number may be somebody else's by now.
func (ep *epoll) invent(k *Kernel, evs []sys.EpollEvent) (n int) {
	for _, i := range ep.items {
		if n < len(evs) && k.lucky(k.cfg.Chance.Spurious) {
			evs[n] = i.ev
			evs[n].Events = i.ev.Events & (sys.EPOLLIN | sys.EPOLLOUT)
			n++
		}
	}
	if n < len(evs) && k.lucky(k.cfg.Chance.Stale) {
		n += ep.past.pick(k, evs[n:])
	}
	return n
}

func (ep *epoll) mask(k *Kernel) uint32 {
	for _, i := range ep.ready {
		if i.file.node.mask(k)&i.interest() != 0 {
			return sys.EPOLLIN
		}
	}
	return 0
}

func (ep *epoll) note(*Kernel, int) note { return note{refuse: syscall.EINVAL} }

func (ep *epoll) close(*Kernel) {
	for _, i := range ep.items {
		i.file.unwatch(i)
	}
	ep.items, ep.ready = nil, nil
}

// history is the last events of a poller.
type history[E any] struct {
	evs  []E
	next int
}

func (h *history[E]) add(ev E) {
	if len(h.evs) < 64 {
		h.evs = append(h.evs, ev)
		return
	}
	h.evs[h.next] = ev
	h.next = (h.next + 1) % len(h.evs)
}

func (h *history[E]) pick(k *Kernel, to []E) int {
	if len(h.evs) == 0 {
		return 0
	}
	to[0] = h.evs[k.luck.IntN(len(h.evs))]
	return 1
}
