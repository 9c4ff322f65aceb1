package aio

import (
	"sync"
	"syscall"

	"example.com/interlock/aio/internal/sys"
)

// kqueue is the poller of darwin and the BSDs: a filter for each direction,
// with EV_CLEAR, made when the direction first would block. The udata of a
// filter is the descriptor's generation. EV_DISPATCH and EV_RECEIPT are left
// alone: NetBSD ignores them. A change is sent at once, alone and without
// room for events, so its error comes back to whom it concerns.
type kqueue struct {
	k      sys.Kernel
	kq     int
	events []sys.Kevent
	stats  *counters
	waker  kqueueWaker

	mu     sync.Mutex   // protects what follows; held over calls that do not wait
	change []sys.Kevent // one, on the heap for the kernel
	closed bool         // kq and the waker's numbers may be another's
}

func newKqueue(k sys.Kernel, c *counters) (poller, sys.Errno) {
	kq, e := k.KqueueCreate()
	if e != 0 {
		return nil, e
	}
	return &kqueue{k: k, kq: kq, events: make([]sys.Kevent, batch), change: make([]sys.Kevent, 1), stats: c}, 0
}

// nested: a kqueue cannot wait in Go's poller, which asks for writes too.
func (p *kqueue) nested() sys.Nest { return nil }

func (p *kqueue) wakeable() sys.Errno {
	if p.k.UserEvents() {
		p.waker = &wakeUser{p}
	} else {
		p.waker = &wakePipe{p: p}
	}
	return p.waker.open()
}

func (p *kqueue) arm(f *FD, want uint8) sys.Errno {
	// There is no filter for urgent data on all systems: the read filter
	// makes a waiter look.
	want &= armRead | armWrite
	first := f.armed == 0
	for _, s := range [...]struct {
		bit    uint8
		filter int
	}{{armRead, sys.EVFILT_READ}, {armWrite, sys.EVFILT_WRITE}} {
		if want&s.bit == 0 || f.armed&s.bit != 0 {
			continue
		}
		if e := p.set(int(f.sysfd), s.filter, sys.EV_ADD|sys.EV_CLEAR, 0, f.gen); e != 0 {
			return e
		}
		f.armed |= s.bit
		if first {
			p.stats.adds.Add(1)
			first = false
		} else {
			p.stats.mods.Add(1)
		}
	}
	// On darwin the end of a pipe that is written to hears that its reader
	// is gone on the read filter alone. A system may refuse the filter: then
	// it has no need of it.
	if want&armWrite != 0 && f.armed&armRead == 0 && !f.is(traitSocket) &&
		p.set(int(f.sysfd), sys.EVFILT_READ, sys.EV_ADD|sys.EV_CLEAR, 0, f.gen) == 0 {
		f.armed |= armRead
	}
	return 0
}

// set applies one change.
func (p *kqueue) set(ident, filter, flags int, fflags uint32, token uint32) sys.Errno {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return syscall.EBADF
	}
	p.change[0] = sys.Change(ident, filter, flags, fflags, uintptr(token))
	_, e := p.k.Kevent(p.kq, p.change, nil, 0)
	return e
}

func (p *kqueue) forget(f *FD, stays bool) {
	if stays { // else closing the number takes its filters along
		if f.armed&armRead != 0 {
			p.set(int(f.sysfd), sys.EVFILT_READ, sys.EV_DELETE, 0, f.gen)
		}
		if f.armed&armWrite != 0 {
			p.set(int(f.sysfd), sys.EVFILT_WRITE, sys.EV_DELETE, 0, f.gen)
		}
	}
	f.armed = 0
}

func (p *kqueue) wait(timeout int64) int {
	n, e := p.k.Kevent(p.kq, nil, p.events, timeout)
	if e != 0 {
		return 0 // EINTR: the caller looks around and comes back
	}
	return n
}

func (p *kqueue) event(i int) (sysfd int, gen uint32, got edge) {
	ev := &p.events[i]
	if ev.Udata == 0 {
		p.waker.drain()
		return 0, 0, 0
	}
	end := ev.Flags&sys.EV_EOF != 0
	switch int(ev.Filter) {
	case sys.EVFILT_READ:
		got = edgeRead
		if end {
			got |= edgeHup // and a writer may have to hear of it here: pipes on darwin
		}
	case sys.EVFILT_WRITE:
		got = edgeWrite
		if end {
			got |= edgeWriteEnd
		}
	}
	if end && ev.Fflags != 0 {
		got |= edgeHup | edgeDead
	}
	return int(ev.Ident), uint32(ev.Udata), got
}

func (p *kqueue) wake() { p.waker.wake() }

// close is not called while somebody waits, but a wake may be late.
func (p *kqueue) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.waker != nil {
		p.waker.close()
	}
	p.k.Close(p.kq)
}

// kqueueWaker ends a wait of another goroutine. Its events have udata 0.
type kqueueWaker interface {
	open() sys.Errno
	wake()
	drain() // called by the poller for each of its events
	close() // with mu held
}
