package simkernel

import (
	"net/netip"
	"syscall"
	"time"

	"example.com/interlock/aio/internal/sys"
)

// Route is what becomes of packets to an address.
type Route uint8

// The routes. Every address is this machine's unless SetRoute says otherwise.
const (
	Local       Route = iota
	BlackHole         // nothing answers
	Unreachable       // connect answers ENETUNREACH
)

// SetRoute says where an address leads.
func (k *Kernel) SetRoute(a netip.Addr, r Route) {
	k.mu.Lock()
	k.routes[a.String()] = r
	k.mu.Unlock()
}

const (
	handshakeRetry = int64(time.Second)       // between two tries at a full backlog
	handshakeLimit = 127 * int64(time.Second) // then ETIMEDOUT
)

// place is where a socket is bound: streams and packets do not meet.
type place struct {
	addr   sys.Addr
	packet bool
}

// Bind gives the socket an address; port 0 is a free one.
func (k *Kernel) Bind(fd int, to sys.Addr, inet6 bool) (e sys.Errno) {
	e = k.enter(CallBind, fd)
	defer func() { k.leave(CallBind, fd, 0, e) }()
	if e != 0 {
		return e
	}
	s, e := k.socket(CallBind, fd)
	switch {
	case e != 0:
		return e
	case s.bound || to.Unix != s.unix || !to.Unix && !to.IP.IsValid():
		return syscall.EINVAL
	case !to.Unix && to.IP.Addr().Is6() && !inet6:
		return syscall.EAFNOSUPPORT
	case !to.Unix && to.IP.Port() == 0:
		to.IP = netip.AddrPortFrom(to.IP.Addr(), k.freePort(s.packet))
	}
	if other := k.bound[place{to, s.packet}]; other != nil {
		if other.opts[sys.OptReusePort] == 0 || s.opts[sys.OptReusePort] == 0 || s.unix {
			return syscall.EADDRINUSE
		}
	} else {
		k.bound[place{to, s.packet}] = s
	}
	s.local, s.bound = to, true
	return 0
}

// freePort is a port that no socket of the kind has.
func (k *Kernel) freePort(packet bool) uint16 {
	for {
		if k.port++; k.port < 49152 {
			k.port = 49152
		}
		free := true
		for p := range k.bound {
			free = free && (p.packet != packet || p.addr.Unix || p.addr.IP.Port() != k.port)
		}
		if free {
			return k.port
		}
	}
}

// unbind frees an internet address. The path of a unix socket stays, as its
// file does, until Unlink.
func (k *Kernel) unbind(s *socket) {
	at := place{s.local, s.packet}
	if s.bound && !s.unix && k.bound[at] == s {
		delete(k.bound, at)
	}
}

// Unlink removes a unix socket's path.
func (k *Kernel) Unlink(path string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, packet := range []bool{false, true} {
		delete(k.bound, place{sys.Addr{Path: path, Unix: true}, packet})
	}
}

// lookup is the socket that has an address, or its port on all addresses.
func (k *Kernel) lookup(to sys.Addr, packet bool) *socket {
	if s := k.bound[place{to, packet}]; s != nil || to.Unix {
		return s
	}
	for _, any := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
		s := k.bound[place{sys.Addr{IP: netip.AddrPortFrom(any, to.IP.Port())}, packet}]
		if s != nil && (any.Is4() == to.IP.Addr().Is4() || any.Is6() && s.opts[sys.OptV6Only] == 0) {
			return s
		}
	}
	return nil
}

// Listen lets connections queue up.
func (k *Kernel) Listen(fd, backlog int) (e sys.Errno) {
	e = k.enter(CallListen, fd)
	defer func() { k.leave(CallListen, fd, backlog, e) }()
	if e != 0 {
		return e
	}
	s, e := k.socket(CallListen, fd)
	switch {
	case e != 0:
		return e
	case s.packet:
		return syscall.EOPNOTSUPP
	case s.stage != fresh && s.stage != listening || s.unix && !s.bound:
		return syscall.EINVAL
	case !s.bound:
		k.autoBind(s, netip.IPv4Unspecified())
		k.bound[place{s.local, false}] = s
		s.bound = true
	}
	s.stage, s.backlog = listening, max(backlog, 0)
	return 0
}

func (k *Kernel) autoBind(s *socket, a netip.Addr) {
	s.local.IP = netip.AddrPortFrom(a, k.freePort(s.packet))
}

// crowded says that a listener's queue takes no more. Linux has room for one
// more than it was asked for.
func (s *socket) crowded(k *Kernel) bool {
	limit := s.backlog
	if k.m.Poller == sys.Epoll {
		limit++
	}
	return len(s.queue) >= max(limit, 1)
}

