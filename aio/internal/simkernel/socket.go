package simkernel

import (
	"syscall"

	"example.com/interlock/aio/internal/sys"
)

// stage is how far a socket has come.
type stage uint8

const (
	fresh stage = iota
	listening
	connecting
	connected
	failed // a connect that came to nothing; err says why until it is taken
)

// socket is a tcp, udp or unix socket. The bytes that it has sent are either
// in flight or in the peer's received.
type socket struct {
	file   *file // nil once closed
	unix   bool
	packet bool
	inet6  bool
	stage  stage
	opts   map[sys.Option]int
	local  sys.Addr
	remote sys.Addr
	bound  bool // local is in the kernel's table

	// A stream with a peer.
	peer     *socket
	received []byte
	flight   int   // bytes sent, not yet received
	held     int   // bytes of room that come back a moment later
	arrival  int64 // when the last thing sent arrives: nothing overtakes
	full     bool  // somebody was told that there is no room
	finRead  bool  // the peer's FIN has come
	shutRead bool  // shutdown by ourselves
	shutSend bool
	gone     bool // reset, or a unix peer that has closed: nothing can be sent
	err      sys.Errno
	told     bool // a connect has answered success

	// A listener, and who waits in its queue.
	backlog int
	queue   []*socket
	queued  bool // is itself in a queue

	packets []packet
}

// packet is a datagram.
type packet struct {
	data   []byte
	from   sys.Addr
	rights []*file
}

// Socket makes a socket.
func (k *Kernel) Socket(domain, typ, _ int) (fd int, e sys.Errno) {
	e = k.enter(CallSocket, -1)
	defer func() { k.leave(CallSocket, fd, 0, e) }()
	if e != 0 {
		return -1, e
	}
	s := k.newSocket(domain == syscall.AF_UNIX, typ == syscall.SOCK_DGRAM)
	s.inet6 = domain == syscall.AF_INET6
	switch {
	case domain != syscall.AF_UNIX && domain != syscall.AF_INET && domain != syscall.AF_INET6:
		return -1, syscall.EAFNOSUPPORT
	case typ != syscall.SOCK_STREAM && typ != syscall.SOCK_DGRAM:
		return -1, syscall.EPROTONOSUPPORT
	}
	return k.give(s.file)
}

func (k *Kernel) newSocket(unix, packet bool) *socket {
	s := &socket{unix: unix, packet: packet, opts: map[sys.Option]int{}}
	s.local.Unix = unix
	s.file = &file{node: s}
	return s
}

func (s *socket) info() sys.Info {
	in := sys.Info{Shape: sys.ShapeStream, Socket: true, Inet6: s.inet6, Unix: s.unix}
	switch {
	case s.packet:
		in.Shape = sys.ShapePacket
	case s.stage == listening:
		in.Shape = sys.ShapeListener
	}
	return in
}

// socket is the socket behind a number.
func (k *Kernel) socket(call Call, fd int) (*socket, sys.Errno) {
	f, e := k.get(call, fd)
	if e != 0 {
		return nil, e
	}
	s, ok := f.node.(*socket)
	if !ok {
		return nil, syscall.ENOTSOCK
	}
	return s, 0
}

// take is the pending error, which is then gone.
func (s *socket) take() sys.Errno {
	e := s.err
	s.err = 0
	return e
}

// noMore says that nothing more will be received, sent.
func (s *socket) noMoreIn() bool  { return s.finRead || s.shutRead || s.gone || s.stage == failed }
func (s *socket) noMoreOut() bool { return s.shutSend || s.gone || s.stage == failed }

// room is how many bytes can be sent.
func (s *socket) room(k *Kernel) int {
	n := k.cfg.Buffer - s.flight - s.held
	if s.peer != nil {
		n -= len(s.peer.received)
	}
	return n
}

// writable is room enough to say so: systems wait for a good part of the
// buffer, so that a writer is not woken for each byte.
func (s *socket) writable(k *Kernel) bool {
	enough := min(2048, k.cfg.Buffer/4)
	if k.m.Poller == sys.Epoll {
		enough = k.cfg.Buffer / 3
		if s.unix {
			enough = k.cfg.Buffer * 3 / 4
		}
	}
	if s.room(k) >= max(enough, 1) {
		return true
	}
	s.full = true // who asked wants to hear of it
	return false
}

