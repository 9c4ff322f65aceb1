package simkernel

import (
	"syscall"

	"example.com/interlock/aio/internal/sys"
)

// carry lets something that s sends arrive: at once between unix sockets,
// else within Latency and behind what was sent before.
func (k *Kernel) carry(s *socket, run func()) {
	due, quick := k.clock(), s.unix || k.cfg.Latency <= 0
	if quick && s.arrival < due {
		run()
		return
	}
	if !quick {
		due += 1 + k.luck.Int64N(k.cfg.Latency)
	}
	s.arrival = max(s.arrival, due)
	k.at(s.arrival, run)
}

func (s *socket) read(k *Kernel, p []byte, peek bool) (int, sys.Errno) {
	switch {
	case s.packet:
		return s.readPacket(p, peek)
	case s.stage == fresh || s.stage == listening:
		return 0, syscall.ENOTCONN
	case len(p) == 0:
		return 0, 0
	case len(s.received) > 0 && peek:
		return copy(p, s.received), 0
	case len(s.received) > 0:
		return s.readBytes(k, p), 0
	case s.err != 0:
		return 0, s.take()
	case s.noMoreIn():
		return 0, 0
	}
	return 0, syscall.EAGAIN
}

func (s *socket) readBytes(k *Kernel, p []byte) int {
	n := min(len(p), len(s.received))
	// What is already on its way must not be overtaken.
	if s.peer.arrival < k.clock() && !s.noMoreIn() {
		if m := k.part(n); m < n {
			s.postpone(k, m)
			n = m
		}
	}
	copy(p, s.received[:n])
	s.received = s.received[n:]
	s.peer.drained(k)
	return n
}

// postpone makes a short read honest: all but n of the received bytes are put
// back on their way and will arrive with an edge of their own.
func (s *socket) postpone(k *Kernel, n int) {
	rest := append([]byte(nil), s.received[n:]...)
	s.received = s.received[:n:n]
	from := s.peer
	from.flight += len(rest)
	from.arrival = max(from.arrival, k.clock()+k.moment())
	k.at(from.arrival, func() { from.arrived(k, rest) })
}

// moment is how long something takes that takes no time to speak of.
func (k *Kernel) moment() int64 { return 1 + k.luck.Int64N(max(k.cfg.Latency, 10_000)) }

// drained tells a sender that its peer has read.
func (s *socket) drained(k *Kernel) {
	if s.unix || k.m.SpaceEdges || s.full {
		s.roomier(k)
	}
}

func (s *socket) roomier(k *Kernel) {
	if s.room(k) > 0 && s.writable(k) {
		s.full = false
		s.file.wake(k, writing)
	}
}

func (s *socket) write(k *Kernel, p []byte) (int, sys.Errno) {
	switch {
	case s.packet:
		return s.writePacket(k, p)
	case s.stage == connecting && k.m.Poller == sys.Epoll:
		return 0, syscall.EAGAIN
	case s.stage == fresh && !s.unix && k.m.Poller == sys.Epoll:
		return 0, syscall.EPIPE
	case s.stage == fresh || s.stage == listening || s.stage == connecting:
		return 0, syscall.ENOTCONN
	case s.noMoreOut() && (s.err == 0 || k.m.EpipeFirst):
		return 0, syscall.EPIPE
	case s.err != 0:
		return 0, s.take()
	case len(p) == 0:
		return 0, 0
	}
	n := min(len(p), s.room(k))
	if n <= 0 {
		s.full = true
		return 0, syscall.EAGAIN
	}
	if m := k.part(n); m < n {
		s.hold(k, s.room(k)-m)
		n = m
	}
	s.full = s.full || n < len(p)
	s.send(k, append([]byte(nil), p[:n]...))
	return n, 0
}

// hold makes a short write honest: the buffer is full for a moment, and the
// end of the moment is an edge.
func (s *socket) hold(k *Kernel, n int) {
	s.held += n
	s.full = true
	k.at(k.clock()+k.moment(), func() {
		s.held -= n
		s.roomier(k)
	})
}