// Connect connects, or begins to.
func (k *Kernel) Connect(fd int, to sys.Addr, inet6 bool) (e sys.Errno) {
	e = k.enter(CallConnect, fd)
	defer func() { k.leave(CallConnect, fd, 0, e) }()
	if e != 0 {
		return e
	}
	s, e := k.socket(CallConnect, fd)
	if e != 0 {
		return e
	}
	switch {
	case !to.Unix && !to.IP.IsValid():
		return syscall.EINVAL
	case to.Unix != s.unix || !to.Unix && to.IP.Addr().Is6() && !inet6:
		return syscall.EAFNOSUPPORT
	case s.packet:
		return k.connectPacket(s, to)
	}
	switch s.stage {
	case listening:
		return syscall.EOPNOTSUPP
	case connecting:
		return syscall.EALREADY
	case connected:
		if k.m.ConnectOnce && !s.told {
			s.told = true
			return 0
		}
		return syscall.EISCONN
	case failed:
		s.stage = fresh
		if e := s.take(); e != 0 {
			return e
		}
		return syscall.ECONNABORTED
	}
	if s.unix {
		return k.connectUnix(s, to)
	}
	return k.connectTCP(s, to)
}

func (k *Kernel) connectUnix(s *socket, to sys.Addr) sys.Errno {
	l := k.lookup(to, false)
	switch {
	case l == nil:
		return syscall.ENOENT
	case l.file == nil || l.stage != listening:
		return syscall.ECONNREFUSED
	case l.crowded(k):
		return k.m.UnixBacklog
	}
	s.told = true
	k.join(s, l, to)
	return 0
}

func (k *Kernel) connectTCP(s *socket, to sys.Addr) sys.Errno {
	route := k.routes[to.IP.Addr().String()]
	if route == Unreachable {
		return syscall.ENETUNREACH
	}
	if !s.bound {
		k.autoBind(s, to.IP.Addr())
	}
	s.stage, s.remote = connecting, to
	give := k.clock() + handshakeLimit
	if route == BlackHole {
		k.at(give, func() { s.connectFails(k, syscall.ETIMEDOUT) })
		return syscall.EINPROGRESS
	}
	if !k.m.SyncConnect {
		k.carry(s, func() { k.handshake(s, to, give) })
		return syscall.EINPROGRESS
	}
	k.handshake(s, to, give)
	switch s.stage {
	case connected:
		s.told = true
		return 0
	case failed:
		s.stage = fresh
		return s.take()
	}
	return syscall.EINPROGRESS
}

// handshake is one try to get into the listener's queue.
func (k *Kernel) handshake(s *socket, to sys.Addr, giveUp int64) {
	if s.file == nil || s.stage != connecting {
		return
	}
	l := k.lookup(to, false)
	switch {
	case l == nil || l.stage != listening:
		s.connectFails(k, syscall.ECONNREFUSED)
	case !l.crowded(k):
		k.join(s, l, to)
	case k.now >= giveUp:
		s.connectFails(k, syscall.ETIMEDOUT)
	default:
		k.at(min(k.now+handshakeRetry, giveUp), func() { k.handshake(s, to, giveUp) })
	}
}

func (s *socket) connectFails(k *Kernel, e sys.Errno) {
	if s.file == nil || s.stage != connecting {
		return
	}
	s.stage, s.err = failed, e
	s.file.wake(k, both)
}

// join makes the listener's end of a connection and queues it.
func (k *Kernel) join(s, l *socket, to sys.Addr) {
	c := k.newSocket(l.unix, false)
	c.inet6, c.queued = l.inet6, true
	c.stage, c.peer, c.local, c.remote, c.told = connected, s, to, s.local, true
	c.file.refs = 1
	s.stage, s.peer, s.remote = connected, c, to
	l.queue = append(l.queue, c)
	s.file.wake(k, both)
	l.file.wake(k, reading)
}

// Accept takes the first connection of the queue.
func (k *Kernel) Accept(fd int) (n int, from sys.Addr, e sys.Errno) {
	e = k.enter(CallAccept, fd)
	defer func() { k.leave(CallAccept, fd, n, e) }()
	l, bad := k.socket(CallAccept, fd)
	switch {
	case bad != 0:
		return -1, from, bad
	case e != 0:
		return -1, from, e
	case l.stage != listening:
		return -1, from, syscall.EINVAL
	case len(l.queue) == 0:
		return -1, from, syscall.EAGAIN
	case k.open >= k.cfg.Files:
		return -1, from, syscall.EMFILE
	}
	c := l.queue[0]
	l.queue = append([]*socket(nil), l.queue[1:]...)
	c.queued = false
	if c.gone && k.m.AbortedAccept {
		k.drop(c.file)
		return -1, from, syscall.ECONNABORTED
	}
	n, e = k.give(c.file)
	c.file.refs-- // the queue's
	return n, c.remote, e
}
