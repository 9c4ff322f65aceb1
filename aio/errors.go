package aio

import (
	"errors"
	"net"
	"os"
	"strings"
)

// ErrClosed is the result of an operation whose descriptor or ring is closed
// or was released, before the operation or while it was pending. It is also
// net.ErrClosed and os.ErrClosed for errors.Is.
var ErrClosed error = closedError{}

// ErrCanceled is the result of an operation for which [Op.Cancel] returned
// true.
var ErrCanceled = errors.New("aio: operation canceled")

// ErrFull is the answer of an [Outbox] that holds as much as it may, and of a
// [Pool] without a free buffer that is FailFast.
var ErrFull = errors.New("aio: full")

type closedError struct{}

func (closedError) Error() string { return "aio: use of closed descriptor or ring" }

func (closedError) Is(target error) bool { return target == net.ErrClosed || target == os.ErrClosed }

// OpError is how the failures of the system's calls arrive. The end of a
// stream, ErrClosed, ErrCanceled and os.ErrDeadlineExceeded come bare.
type OpError struct {
	Op   string // what was done: "read", "accept", "connect", ...
	Addr string // with whom, if that is known
	Err  error  // why not: a syscall.Errno, unless the call was never made
}

// Error is "aio: op addr: reason".
func (e *OpError) Error() string {
	var b strings.Builder
	b.WriteString("aio: ")
	b.WriteString(e.Op)
	if e.Addr != "" {
		b.WriteByte(' ')
		b.WriteString(e.Addr)
	}
	b.WriteString(": ")
	b.WriteString(e.Err.Error())
	return b.String()
}

// Unwrap returns e.Err.
func (e *OpError) Unwrap() error { return e.Err }

// Timeout says whether the system gave up waiting, so that an OpError is a
// net.Error.
func (e *OpError) Timeout() bool {
	t, ok := e.Err.(interface{ Timeout() bool })
	return ok && t.Timeout()
}

// Temporary is what the underlying error says of itself. It is here for
// net.Error alone.
func (e *OpError) Temporary() bool {
	t, ok := e.Err.(interface{ Temporary() bool })
	return ok && t.Temporary()
}
