package simkernel

import (
	"slices"
	"syscall"

	"example.com/interlock/aio/internal/sys"
)

// file is an open file description: what a number, its duplicates and the
// queue of a listener share.
type file struct {
	node    node
	refs    int
	watches []watch
}

// node is what a file is. All methods are called with the kernel's lock held.
type node interface {
	info() sys.Info
	read(k *Kernel, p []byte, peek bool) (int, sys.Errno)
	write(k *Kernel, p []byte) (int, sys.Errno)
	// mask is what epoll and poll report: EPOLL bits.
	mask(k *Kernel) uint32
	// note is what a kqueue filter of the file reports now.
	note(k *Kernel, filter int) note
	close(k *Kernel)
}

// note is the answer of a kqueue filter.
type note struct {
	fires  bool
	eof    bool
	fflags uint32
	data   int64
	once   bool      // the event deletes its note
	refuse sys.Errno // registration fails
}

// side says which readiness a change concerns.
type side uint8

const (
	reading side = 1 << iota
	writing
	both = reading | writing
)

// watch is a file's registration with a poller.
type watch interface {
	// wake is told that readiness of these sides may have changed.
	wake(k *Kernel, s side)
	number() int
	// ofNumber: the watch ends with its number, not with its file.
	ofNumber() bool
	// cut takes it out of its poller.
	cut()
}

// wake tells the watches. On systems that say so, those who write hear first.
func (f *file) wake(k *Kernel, s side) {
	if f == nil {
		return
	}
	if k.m.WriteFirst && s == both {
		f.wake(k, writing)
		s = reading
	}
	for _, w := range f.watches {
		w.wake(k, s)
	}
}

func (f *file) unwatch(w watch) {
	if i := slices.Index(f.watches, w); i >= 0 {
		f.watches = slices.Delete(f.watches, i, i+1)
	}
}

func (f *file) unwatchNumber(fd int) {
	f.watches = slices.DeleteFunc(f.watches, func(w watch) bool {
		if !w.ofNumber() || w.number() != fd {
			return false
		}
		w.cut()
		return true
	})
}

func (f *file) unwatchAll() {
	for _, w := range f.watches {
		w.cut()
	}
	f.watches = nil
}

// Read is read(2).
func (k *Kernel) Read(fd int, p []byte) (int, sys.Errno) { return k.in(CallRead, fd, p, 0) }

// msgPeek leaves the bytes in their queue; other flags change nothing here.
const msgPeek = 2

// Recv is recv(2).
func (k *Kernel) Recv(fd int, p []byte, flags int) (int, sys.Errno) {
	return k.in(CallRecv, fd, p, flags)
}

func (k *Kernel) in(call Call, fd int, p []byte, flags int) (n int, e sys.Errno) {
	e = k.enter(call, fd)
	defer func() { k.leave(call, fd, n, e) }()
	f, bad := k.get(call, fd)
	if bad != 0 {
		return 0, bad
	}
	if e != 0 {
		return 0, e
	}
	if call == CallRecv && !f.node.info().Socket {
		return 0, syscall.ENOTSOCK
	}
	return f.node.read(k, p, flags&msgPeek != 0)
}

// Write is write(2).
func (k *Kernel) Write(fd int, p []byte) (int, sys.Errno) { return k.out(CallWrite, fd, p) }

// Send is send(2), which knows no flags here.
func (k *Kernel) Send(fd int, p []byte, _ int) (int, sys.Errno) { return k.out(CallSend, fd, p) }

func (k *Kernel) out(call Call, fd int, p []byte) (n int, e sys.Errno) {
	e = k.enter(call, fd)
	defer func() { k.leave(call, fd, n, e) }()
	f, bad := k.get(call, fd)
	if bad != 0 {
		return 0, bad
	}
	if e != 0 {
		return 0, e
	}
	if (call == CallSend || call == CallSendv) && !f.node.info().Socket {
		return 0, syscall.ENOTSOCK
	}
	return f.node.write(k, p)
}

// Poll asks what a descriptor is ready for.
func (k *Kernel) Poll(fd int, ask sys.Ready) (r sys.Ready, e sys.Errno) {
	e = k.enter(CallPoll, fd)
	defer func() { k.leave(CallPoll, fd, int(r), e) }()
	if e != 0 {
		return 0, e
	}
	f, e := k.get(CallPoll, fd)
	if e != 0 {
		return 0, e
	}
	m := f.node.mask(k)
	if m&sys.EPOLLIN != 0 {
		r |= sys.Readable
	}
	if m&sys.EPOLLOUT != 0 {
		r |= sys.Writable
	}
	if m&sys.EPOLLPRI != 0 {
		r |= sys.Priority
	}
	if m&sys.EPOLLRDHUP != 0 && k.m.Poller == sys.Epoll {
		r |= sys.HangUp | sys.Readable
	}
	if m&(sys.EPOLLHUP|sys.EPOLLERR) != 0 {
		r |= sys.HangUp | sys.Readable | sys.Writable
	}
	return r & ask, 0
}
