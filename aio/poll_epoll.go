package aio

import (
	"sync"
	"syscall"

	"example.com/interlock/aio/internal/sys"
)

// epoll is the poller of linux: one edge-triggered registration for each
// descriptor, whose 64 bits of data are its number and generation. Write
// interest comes with the first write that would block, because a socket of
// the unix family reports room each time its peer reads.
type epoll struct {
	k      sys.Kernel
	ep     int
	events []sys.EpollEvent
	stats  *counters

	mu     sync.Mutex // protects what follows; held over a call that does not wait
	waker  int        // an eventfd, registered with generation 0; -1: none, or it may be another's
	wakeup [8]byte    // a one in either byte order
}

func newEpoll(k sys.Kernel, c *counters) (poller, sys.Errno) {
	ep, e := k.EpollCreate()
	if e != 0 {
		return nil, e
	}
	return &epoll{k: k, ep: ep, events: make([]sys.EpollEvent, batch), stats: c, waker: -1, wakeup: [8]byte{0: 1, 7: 1}}, 0
}

func (p *epoll) nested() sys.Nest { return p.k.Nest(p.ep) }

func (p *epoll) wakeable() sys.Errno {
	fd, e := p.k.EventFD()
	if e != 0 {
		return e
	}
	// Edge-triggered: each write reports anew, and nobody has to read.
	e = p.k.EpollCtl(p.ep, sys.EPOLL_CTL_ADD, fd, sys.EpollEvent{Events: sys.EPOLLIN | sys.EPOLLET, Fd: int32(fd)})
	if e != 0 {
		p.k.Close(fd)
		return e
	}
	p.waker = fd
	return 0
}

func (p *epoll) arm(f *FD, want uint8) sys.Errno {
	// Reads are always reported: so is a hang-up then. With them goes what
	// tookAll has to know of.
	want |= f.armed | armRead
	if f.network() {
		want |= armPri
	}
	if want == f.armed {
		return 0
	}
	op, count := sys.EPOLL_CTL_MOD, &p.stats.mods
	if f.armed == 0 {
		op, count = sys.EPOLL_CTL_ADD, &p.stats.adds
	}
	ev := sys.EpollEvent{Events: sys.EPOLLIN | sys.EPOLLRDHUP | sys.EPOLLET, Fd: f.sysfd, Pad: int32(f.gen)}
	if want&armWrite != 0 {
		ev.Events |= sys.EPOLLOUT
	}
	if want&armPri != 0 {
		ev.Events |= sys.EPOLLPRI
	}
	if e := p.k.EpollCtl(p.ep, op, int(f.sysfd), ev); e != 0 {
		return e
	}
	count.Add(1)
	f.armed = want
	return 0
}

func (p *epoll) forget(f *FD, _ bool) {
	if f.armed != 0 {
		// Closing the number would not end the registration while a
		// duplicate of it is open.
		p.k.EpollCtl(p.ep, sys.EPOLL_CTL_DEL, int(f.sysfd), sys.EpollEvent{})
		f.armed = 0
	}
}

func (p *epoll) wait(timeout int64) int {
	n, e := p.k.EpollWait(p.ep, p.events, timeout)
	if e != 0 {
		return 0 // EINTR: the caller looks around and comes back
	}
	return n
}

func (p *epoll) event(i int) (sysfd int, gen uint32, got edge) {
	ev := &p.events[i]
	if ev.Pad == 0 {
		return 0, 0, 0
	}
	bits := ev.Events
	if bits&(sys.EPOLLIN|sys.EPOLLRDHUP) != 0 {
		got |= edgeRead
	}
	if bits&sys.EPOLLOUT != 0 {
		got |= edgeWrite
	}
	if bits&sys.EPOLLPRI != 0 {
		got |= edgePri
	}
	if bits&(sys.EPOLLRDHUP|sys.EPOLLHUP) != 0 {
		got |= edgeHup
	}
	if bits&(sys.EPOLLHUP|sys.EPOLLERR) != 0 {
		got |= edgeDead
	}
	return int(ev.Fd), uint32(ev.Pad), got
}

func (p *epoll) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waker < 0 {
		return
	}
	if _, e := p.k.Write(p.waker, p.wakeup[:]); e == syscall.EAGAIN {
		// The counter is full. Emptied, it takes the write, and that is
		// the edge.
		var b [8]byte
		p.k.Read(p.waker, b[:])
		p.k.Write(p.waker, p.wakeup[:])
	}
}

// close is not called while somebody waits, but a wake may be late.
func (p *epoll) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waker >= 0 {
		p.k.Close(p.waker)
		p.waker = -1
	}
	p.k.Close(p.ep)
}
