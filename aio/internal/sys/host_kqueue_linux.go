//go:build aiokqueue

package sys

import (
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Host returns linux in the manners of a kqueue: with the build tag aiokqueue,
// which is for tests alone, the whole suite runs over the kqueue poller on real
// descriptors. Edges come more often than a kqueue's, never less; a descriptor
// has one registration below, so a change of one filter fires the other too.
// With AIO_KQUEUE_NO_USER in the environment EVFILT_USER is missing.
func Host() Kernel { return kqueueHost{} }

// kqueueHost is host but for the poller and Close.
type kqueueHost struct{ host }

var userFilter = os.Getenv("AIO_KQUEUE_NO_USER") == ""

// emulated are the queues by their numbers.
var emulated struct {
	sync.Mutex // before emulation.mu
	queues     map[int]*emulation
}

// emulation is a kqueue: an epoll descriptor and what is registered with it.
type emulation struct {
	ep   int // its number too
	bell int // an eventfd: EVFILT_USER

	mu    sync.Mutex
	notes []emulatedNote // by number
	user  uintptr
	left  []Kevent     // did not fit
	got   []EpollEvent // the waiter's
}

// emulatedNote are the filters of one number.
type emulatedNote struct {
	events      uint32
	read, write uintptr // their tokens
	socket      bool
}

func (kqueueHost) Poller() Poller { return Kqueue }

func (kqueueHost) UserEvents() bool { return userFilter }

func (h kqueueHost) KqueueCreate() (int, Errno) {
	ep, e := h.host.EpollCreate()
	if e != 0 {
		return -1, e
	}
	q := &emulation{ep: ep, bell: -1, notes: make([]emulatedNote, 0, 4096)}
	emulated.Lock()
	defer emulated.Unlock()
	if emulated.queues == nil {
		emulated.queues = map[int]*emulation{}
	}
	emulated.queues[ep] = q
	return ep, 0
}

// Close takes the number's filters along, as a kqueue does.
func (h kqueueHost) Close(fd int) Errno {
	emulated.Lock()
	for _, q := range emulated.queues {
		q.forget(fd)
	}
	if q := emulated.queues[fd]; q != nil {
		delete(emulated.queues, fd)
		if q.bell >= 0 {
			h.host.Close(q.bell)
		}
	}
	emulated.Unlock()
	return h.host.Close(fd)
}

func (q *emulation) forget(fd int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n := q.note(fd); n.events != 0 {
		n.events = 0
		host{}.EpollCtl(q.ep, EPOLL_CTL_DEL, fd, EpollEvent{})
	}
}

// note is the entry of a number; without events there are no filters.
func (q *emulation) note(fd int) *emulatedNote {
	for len(q.notes) <= fd {
		q.notes = append(q.notes, emulatedNote{})
	}
	return &q.notes[fd]
}

func (h kqueueHost) Kevent(kq int, changes, events []Kevent, timeout int64) (int, Errno) {
	emulated.Lock()
	q := emulated.queues[kq]
	emulated.Unlock()
	if q == nil {
		return 0, syscall.EBADF
	}
	for _, c := range changes {
		if e := q.change(c); e != 0 {
			return 0, e
		}
	}
	if len(events) == 0 {
		return 0, 0
	}
	if n := q.rest(events); n > 0 {
		return n, 0
	}
	if len(q.got) < len(events) {
		q.got = make([]EpollEvent, len(events))
	}
	n, e := h.host.EpollWait(q.ep, q.got, timeout)
	if e != 0 {
		return 0, e
	}
	q.mu.Lock()
	for _, ev := range q.got[:n] {
		q.translate(ev)
	}
	q.mu.Unlock()
	return q.rest(events), 0
}

// rest hands over what is left.
func (q *emulation) rest(events []Kevent) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := copy(events, q.left)
	q.left = append(q.left[:0], q.left[n:]...)
	return n
}

func (q *emulation) change(c Kevent) Errno {
	q.mu.Lock()
	defer q.mu.Unlock()
	fd := int(c.Ident)
	if int(c.Filter) == EVFILT_USER {
		return q.ring(c)
	}
	n := q.note(fd)
	want := uint32(EPOLLIN | EPOLLRDHUP)
	if int(c.Filter) == EVFILT_WRITE {
		want = EPOLLOUT
	}
	was := *n
	switch {
	case int(c.Flags)&EV_DELETE == 0:
		n.events |= want | EPOLLET
		if want == EPOLLOUT {
			n.write = c.Udata
		} else {
			n.read = c.Udata
		}
	case n.events&want == 0:
		return syscall.ENOENT
	default:
		if n.events &^= want; n.events == EPOLLET {
			n.events = 0
			return host{}.EpollCtl(q.ep, EPOLL_CTL_DEL, fd, EpollEvent{})
		}
	}
	ev := EpollEvent{Events: n.events, Fd: int32(fd), Pad: 1}
	e := syscall.ENOENT
	if was.events != 0 {
		e = host{}.EpollCtl(q.ep, EPOLL_CTL_MOD, fd, ev)
	}
	if e == syscall.ENOENT { // new, or closed behind our back and made again
		_, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
		n.socket = err == nil
		e = host{}.EpollCtl(q.ep, EPOLL_CTL_ADD, fd, ev)
	}
	if e != 0 {
		*n = was
	}
	return e
}

// ring is EVFILT_USER.
func (q *emulation) ring(c Kevent) (e Errno) {
	if !userFilter {
		return syscall.EINVAL
	}
	q.user = c.Udata
	if q.bell < 0 {
		if q.bell, e = (host{}).EventFD(); e != 0 {
			return e
		}
		e = host{}.EpollCtl(q.ep, EPOLL_CTL_ADD, q.bell, EpollEvent{Events: EPOLLIN | EPOLLET})
	}
	if c.Fflags&NOTE_TRIGGER != 0 {
		one := [8]byte{0: 1, 7: 1}
		host{}.Write(q.bell, one[:])
	}
	return e
}

// translate makes a kqueue's events of an epoll's.
func (q *emulation) translate(ev EpollEvent) {
	if ev.Pad == 0 {
		var b [8]byte
		host{}.Read(q.bell, b[:])
		q.left = append(q.left, Change(0, EVFILT_USER, EV_CLEAR, 0, q.user))
		return
	}
	n := q.note(int(ev.Fd))
	fflags := uint32(0)
	if ev.Events&EPOLLERR != 0 {
		if n.socket {
			fflags = uint32(syscall.ECONNRESET)
		} else {
			ev.Events |= EPOLLHUP // a pipe without a reader
		}
	}
	for _, s := range [...]struct {
		filter      int
		wanted      uint32
		fires, ends uint32
		token       uintptr
	}{
		{EVFILT_READ, EPOLLIN, EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR, EPOLLRDHUP | EPOLLHUP, n.read},
		{EVFILT_WRITE, EPOLLOUT, EPOLLOUT | EPOLLHUP | EPOLLERR, EPOLLHUP, n.write},
	} {
		if n.events&s.wanted == 0 || ev.Events&s.fires == 0 {
			continue
		}
		flags := EV_CLEAR
		if ev.Events&s.ends != 0 {
			flags |= EV_EOF
		}
		k := Change(int(ev.Fd), s.filter, flags, 0, s.token)
		if flags&EV_EOF != 0 {
			k.Fflags = fflags
		}
		q.left = append(q.left, k)
	}
}