func (s *socket) send(k *Kernel, data []byte) {
	s.flight += len(data)
	k.carry(s, func() { s.arrived(k, data) })
}

// arrived is the end of a flight that s has begun.
func (s *socket) arrived(k *Kernel, data []byte) {
	s.flight -= len(data)
	p := s.peer
	switch {
	case p.file == nil && !s.unix:
		k.carry(p, func() { s.reset(k) })
	case p.file == nil || p.noMoreIn():
		s.drained(k)
	default:
		p.received = append(p.received, data...)
		p.file.wake(k, reading)
	}
}

// fin is the peer's FIN.
func (s *socket) fin(k *Kernel) {
	if s.file == nil || s.gone || s.finRead {
		return
	}
	s.finRead = true
	s.changed(k, reading)
}

// changed is the end of one direction. For epoll the second end is a hang-up,
// which concerns both.
func (s *socket) changed(k *Kernel, one side) {
	if k.m.Poller == sys.Epoll && s.noMoreIn() && s.noMoreOut() {
		one = both
	}
	s.file.wake(k, one)
}

// reset is the peer's RST.
func (s *socket) reset(k *Kernel) {
	if s.file == nil || s.gone {
		return
	}
	s.err = syscall.ECONNRESET
	if s.finRead && k.m.LateResetEpipe {
		s.err = syscall.EPIPE
	}
	s.gone = true
	s.file.wake(k, both)
}

// hangUp is a unix peer's close.
func (s *socket) hangUp(k *Kernel, unread bool) {
	if s.file == nil || s.gone {
		return
	}
	s.gone = true
	if unread && k.m.UnreadResets {
		s.err = syscall.ECONNRESET
	}
	s.file.wake(k, both)
}

// Shutdown ends one direction or both.
func (k *Kernel) Shutdown(fd, how int) (e sys.Errno) {
	e = k.enter(CallShutdown, fd)
	defer func() { k.leave(CallShutdown, fd, how, e) }()
	if e != 0 {
		return e
	}
	s, e := k.socket(CallShutdown, fd)
	if e != 0 {
		return e
	}
	if s.stage == fresh && !s.packet && (k.m.LooseShutdown || s.unix && k.m.Poller == sys.Epoll) {
		return 0
	}
	if s.packet || s.stage != connected || s.gone && !s.unix {
		return syscall.ENOTCONN
	}
	if how == sys.SHUT_RD || how == sys.SHUT_RDWR {
		s.shutRead = true
		s.changed(k, reading)
		if p := s.peer; s.unix && k.m.ReadEndEnds && p.file != nil && !p.shutSend {
			p.shutSend = true
			p.changed(k, writing)
		}
	}
	if how == sys.SHUT_WR || how == sys.SHUT_RDWR {
		s.endSend(k)
		s.changed(k, writing)
	}
	return 0
}

func (s *socket) endSend(k *Kernel) {
	if s.shutSend || s.gone {
		return
	}
	s.shutSend = true
	k.carry(s, func() { s.peer.fin(k) })
}

// close is called when nobody holds the file any more.
func (s *socket) close(k *Kernel) {
	k.unbind(s)
	s.file = nil
	for _, c := range s.queue {
		c.opts[sys.OptReset] = 1
		k.drop(c.file)
	}
	s.queue = nil
	for _, d := range s.packets {
		k.lose(d)
	}
	p := s.peer
	unread := len(s.received) > 0
	switch {
	case p == nil || s.gone && !s.unix:
	case s.unix:
		k.carry(s, func() { p.hangUp(k, unread || s.queued) })
	case s.opts[sys.OptReset] != 0 || unread && k.m.UnreadResets:
		k.carry(s, func() { p.reset(k) })
	default:
		s.endSend(k)
	}
	s.received = nil
	if unread && p.file != nil {
		p.drained(k) // what was taken has gone, if not to anybody
	}
}
