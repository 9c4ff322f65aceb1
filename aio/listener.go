package aio

import (
	"context"
	"net"
	"syscall"
	"time"
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
	c, _, err := l.f.Accept(context.Background())
	if err != nil {
		if e, ok := err.(*OpError); ok {
			err = e.Err
		}
		return nil, &net.OpError{Op: "accept", Net: l.addr.Network(), Addr: l.addr, Err: err}
	}
	return NewConn(c), nil
}

// Close ends the listener; an Accept that waits ends with net.ErrClosed.
func (l *Listener) Close() error {
	if err := l.f.Close(); err != nil {
		return &net.OpError{Op: "close", Net: l.addr.Network(), Addr: l.addr, Err: err}
	}
	return nil
}

// Addr is the address that is listened on.
func (l *Listener) Addr() net.Addr { return l.addr }

// SetDeadline sets the time after which Accept fails with a timeout.
func (l *Listener) SetDeadline(t time.Time) error { return l.f.SetReadDeadline(t) }

// SyscallConn gives access to the system's descriptor.
func (l *Listener) SyscallConn() (syscall.RawConn, error) { return rawConn{l.f}, nil }
