package aio

import (
	"net"
	"net/netip"

	"example.com/interlock/aio/internal/sys"
)

// LocalAddr is the address that f is bound to; the invalid AddrPort for unix
// sockets, for what is no socket, and after Close.
func (f *FD) LocalAddr() netip.AddrPort { return f.name(false).IP }

// RemoteAddr is the address that f is connected to; the invalid AddrPort for
// unix sockets, for what is not connected, and after Close.
func (f *FD) RemoteAddr() netip.AddrPort { return f.name(true).IP }

// name is the address of one end of f.
func (f *FD) name(peer bool) (a sys.Addr) {
	if !f.is(traitSocket) || !f.hold() {
		return a
	}
	if peer {
		a, _ = f.ring.k.PeerName(int(f.sysfd))
	} else {
		a, _ = f.ring.k.SockName(int(f.sysfd))
	}
	f.unhold()
	return a
}

// netAddr is the net.Addr that package net would give.
func (f *FD) netAddr(a sys.Addr) net.Addr {
	stream := f.kind == KindStream || f.kind == KindListener
	switch {
	case f.is(traitUnix) && f.is(traitSeq):
		return &net.UnixAddr{Name: a.Path, Net: "unixpacket"}
	case f.is(traitUnix) && stream:
		return &net.UnixAddr{Name: a.Path, Net: "unix"}
	case f.is(traitUnix):
		return &net.UnixAddr{Name: a.Path, Net: "unixgram"}
	case !f.is(traitSocket):
		return pipeAddr{}
	case stream:
		return net.TCPAddrFromAddrPort(a.IP)
	}
	return net.UDPAddrFromAddrPort(a.IP)
}

// pipeAddr is the address of what has none.
type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }
