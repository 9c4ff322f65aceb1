package aio

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"example.com/interlock/aio/internal/sys"
)

// Conn is a descriptor as a net.Conn: a goroutine that calls Read parks until
// the ring has completed it. All methods may be called at once. Errors are
// *net.OpError as package net gives them, and io.EOF.
type Conn struct {
	f             *FD
	local, remote net.Addr
}

// NewConn makes a connected socket, or an end of a pipe, a Conn. The Conn's
// Close closes f.
func NewConn(f *FD) *Conn {
	c := &Conn{f: f, local: f.netAddr(f.name(false))}
	peer := f.name(true)
	if f.kind != KindPacket || f.is(traitUnix) || !peer.None() {
		c.remote = f.netAddr(peer)
	}
	return c
}

// FD is the descriptor of c.
func (c *Conn) FD() *FD { return c.f }

// Read reads up to len(p) bytes.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.f.Read(context.Background(), p)
	return n, c.wrap("read", err)
}

// Write writes all of p.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.f.WriteAll(context.Background(), p)
	return n, c.wrap("write", err)
}

// WaitReadable waits until a Read would not block, without holding a buffer
// for it: with many idle connections that is most of their memory.
func (c *Conn) WaitReadable(ctx context.Context) error {
	return c.wrap("read", c.f.Wait(ctx, Readable))
}

// ReadFrom writes all that src has to give.
func (c *Conn) ReadFrom(src io.Reader) (int64, error) {
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	return io.CopyBuffer(justWriter{c}, justReader{src}, *buf)
}

// WriteTo writes all that c has to give to dst. It holds a buffer only while
// there is something to read.
func (c *Conn) WriteTo(dst io.Writer) (total int64, err error) {
	for {
		if err := c.WaitReadable(context.Background()); err != nil {
			return total, err
		}
		n, err := c.pass(dst)
		if total += n; err == io.EOF {
			return total, nil
		} else if err != nil {
			return total, err
		}
	}
}

// pass moves one buffer to dst.
func (c *Conn) pass(dst io.Writer) (int64, error) {
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	n, err := c.Read(*buf)
	if err != nil {
		return 0, err
	}
	m, err := dst.Write((*buf)[:n])
	if err == nil && m < n {
		err = io.ErrShortWrite
	}
	return int64(m), err
}

var copyBuffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// justWriter and justReader hide the methods that io.Copy would call back.
type justWriter struct{ io.Writer }
type justReader struct{ io.Reader }

// Close closes the connection. What is pending ends with net.ErrClosed.
func (c *Conn) Close() error { return c.wrap("close", c.f.Close()) }

// CloseRead shuts the reading side down.
func (c *Conn) CloseRead() error { return c.wrap("close", c.f.Shutdown(sys.SHUT_RD)) }

// CloseWrite tells the peer that nothing more will be written.
func (c *Conn) CloseWrite() error { return c.wrap("close", c.f.Shutdown(sys.SHUT_WR)) }

// LocalAddr is the address of this end.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is the address of the other end; nil for a UDP socket that is not
// connected.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error { return c.wrap("set", c.f.SetDeadline(t)) }

// SetReadDeadline sets the time after which reads fail with a timeout.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.wrap("set", c.f.SetReadDeadline(t)) }

// SetWriteDeadline sets the time after which writes fail with a timeout.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.wrap("set", c.f.SetWriteDeadline(t)) }

// SyscallConn gives access to the system's descriptor.
func (c *Conn) SyscallConn() (syscall.RawConn, error) { return rawConn{c.f}, nil }

// wrap dresses an error as package net does.
func (c *Conn) wrap(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	var e *OpError
	if errors.As(err, &e) {
		err = e.Err
	}
	return &net.OpError{Op: op, Net: c.local.Network(), Source: c.local, Addr: c.remote, Err: err}
}

// rawConn is a syscall.RawConn.
type rawConn struct{ f *FD }

// Control calls fn with the descriptor, which is not closed meanwhile.
func (c rawConn) Control(fn func(fd uintptr)) error {
	if !c.f.hold() {
		return ErrClosed
	}
	defer c.f.unhold()
	fn(uintptr(c.f.sysfd))
	return nil
}

// Read calls fn until it returns true, each time when there is something to
// read.
func (c rawConn) Read(fn func(fd uintptr) bool) error { return c.until(fn, Readable) }

// Write calls fn until it returns true, each time when there is room.
func (c rawConn) Write(fn func(fd uintptr) bool) error { return c.until(fn, Writable) }

func (c rawConn) until(fn func(fd uintptr) bool, ask Interest) error {
	for {
		ok := false
		if err := c.Control(func(fd uintptr) { ok = fn(fd) }); ok || err != nil {
			return err
		}
		if err := c.f.Wait(context.Background(), ask); err != nil {
			return err
		}
	}
}
