// Package sys is everything that aio asks of a kernel.
//
// The interface [Kernel] has two kinds of implementations: the machine's own
// kernel, which [Host] returns, and the simulated one in
// aio/internal/simkernel. Nothing above this package makes a system call,
// reads a clock or looks at GOOS, so both pollers run on every system.
//
// Rules of the interface:
//
//   - An [Errno] of zero means success. No call returns EINTR but
//     EpollWait and Kevent, whose caller has to look around anyway.
//   - Calls on a descriptor never wait, except Close (which may linger) and a
//     poll with a timeout other than zero.
//   - Numbers of epoll and kqueue constants are those declared here.
package sys

import (
	"net/netip"
	"syscall"
	"time"
)

// Errno is a system's error number; zero is success.
type Errno = syscall.Errno

// What Shutdown ends; the numbers are the same everywhere, the names are not.
const (
	SHUT_RD   = 0
	SHUT_WR   = 1
	SHUT_RDWR = 2
)

// Poller says which of the two mechanisms a kernel has.
type Poller uint8

// The mechanisms.
const (
	Epoll  Poller = iota + 1 // EpollCreate, EpollCtl, EpollWait, EventFD
	Kqueue                   // KqueueCreate, Kevent
)

// Ready is a set of readiness bits, as Poll takes and gives them.
type Ready uint8

// The bits of Ready. An error or a full hang-up sets Readable and Writable
// too: the call would not wait.
const (
	Readable Ready = 1 << iota
	Writable
	Priority // urgent data
	HangUp   // the peer will send no more, or the connection is dead
)

// Addr is a socket address. The zero Addr is "none", as an unnamed unix peer
// has it.
type Addr struct {
	IP   netip.AddrPort // internet sockets; IPv4 is never 4-in-6
	Path string         // unix sockets; a leading '@' is linux's abstract space
	Unix bool
}

// None says that a is the zero Addr.
func (a Addr) None() bool { return !a.Unix && !a.IP.IsValid() }

// Shape is what an open descriptor turned out to be.
type Shape uint8

// The shapes.
const (
	ShapeOther    Shape = iota // ttys, devices, event descriptors
	ShapeStream                // a stream socket
	ShapeListener              // a listening socket
	ShapePacket                // a datagram or seqpacket socket
	ShapePipe                  // a pipe or FIFO
	ShapeFile                  // a regular file or a directory: never pollable
)

// Info describes an open descriptor.
type Info struct {
	Shape  Shape
	Socket bool // Recv and Send work
	Inet6  bool // IPv4 addresses are given as 4-in-6
	Unix   bool
	Seq    bool // packets in a stream: an empty one is its end
}

// Option names a socket option that takes a number.
type Option uint8

// The options that the core sets.
const (
	OptReuseAddr Option = iota + 1
	OptReusePort
	OptNoDelay
	OptV6Only
	OptReset // close sends RST: linger on, zero seconds
	OptKeepAlive
	OptBroadcast
	OptSendBuffer
	OptReceiveBuffer
	OptLinger // in seconds, negative: off
	OptError  // as SockError, but for GetOption alone
)

// Kernel is what aio needs of a system.
type Kernel interface {
	// Poller says which of the Epoll and Kqueue groups works.
	Poller() Poller

	// Now is a monotonic clock in nanoseconds, never zero; When is the
	// reading of that clock at the time t (at the least 1).
	Now() int64
	When(t time.Time) int64

	// Socket, Pipe, Accept and Dup give descriptors that are close-on-exec
	// and, but for Dup, non-blocking, and that raise no SIGPIPE.
	Socket(domain, typ, proto int) (int, Errno)
	Pipe() (rd, wr int, e Errno)
	Dup(fd int) (int, Errno)
	// Adopt makes a foreign descriptor the same way and says what it is.
	Adopt(fd int) (Info, Errno)
	// Close closes the number. It is called once per number.
	Close(fd int) Errno

	// Read and Write are read(2) and write(2), cut at 1 GiB. Recv and Send
	// are their forms for sockets.
	Read(fd int, p []byte) (int, Errno)
	Write(fd int, p []byte) (int, Errno)
	Recv(fd int, p []byte, flags int) (int, Errno)
	Send(fd int, p []byte, flags int) (int, Errno)

	// Readv and Writev move what Pieces gives of several buffers, but for
	// the first skip bytes. Sendv is Writev for sockets: one message of a
	// datagram socket.
	Readv(fd int, bufs [][]byte) (int, Errno)
	Writev(fd int, bufs [][]byte, skip int) (int, Errno)
	Sendv(fd int, bufs [][]byte, skip int) (int, Errno)
	// RecvMsg gives a message, its control data, the MSG_ flags that tell
	// what was cut off, and the sender, none on a connection. Descriptors
	// in the control data are close-on-exec. SendMsg to none is for
	// connected sockets.
	RecvMsg(fd int, p, oob []byte, flags int) (n, oobn, rflags int, from Addr, e Errno)
	SendMsg(fd int, p, oob []byte, to Addr, inet6 bool, flags int) (int, Errno)

	Accept(fd int) (int, Addr, Errno)
	Connect(fd int, to Addr, inet6 bool) Errno
	Bind(fd int, to Addr, inet6 bool) Errno
	Listen(fd, backlog int) Errno
	Shutdown(fd, how int) Errno
	// SockError takes the socket's pending error (SO_ERROR), zero if none.
	SockError(fd int) Errno
	SockName(fd int) (Addr, Errno)
	PeerName(fd int) (Addr, Errno)
	// Connected says whether the socket has a peer, at the price of one
	// call and no allocation.
	Connected(fd int) bool
	SetOption(fd int, o Option, v int) Errno
	GetOption(fd int, o Option) (int, Errno)

	// Poll is poll(2) on one descriptor without waiting: which of the
	// asked bits hold now. HangUp is reported as far as the system's poll
	// knows it.
	Poll(fd int, ask Ready) (Ready, Errno)

	// EpollWait with timeout 0 returns at once, with a negative one it
	// waits without limit; in nanoseconds, rounded up to what the system
	// has.
	EpollCreate() (int, Errno)
	EpollCtl(ep, op, fd int, ev EpollEvent) Errno
	EpollWait(ep int, evs []EpollEvent, timeout int64) (int, Errno)
	// EventFD is a non-blocking eventfd(2).
	EventFD() (int, Errno)
	// Nest lets an epoll descriptor wait inside Go's own poller; nil where
	// that does not work. The Nest is closed before ep is.
	Nest(ep int) Nest

	// Kevent with no room for events applies one change and returns its
	// error. Both slices live on the heap.
	KqueueCreate() (int, Errno)
	Kevent(kq int, changes, events []Kevent, timeout int64) (int, Errno)
	// UserEvents says whether EVFILT_USER exists.
	UserEvents() bool
}

// Nest is an epoll descriptor inside Go's poller.
type Nest interface {
	// Wait parks the goroutine until ready returns true, the time set by
	// Until has passed or Wake was called. It asks ready first, and again
	// whenever the descriptor may have become readable.
	Wait(ready func(ep uintptr) bool)
	// Until sets when Wait ends at the latest: in d nanoseconds from now,
	// negative: never. It undoes an earlier Wake.
	Until(d int64)
	// Wake ends the running Wait, or the next one.
	Wake()
	Close() error
}
