package dial

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"

	"example.com/interlock/aio"
)

// AddrError is the failure of one address. The error of a dial wraps one for each
// address that was tried, in the order in which they failed: errors.As finds the
// first, and errors.Is looks at all.
type AddrError struct {
	Addr netip.AddrPort // not valid for a unix socket
	Err  error          // what happened there: an errno, the error of Control, or the end of the context
}

// Error gives the address and what happened there.
func (e *AddrError) Error() string {
	if !e.Addr.IsValid() {
		return e.Err.Error()
	}
	return e.Addr.String() + ": " + e.Err.Error()
}

// Unwrap returns Err.
func (e *AddrError) Unwrap() error { return e.Err }

// addrErrors is all failures of a dial, one at least, on one line.
type addrErrors []error

func (es addrErrors) Error() string {
	texts := make([]string, len(es))
	for i, e := range es {
		texts[i] = e.Error()
	}
	return strings.Join(texts, "; ")
}

func (es addrErrors) Unwrap() []error { return es }

// Is makes the end of a context's time what the end of a socket's is.
func (es addrErrors) Is(target error) bool { return target == os.ErrDeadlineExceeded && es.Timeout() }

// Timeout reports whether the dial ran out of time, not whether one of its
// addresses did.
func (es addrErrors) Timeout() bool {
	return timedOut(es[len(es)-1])
}

func timedOut(err error) bool {
	var t interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}

// bare is the errno of a failed call, without aio's words: the address stands in
// the AddrError.
func bare(err error) error {
	if e, ok := err.(*aio.OpError); ok {
		return e.Err
	}
	return err
}

// opError gives an error the shape that users of package net know.
func opError(network, address string, err error) error {
	return &net.OpError{Op: "dial", Net: network, Addr: text{network, address}, Err: err}
}

// ofNet gives an error of net.Dialer, which tells of one address, the shape of ours.
func ofNet(err error) error {
	op, ok := err.(*net.OpError)
	if !ok {
		return err
	}
	switch a := op.Addr.(type) {
	case *net.TCPAddr:
		at := a.AddrPort()
		return addrErrors{&AddrError{Addr: netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), Err: op.Err}}
	case *net.UnixAddr:
		return addrErrors{&AddrError{Err: op.Err}}
	}
	return op.Err // no address was found
}

// ended blames the context for an error that followed from its end.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return addrErrors{causeOf(ctx)}
	}
	return err
}

// causeOf is why ctx has ended; it Is what ctx.Err says, too, whatever the user
// gave as the cause.
func causeOf(ctx context.Context) error {
	cause, err := context.Cause(ctx), ctx.Err()
	if errors.Is(cause, err) {
		return cause
	}
	return &endOfContext{cause, err}
}

type endOfContext struct{ cause, err error }

func (e *endOfContext) Error() string   { return e.cause.Error() }
func (e *endOfContext) Unwrap() []error { return []error{e.cause, e.err} }

// text is an address that was not resolved, as net.OpError wants it.
type text struct{ network, address string }

func (t text) Network() string { return t.network }
func (t text) String() string  { return t.address }
