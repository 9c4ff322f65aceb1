package dial

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"example.com/interlock/aio"
)

// An attempt is one connect under way. The goroutine that dials owns it; the ring
// only tells it, over done, that the connect has ended.
type attempt struct {
	op   aio.Op
	fd   *aio.FD
	conn *aio.Conn // once it has connected
	addr netip.AddrPort
	done chan<- *attempt // has room for every attempt of the dial
	err  error
}

// Complete is called by the ring.
func (a *attempt) Complete(*aio.Op) {
	a.end()
	a.done <- a
}

// end takes the result.
func (a *attempt) end() {
	_, err := a.op.Result()
	a.err = bare(err)
}

// A contest is a dial of several addresses. It has no lock: the goroutine that
// dials opens and closes every descriptor, and pending connects end when theirs is
// closed.
//
//	R1  Each attempt that was begun is in running until it has failed or won.
//	R2  A descriptor is closed when its attempt leaves running, unless it has won.
type contest struct {
	d       *Dialer
	ring    *aio.Ring
	done    chan *attempt
	next    []netip.AddrPort // not tried yet
	running []*attempt
	errs    addrErrors
	timer   *time.Timer // rings when another attempt is due
}

// race dials the addresses in their order, each FallbackDelay after the one
// before, or at once when that has failed, and returns the first that connects.
func (d *Dialer) race(ctx context.Context, r *aio.Ring, addrs []netip.AddrPort) (*aio.Conn, error) {
	c := &contest{d: d, ring: r, done: make(chan *attempt, len(addrs)), next: addrs}
	defer c.stop()
	for {
		if won := c.begin(ctx); won != nil {
			return c.win(won), nil
		}
		for more := false; !more; {
			if len(c.running) == 0 {
				return nil, c.errs
			}
			select {
			case a := <-c.done:
				if a.err = outcome(a); a.err == nil {
					return c.win(a), nil
				}
				c.fail(a)
				more = len(c.next) > 0
			case <-c.due():
				more = true
			case <-ctx.Done():
				return nil, c.give(causeOf(ctx))
			}
		}
	}
}

// begin starts the next attempt; if it fails at once, the one after that. It
// returns an attempt that connected at once.
func (c *contest) begin(ctx context.Context) (won *attempt) {
	for len(c.next) > 0 {
		a := &attempt{addr: c.next[0], done: c.done}
		c.next = c.next[1:]
		if a.fd, a.err = c.d.socket(c.ring, a.addr); a.err != nil {
			c.errs = append(c.errs, &AddrError{Addr: a.addr, Err: a.err})
			continue
		}
		c.running = append(c.running, a)
		a.op.PrepConnect(a.fd, a.addr)
		if deadline, ok := c.share(ctx); ok {
			a.op.SetDeadline(deadline)
		}
		if !a.op.Try(a) {
			c.wind()
			return nil
		}
		a.end()
		if a.err = outcome(a); a.err == nil {
			return a
		}
		c.fail(a)
	}
	return nil
}

// share is the deadline of an attempt where each has the time for itself: an
// equal part of what is left, but no less than net.Dialer gives.
func (c *contest) share(ctx context.Context) (time.Time, bool) {
	deadline, ok := ctx.Deadline()
	if !ok || c.d.delay() >= 0 || len(c.next) == 0 {
		return time.Time{}, false
	}
	left := time.Until(deadline)
	return time.Now().Add(max(left/time.Duration(len(c.next)+1), min(left, 2*time.Second))), true
}

// wind sets the timer for the next attempt, if that is not to wait for a failure.
func (c *contest) wind() {
	switch {
	case len(c.next) == 0 || c.d.delay() < 0: // if it rings nothing begins
	case c.timer == nil:
		c.timer = time.NewTimer(c.d.delay())
	default:
		c.timer.Reset(c.d.delay())
	}
}

func (c *contest) due() <-chan time.Time {
	if c.timer == nil {
		return nil
	}
	return c.timer.C
}

// win takes the winner out of those that stop will close.
func (c *contest) win(a *attempt) *aio.Conn {
	c.leave(a)
	return a.conn
}

func (c *contest) fail(a *attempt) {
	c.leave(a)
	a.fd.Close()
	c.errs = append(c.errs, &AddrError{Addr: a.addr, Err: a.err})
}

func (c *contest) leave(a *attempt) {
	i := slices.Index(c.running, a)
	c.running = slices.Delete(c.running, i, i+1)
}

// give ends the dial for a reason that is none of the addresses'.
func (c *contest) give(cause error) error {
	for _, a := range c.running {
		c.errs = append(c.errs, &AddrError{Addr: a.addr, Err: cause})
	}
	return c.errs
}

// stop closes what still runs: the losers, or all. Their connects end with that,
// and nobody looks at done any more.
func (c *contest) stop() {
	if c.timer != nil {
		c.timer.Stop()
	}
	for _, a := range c.running {
		a.fd.Close()
	}
}

// outcome is the error of an attempt that has ended; without one it has a conn. A
// socket that is connected to itself, which a port of the system's own choice can
// bring about, is a refusal.
func outcome(a *attempt) error {
	if a.err != nil {
		return a.err
	}
	a.conn = aio.NewConn(a.fd)
	if l, ok := a.conn.LocalAddr().(*net.TCPAddr); ok && l.AddrPort() == a.addr {
		return syscall.ECONNREFUSED
	}
	return nil
}

// dialUnix dials a unix socket: a contest of one.
func (d *Dialer) dialUnix(ctx context.Context, r *aio.Ring, path string) (*aio.Conn, error) {
	fd, err := d.unixSocket(r, path)
	if err != nil {
		return nil, addrErrors{&AddrError{Err: err}}
	}
	c := &contest{d: d, ring: r, done: make(chan *attempt, 1)}
	defer c.stop()
	a := &attempt{fd: fd, done: c.done}
	c.running = append(c.running, a)
	a.op.PrepConnectUnix(fd, path)
	if a.op.Try(a) {
		a.end()
	} else {
		select { // a full backlog is the ring's to try again
		case <-c.done:
		case <-ctx.Done():
			return nil, c.give(causeOf(ctx))
		}
	}
	if a.err = outcome(a); a.err != nil {
		c.fail(a)
		return nil, c.errs
	}
	return c.win(a), nil
}
