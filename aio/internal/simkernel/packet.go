package simkernel

import (
	"syscall"

	"example.com/interlock/aio/internal/sys"
)

// A datagram socket answers for its peer only what it has been told: an
// address without a socket shows as an error of a later call.

func (k *Kernel) connectPacket(s *socket, to sys.Addr) sys.Errno {
	if to.Unix && k.lookup(to, true) == nil {
		return syscall.ENOENT
	}
	if !s.unix && !s.bound {
		k.autoBind(s, to.IP.Addr())
		k.bound[place{s.local, true}] = s
		s.bound = true
	}
	s.remote, s.stage = to, connected
	return 0
}

func (s *socket) readPacket(p []byte, peek bool) (int, sys.Errno) {
	if s.err != 0 {
		return 0, s.take()
	}
	if len(s.packets) == 0 {
		return 0, syscall.EAGAIN
	}
	n := copy(p, s.packets[0].data)
	if !peek {
		s.packets = s.packets[1:]
	}
	return n, 0
}

func (s *socket) writePacket(k *Kernel, p []byte) (int, sys.Errno) {
	if s.err != 0 {
		return 0, s.take()
	}
	if s.stage != connected {
		return 0, syscall.EDESTADDRREQ
	}
	return s.sendPacket(k, p, s.remote, nil)
}

// sendPacket puts a packet, and the files that go with it, on its way. To a
// unix path without a socket it is an error at once.
func (s *socket) sendPacket(k *Kernel, p []byte, at sys.Addr, rights []*file) (int, sys.Errno) {
	switch {
	case s.err != 0:
		return 0, s.take()
	case len(p) > k.cfg.Buffer:
		return 0, syscall.EMSGSIZE
	case at.Unix && k.lookup(at, true) == nil:
		return 0, syscall.ENOENT
	}
	if !s.unix && !s.bound {
		k.autoBind(s, at.IP.Addr())
		k.bound[place{s.local, true}] = s
		s.bound = true
	}
	for _, f := range rights {
		f.refs++
	}
	d := packet{append([]byte(nil), p...), s.local, rights}
	k.carry(s, func() {
		to := k.lookup(at, true)
		switch {
		case to == nil || to.file == nil:
			if s.file != nil && s.stage == connected { // others are not told
				s.err = syscall.ECONNREFUSED
				s.file.wake(k, both)
			}
			k.lose(d)
		case len(to.packets) < 64:
			to.packets = append(to.packets, d)
			to.file.wake(k, reading)
		default:
			k.lose(d)
		}
	})
	return len(p), 0
}

// lose lets a packet's files go.
func (k *Kernel) lose(d packet) {
	for _, f := range d.rights {
		k.drop(f)
	}
}
