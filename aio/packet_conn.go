package aio

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"example.com/interlock/aio/internal/sys"
)

// packetConn is a packet socket as a net.PacketConn, and a net.Conn if it is
// connected.
type packetConn struct{ *Conn }

// NewPacketConn makes a datagram socket a net.PacketConn. Its Close closes f.
// The addresses it gives and takes are *net.UDPAddr or *net.UnixAddr. A
// message that is longer than the buffer of ReadFrom is cut, as package net
// does. It has the methods of a net.Conn too, for a connected socket.
func NewPacketConn(f *FD) net.PacketConn { return packetConn{NewConn(f)} }

// LocalAddr is the address of the socket. The system gives one to an unbound
// socket when it first sends.
func (c packetConn) LocalAddr() net.Addr { return c.f.netAddr(c.f.name(false)) }

// ReadFrom receives one message. It allocates the address.
func (c packetConn) ReadFrom(p []byte) (int, net.Addr, error) {
	n, _, _, from, err := c.f.recvMsg(context.Background(), p, nil, 0)
	if err != nil {
		return n, nil, c.wrap("read", err)
	}
	if from.None() && !c.f.is(traitUnix) {
		return n, c.remote, nil
	}
	return n, c.f.netAddr(from), nil
}

// WriteTo sends p as one message.
func (c packetConn) WriteTo(p []byte, to net.Addr) (int, error) {
	a, err := c.peer(to)
	n := 0
	if err == nil {
		n, err = c.f.sendMsg(context.Background(), p, nil, a, 0)
	}
	if err == nil {
		return n, nil
	}
	var e *OpError
	if errors.As(err, &e) {
		err = e.Err
	}
	return n, &net.OpError{Op: "write", Net: c.local.Network(), Source: c.local, Addr: to, Err: err}
}

// peer is the address behind a net.Addr, which must be of the socket's family.
func (c packetConn) peer(to net.Addr) (a sys.Addr, err error) {
	switch to := to.(type) {
	case *net.UDPAddr:
		if to == nil || to.Port != int(uint16(to.Port)) || c.f.is(traitUnix) {
			break
		}
		ip := to.AddrPort()
		at := ip.Addr().Unmap()
		if !at.IsValid() {
			at = netip.IPv4Unspecified()
			if c.f.is(traitInet6) {
				at = netip.IPv6Unspecified()
			}
		}
		a.IP = netip.AddrPortFrom(here(at), ip.Port())
		return a, nil
	case *net.UnixAddr:
		if to == nil || !c.f.is(traitUnix) {
			break
		}
		return sys.Addr{Path: to.Name, Unix: true}, nil
	}
	return a, syscall.EINVAL
}

// SetReadBuffer sets the size of the system's buffer for what was received.
func (c packetConn) SetReadBuffer(n int) error {
	return c.wrap("set", SetOption(c.f, ReceiveBuffer, n))
}

// SetWriteBuffer sets the size of the system's buffer for what is to be sent.
func (c packetConn) SetWriteBuffer(n int) error { return c.wrap("set", SetOption(c.f, SendBuffer, n)) }

// SetDeadline, Close, SyscallConn and the others are Conn's.
var _ interface {
	net.Conn
	net.PacketConn
	SetDeadline(time.Time) error
} = packetConn{}
