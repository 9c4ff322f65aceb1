package aio

import (
	"context"
	"net/netip"
	"time"

	"example.com/interlock/aio/internal/sys"
)

// The blocking style. Each call parks its goroutine, and no other, until it is
// done. Besides what the system reports, and io.EOF at the end of a stream, a
// call can end with ErrClosed, os.ErrDeadlineExceeded, or the context's cause.
// On a Manual ring somebody has to be in Poll.

// Read reads what there is, up to len(p) bytes, and waits for some if there is
// nothing. With an empty p it returns 0, nil at once.
func (f *FD) Read(ctx context.Context, p []byte) (int, error) {
	if n, done, err := f.readNow(ctx, p); done {
		return n, err
	}
	w := f.ring.waiter()
	w.op.PrepRead(f, p)
	return w.do(ctx)
}

// ReadFull reads exactly len(p) bytes. If the stream ends before that the
// error is io.ErrUnexpectedEOF, or io.EOF if nothing came; the count is right
// with any error.
func (f *FD) ReadFull(ctx context.Context, p []byte) (int, error) {
	w := f.ring.waiter()
	w.op.PrepReadFull(f, p)
	return w.do(ctx)
}

// Write writes some of p and returns how much the system took, which may be
// less than len(p) without an error.
func (f *FD) Write(ctx context.Context, p []byte) (int, error) {
	if n, done, err := f.writeNow(ctx, p, false); done {
		return n, err
	}
	w := f.ring.waiter()
	w.op.PrepWrite(f, p)
	return w.do(ctx)
}

// WriteAll writes all of p; nothing else that is written to f comes in
// between. With an error the count is what the system took.
func (f *FD) WriteAll(ctx context.Context, p []byte) (int, error) {
	if n, done, err := f.writeNow(ctx, p, true); done {
		return n, err
	}
	w := f.ring.waiter()
	w.op.PrepWriteAll(f, p)
	return w.do(ctx)
}

// Recv receives with the system's MSG_ flags.
func (f *FD) Recv(ctx context.Context, p []byte, flags int) (int, error) {
	w := f.ring.waiter()
	w.op.PrepRecv(f, p, flags)
	return w.do(ctx)
}

// Send sends with the system's MSG_ flags; it may take less than len(p).
func (f *FD) Send(ctx context.Context, p []byte, flags int) (int, error) {
	w := f.ring.waiter()
	w.op.PrepSend(f, p, flags)
	return w.do(ctx)
}

// Accept accepts one connection and says where it came from, which is the zero
// AddrPort for unix sockets. A shortage of descriptors is waited out.
func (f *FD) Accept(ctx context.Context) (*FD, netip.AddrPort, error) {
	w := f.ring.waiter()
	w.op.PrepAccept(f)
	w.run(ctx)
	c, from := w.op.extra.accepted, w.op.extra.addr.IP
	_, err := w.put()
	return c, from, err
}

// Connect connects f, a socket of Socket, and waits for the outcome.
func (f *FD) Connect(ctx context.Context, to netip.AddrPort) error {
	w := f.ring.waiter()
	w.op.PrepConnect(f, to)
	_, err := w.do(ctx)
	return err
}

// ConnectUnix connects f to the unix socket at path. It waits while the
// listener's backlog is full.
func (f *FD) ConnectUnix(ctx context.Context, path string) error {
	w := f.ring.waiter()
	w.op.PrepConnectUnix(f, path)
	_, err := w.do(ctx)
	return err
}

// Shutdown ends one direction of a connection, or both: syscall.SHUT_RD,
// SHUT_WR, SHUT_RDWR.
func (f *FD) Shutdown(how int) error {
	err := f.with("shutdown", func(k sys.Kernel, fd int) sys.Errno { return k.Shutdown(fd, how) })
	if err == nil {
		f.stir(how)
	}
	return err
}

// stir lets what waits in the directions that were shut down find that out:
// not every system has an event for one's own shutdown.
func (f *FD) stir(how int) {
	f.mu.Lock()
	if f.bits&fdClosed != 0 {
		f.mu.Unlock()
		return
	}
	rd := how != sys.SHUT_WR && f.rd.edge(0)
	wr := how != sys.SHUT_RD && f.wr.edge(0)
	f.drive(rd, wr, nil) // unlocks
}

// with makes a call that does not wait while the number is held.
func (f *FD) with(name string, call func(k sys.Kernel, fd int) sys.Errno) error {
	if !f.hold() {
		return ErrClosed
	}
	defer f.unhold()
	if e := call(f.ring.k, int(f.sysfd)); e != 0 {
		return &OpError{name, "", e}
	}
	return nil
}

// SetDeadline sets the deadlines of both directions.
func (f *FD) SetDeadline(t time.Time) error { return f.setDeadlines(t, true, true) }

// SetReadDeadline sets the time after which reads and accepts fail with
// os.ErrDeadlineExceeded, those that are pending included. The zero time
// means never, a past one at once. It lasts until it is set again.
func (f *FD) SetReadDeadline(t time.Time) error { return f.setDeadlines(t, true, false) }

// SetWriteDeadline is SetReadDeadline for writes and connects.
func (f *FD) SetWriteDeadline(t time.Time) error { return f.setDeadlines(t, false, true) }

func (f *FD) setDeadlines(t time.Time, rd, wr bool) error {
	at := int64(0)
	if !t.IsZero() {
		at = f.ring.k.When(t)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bits&fdClosed != 0 {
		return ErrClosed
	}
	if rd {
		f.rdl = at
		f.reschedule(f.rd.head)
	}
	if wr {
		f.wdl = at
		f.reschedule(f.wr.head)
	}
	f.reschedule(f.waits)
	return nil
}

// reschedule gives the parked operations of a list their times anew. A time
// that has passed is the poller's next work. mu is held.
func (f *FD) reschedule(op *Op) {
	for ; op != nil; op = op.next {
		due := f.due(op)
		switch {
		case op.flags&opCounted == 0: // its starter runs it: it will look
		case op.flags&opRetry != 0 && op.flags&opTimed != 0:
			if due != 0 { // a retry that comes sooner does no harm
				f.schedule(op, min(due, f.ring.k.Now()+backoff(op.tries)))
			}
		case due != 0:
			f.schedule(op, due)
		case op.flags&opTimed != 0:
			op.flags &^= opTimed
			f.ring.times.drop(op)
		}
	}
}