func (s *socket) mask(k *Kernel) (m uint32) {
	if s.err != 0 {
		m |= sys.EPOLLERR
	}
	switch {
	case s.packet:
		if len(s.packets) > 0 {
			m |= sys.EPOLLIN
		}
		return m | sys.EPOLLOUT
	case s.stage == listening:
		if len(s.queue) > 0 {
			m |= sys.EPOLLIN
		}
		return m
	case s.stage == fresh:
		return m | sys.EPOLLHUP | sys.EPOLLOUT
	case s.stage == connecting:
		return m
	}
	if s.noMoreIn() {
		m |= sys.EPOLLIN | sys.EPOLLRDHUP
	}
	if s.noMoreIn() && s.noMoreOut() {
		m |= sys.EPOLLHUP
	}
	if len(s.received) > 0 {
		m |= sys.EPOLLIN
	}
	// A full unix socket is not writable even when a write would fail.
	if s.noMoreOut() && !s.unix || s.writable(k) {
		m |= sys.EPOLLOUT
	}
	return m
}

func (s *socket) note(k *Kernel, filter int) note {
	read := filter == sys.EVFILT_READ
	switch {
	case s.packet && read:
		n := 0
		for _, p := range s.packets {
			n += len(p.data)
		}
		return note{fires: len(s.packets) > 0 || s.err != 0, data: int64(n), fflags: uint32(s.err)}
	case s.packet:
		return note{fires: true, data: int64(k.cfg.Buffer)}
	case s.stage == listening:
		return note{fires: read && len(s.queue) > 0, data: int64(len(s.queue))}
	case s.stage == fresh || s.stage == connecting:
		return note{}
	case read:
		eof := s.noMoreIn()
		return note{fires: eof || len(s.received) > 0, eof: eof, data: int64(len(s.received)), fflags: uint32(s.err)}
	}
	eof := s.noMoreOut()
	return note{fires: eof || s.writable(k), eof: eof, data: int64(max(s.room(k), 0)), fflags: uint32(s.err)}
}

// SockError takes the pending error.
func (k *Kernel) SockError(fd int) (e sys.Errno) {
	e = k.enter(CallSockError, fd)
	defer func() { k.leave(CallSockError, fd, 0, e) }()
	if e != 0 {
		return e
	}
	s, e := k.socket(CallSockError, fd)
	if e != 0 {
		return e
	}
	return s.take()
}

// SockName is the socket's own address.
func (k *Kernel) SockName(fd int) (a sys.Addr, e sys.Errno) {
	e = k.enter(CallSockName, fd)
	defer func() { k.leave(CallSockName, fd, 0, e) }()
	if e != 0 {
		return a, e
	}
	s, e := k.socket(CallSockName, fd)
	if e != 0 {
		return a, e
	}
	return s.local, 0
}

// PeerName is the peer's address.
func (k *Kernel) PeerName(fd int) (a sys.Addr, e sys.Errno) {
	e = k.enter(CallPeerName, fd)
	defer func() { k.leave(CallPeerName, fd, 0, e) }()
	if e != 0 {
		return a, e
	}
	s, e := k.socket(CallPeerName, fd)
	if e != 0 {
		return a, e
	}
	if !s.hasPeer() {
		return a, syscall.ENOTCONN
	}
	return s.remote, 0
}

func (s *socket) hasPeer() bool { return s.stage == connected && (!s.gone || s.unix) }

// Connected says whether PeerName would answer.
func (k *Kernel) Connected(fd int) bool {
	_, e := k.PeerName(fd)
	return e == 0
}

// SetOption sets an option.
func (k *Kernel) SetOption(fd int, o sys.Option, v int) (e sys.Errno) {
	e = k.enter(CallSetOption, fd)
	defer func() { k.leave(CallSetOption, fd, v, e) }()
	if e != 0 {
		return e
	}
	s, e := k.socket(CallSetOption, fd)
	if e != 0 {
		return e
	}
	if (o == sys.OptNoDelay || o == sys.OptV6Only) && s.unix {
		return syscall.EOPNOTSUPP
	}
	switch o {
	case sys.OptReset: // a linger of no time, whatever v
		v = 1
		s.opts[sys.OptLinger] = 0
	case sys.OptLinger:
		s.opts[sys.OptReset] = 0
		if v == 0 {
			s.opts[sys.OptReset] = 1
		}
	}
	s.opts[o] = v
	return 0
}
