package aio

import (
	"context"
	"net"
	"syscall"
	"time"

	"example.com/interlock/aio/internal/sys"
)

// Listener is a listening descriptor as a net.Listener; it gives *Conn. All
// methods may be called at once.
type Listener struct {
	f    *FD
	addr net.Addr
}

// NewListener makes a listening socket a Listener. The Listener's Close closes
// f.
func NewListener(f *FD) *Listener {
	return &Listener{f: f, addr: f.netAddr(f.name(false))}
}

// FD is the descriptor of l.
func (l *Listener) FD() *FD { return l.f }

// Accept waits for a connection.
func (l *Listener) Accept() (net.Conn, error) {
	c, from, err := l.f.Accept(context.Background())
	if err != nil {
		return nil, l.wrap("accept", err)
	}
	conn := NewConn(c)
	if from.IsValid() { // who is gone by now has no name any more
		conn.remote = c.netAddr(sys.Addr{IP: from})
	}
	return conn, nil
}

// Close ends the listener; an Accept that waits ends with net.ErrClosed.
func (l *Listener) Close() error { return l.wrap("close", l.f.Close()) }

// Addr is the address that is listened on.
func (l *Listener) Addr() net.Addr { return l.addr }

// SetDeadline sets the time after which Accept fails with a timeout.
func (l *Listener) SetDeadline(t time.Time) error { return l.wrap("set", l.f.SetReadDeadline(t)) }

// SyscallConn gives access to the system's descriptor.
func (l *Listener) SyscallConn() (syscall.RawConn, error) { return rawConn{l.f}, nil }

// wrap dresses an error as package net does.
func (l *Listener) wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := err.(*OpError); ok {
		err = e.Err
	}
	return &net.OpError{Op: op, Net: l.addr.Network(), Addr: l.addr, Err: err}
}
