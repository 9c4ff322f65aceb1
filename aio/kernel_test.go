//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"sync/atomic"

	"example.com/interlock/aio/internal/sys"
)

// bent is the machine's kernel with some calls replaced or watched. A hook
// that is nil leaves the call alone.
type bent struct {
	sys.Kernel
	recvs  atomic.Int64
	closes atomic.Int64
	polls  atomic.Int64
	sleeps atomic.Int64 // waits of the poller that are not mere questions

	recv    func(fd int, p []byte) (int, sys.Errno, bool) // before: true answers
	recvd   func(fd int, n int, e sys.Errno)              // after
	send    func(fd int, p []byte) (int, sys.Errno, bool)
	accept  func(fd int) (sys.Errno, bool)
	connect func(fd int) (sys.Errno, bool)
	ctl     func(add bool) sys.Errno // registrations
	close   func(fd int)
	adopt   func() // before
}

func bend() *bent { return &bent{Kernel: sys.Host()} }

func (b *bent) Recv(fd int, p []byte, flags int) (int, sys.Errno) {
	b.recvs.Add(1)
	if b.recv != nil {
		if n, e, ok := b.recv(fd, p); ok {
			return n, e
		}
	}
	n, e := b.Kernel.Recv(fd, p, flags)
	if b.recvd != nil {
		b.recvd(fd, n, e)
	}
	return n, e
}

func (b *bent) Send(fd int, p []byte, flags int) (int, sys.Errno) {
	if b.send != nil {
		if n, e, ok := b.send(fd, p); ok {
			return n, e
		}
	}
	return b.Kernel.Send(fd, p, flags)
}

func (b *bent) Accept(fd int) (int, sys.Addr, sys.Errno) {
	if b.accept != nil {
		if e, ok := b.accept(fd); ok {
			return -1, sys.Addr{}, e
		}
	}
	return b.Kernel.Accept(fd)
}

func (b *bent) Connect(fd int, to sys.Addr, inet6 bool) sys.Errno {
	if b.connect != nil {
		if e, ok := b.connect(fd); ok {
			return e
		}
	}
	return b.Kernel.Connect(fd, to, inet6)
}

func (b *bent) EpollCtl(ep, op, fd int, ev sys.EpollEvent) sys.Errno {
	if b.ctl != nil && ev.Pad != 0 {
		if e := b.ctl(op == sys.EPOLL_CTL_ADD); e != 0 {
			return e
		}
	}
	return b.Kernel.EpollCtl(ep, op, fd, ev)
}

func (b *bent) EpollWait(ep int, evs []sys.EpollEvent, timeout int64) (int, sys.Errno) {
	if timeout != 0 {
		b.sleeps.Add(1)
	}
	return b.Kernel.EpollWait(ep, evs, timeout)
}

func (b *bent) Kevent(kq int, changes, events []sys.Kevent, timeout int64) (int, sys.Errno) {
	if b.ctl != nil && len(changes) > 0 && changes[0].Udata != 0 {
		if e := b.ctl(true); e != 0 {
			return 0, e
		}
	}
	if len(events) > 0 && timeout != 0 {
		b.sleeps.Add(1)
	}
	return b.Kernel.Kevent(kq, changes, events, timeout)
}

func (b *bent) Poll(fd int, ask sys.Ready) (sys.Ready, sys.Errno) {
	b.polls.Add(1)
	return b.Kernel.Poll(fd, ask)
}

func (b *bent) Close(fd int) sys.Errno {
	b.closes.Add(1)
	if b.close != nil {
		b.close(fd)
	}
	return b.Kernel.Close(fd)
}

func (k *bent) Adopt(fd int) (sys.Info, sys.Errno) {
	if k.adopt != nil {
		k.adopt()
	}
	return k.Kernel.Adopt(fd)
}
