package dial

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"strings"
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

// addrErrors is all failures of a dial, on one line.
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
	return len(es) > 0 && timedOut(es[len(es)-1])
}

func timedOut(err error) bool {
	var t interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}
