package dial

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"

	"example.com/interlock/aio"
)

// Conn is a connection that a [Dialer] made: a net.Conn over aio, or over what the
// system has, with TLS in between if the Dialer says so. All methods may be called
// at once from many goroutines, as for every net.Conn. A Conn must not be copied;
// its zero value is not usable.
type Conn struct {
	net.Conn
	ring *aio.Ring // to watch it on; nil where there is none
}

// NetConn returns the connection below: the TLS connection, if there is one.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// ConnectionState returns what TLS has agreed on, and whether there is TLS.
func (c *Conn) ConnectionState() (state tls.ConnectionState, ok bool) {
	t, ok := c.Conn.(*tls.Conn)
	if ok {
		state = t.ConnectionState()
	}
	return state, ok
}

// CloseWrite tells the peer that nothing more will be sent. It Is
// errors.ErrUnsupported if the connection below cannot.
func (c *Conn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return errors.ErrUnsupported
}

// SyscallConn gives access to the descriptor. It Is errors.ErrUnsupported if there
// is none.
func (c *Conn) SyscallConn() (syscall.RawConn, error) {
	if s := bottom(c.Conn); s != nil {
		return s.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

// ReadFrom sends what it reads from r, as the connection below does it best.
func (c *Conn) ReadFrom(r io.Reader) (int64, error) { return io.Copy(c.Conn, r) }

// bottom finds the descriptor's owner below wrappers that tell, as tls.Conn does.
func bottom(c net.Conn) syscall.Conn {
	for {
		switch w := c.(type) {
		case *Conn:
			c = w.Conn
		case syscall.Conn:
			return w
		case interface{ NetConn() net.Conn }:
			c = w.NetConn()
		default:
			return nil
		}
	}
}
