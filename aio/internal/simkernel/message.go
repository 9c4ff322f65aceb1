package simkernel

import (
	"syscall"

	"example.com/interlock/aio/internal/sys"
)

// Readv is readv(2).
func (k *Kernel) Readv(fd int, bufs [][]byte) (int, sys.Errno) {
	size := 0
	sys.Pieces(bufs, 0, func(p []byte) bool { size += len(p); return true })
	all := make([]byte, size)
	n, e := k.in(CallReadv, fd, all, 0)
	rest := all[:n]
	sys.Pieces(bufs, 0, func(p []byte) bool { rest = rest[copy(p, rest):]; return true })
	return n, e
}

// Writev is writev(2).
func (k *Kernel) Writev(fd int, bufs [][]byte, skip int) (int, sys.Errno) {
	return k.out(CallWritev, fd, join(bufs, skip))
}

// Sendv is Writev for sockets.
func (k *Kernel) Sendv(fd int, bufs [][]byte, skip int) (int, sys.Errno) {
	return k.out(CallSendv, fd, join(bufs, skip))
}

func join(bufs [][]byte, skip int) (all []byte) {
	sys.Pieces(bufs, skip, func(p []byte) bool { all = append(all, p...); return true })
	return all
}

// RecvMsg is recvmsg(2).
func (k *Kernel) RecvMsg(fd int, p, oob []byte, flags int) (n, oobn, rflags int, from sys.Addr, e sys.Errno) {
	e = k.enter(CallRecvMsg, fd)
	defer func() { k.leave(CallRecvMsg, fd, n, e) }()
	s, bad := k.socket(CallRecvMsg, fd)
	switch {
	case bad != 0:
		return 0, 0, 0, from, bad
	case e != 0:
		return 0, 0, 0, from, e
	case !s.packet || len(s.packets) == 0 || s.err != 0:
		n, e = s.read(k, p, flags&msgPeek != 0)
		return n, 0, 0, from, e
	}
	d := s.packets[0]
	if len(p) < len(d.data) {
		rflags |= sys.MSG_TRUNC
	}
	n, _ = s.readPacket(p, flags&msgPeek != 0)
	if flags&msgPeek == 0 && len(d.rights) > 0 {
		var cut bool
		if oobn, cut = k.receiveRights(d.rights, oob); cut {
			rflags |= sys.MSG_CTRUNC
		}
	}
	return n, oobn, rflags, d.from, 0
}

// receiveRights opens numbers for as many files as fit; the others are let go.
func (k *Kernel) receiveRights(files []*file, oob []byte) (oobn int, cut bool) {
	var fds []int
	for _, f := range files {
		if !cut && sys.RightsSpace(len(fds)+1) <= len(oob) {
			if fd, e := k.give(f); e == 0 {
				fds = append(fds, fd)
				f.refs-- // the packet's
				continue
			}
		}
		cut = true
		k.drop(f)
	}
	return copy(oob, sys.Rights(fds)), cut
}

// SendMsg is sendmsg(2). Only packets of unix sockets carry descriptors here.
func (k *Kernel) SendMsg(fd int, p, oob []byte, to sys.Addr, inet6 bool, _ int) (n int, e sys.Errno) {
	e = k.enter(CallSendMsg, fd)
	defer func() { k.leave(CallSendMsg, fd, n, e) }()
	s, bad := k.socket(CallSendMsg, fd)
	switch {
	case bad != 0:
		return 0, bad
	case e != 0:
		return 0, e
	case len(oob) > 0 && !(s.unix && s.packet):
		return 0, syscall.EOPNOTSUPP
	case !s.packet && !to.None() && s.stage == connected:
		return 0, syscall.EISCONN
	case !s.packet:
		return s.write(k, p)
	case !to.None() && s.stage == connected && k.m.Poller == sys.Kqueue:
		return 0, syscall.EISCONN
	case !to.None() && (to.Unix != s.unix || !to.Unix && to.IP.Addr().Is6() && !inet6):
		return 0, syscall.EAFNOSUPPORT
	}
	if to.None() {
		if s.stage != connected {
			return 0, syscall.EDESTADDRREQ
		}
		to = s.remote
	}
	var files []*file
	for _, fd := range sys.ParseRights(oob) {
		f, bad := k.get(CallSendMsg, fd)
		if bad != 0 {
			return 0, bad
		}
		files = append(files, f)
	}
	return s.sendPacket(k, p, to, files)
}

// GetOption is getsockopt(2).
func (k *Kernel) GetOption(fd int, o sys.Option) (v int, e sys.Errno) {
	e = k.enter(CallGetOption, fd)
	defer func() { k.leave(CallGetOption, fd, v, e) }()
	if e != 0 {
		return 0, e
	}
	s, e := k.socket(CallGetOption, fd)
	if e != 0 {
		return 0, e
	}
	v, set := s.opts[o]
	switch {
	case o == sys.OptError:
		v = int(s.take())
	case set:
	case o == sys.OptLinger:
		v = -1
	case o == sys.OptSendBuffer || o == sys.OptReceiveBuffer:
		v = k.cfg.Buffer
	}
	return v, 0
}
