package onceconn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// ErrClosed is what every call gets once [Map.Close] or [Map.Drain] has begun,
// and what those who wait for a launch get at that moment.
// errors.Is(ErrClosed, net.ErrClosed) holds.
var ErrClosed error = closedError{}

type closedError struct{}

func (closedError) Error() string        { return "onceconn: closed" }
func (closedError) Is(target error) bool { return target == net.ErrClosed }

var (
	// ErrFlapping says that connections open and die at once: a caller has seen
	// Options.Rechecks launches and none gave it a live connection, or the key
	// waits out the pause after such deaths. It wraps the last cause.
	ErrFlapping = errors.New("onceconn: connections die as soon as they open")

	// ErrReentrant is returned to a launch that asks its own Map, with the context
	// it was given, for a key whose launch waits for it: its own, or one that needs
	// its own.
	ErrReentrant = errors.New("onceconn: launch waits for itself")

	// ErrStale is for the users of [Map.Do]: returned (or wrapped) by the function
	// given to Do, it says that the connection was dead before anything reached
	// the peer.
	ErrStale = errors.New("onceconn: stale connection")

	// ErrLaunchExited is the outcome of a launch that ended its goroutine with
	// runtime.Goexit.
	ErrLaunchExited = errors.New("onceconn: launch called runtime.Goexit")
)

// Causes that only hooks and wrapped errors show.
var (
	errNilConn   = errors.New("onceconn: launch returned neither connection nor error")
	errBadKey    = errors.New("onceconn: key is not equal to itself")
	errUnhealthy = errors.New("onceconn: Options.Healthy said no")
	errDied      = errors.New("onceconn: connection died")
	errEvicted   = errors.New("onceconn: evicted")
	errIdle      = errors.New("onceconn: idle for too long")
	errAged      = errors.New("onceconn: lifetime is over")
	errMakeRoom  = errors.New("onceconn: closed to make room")
	errAbandoned = fmt.Errorf("onceconn: nobody waits for the launch: %w", context.Canceled)
	errOverdue   = fmt.Errorf("onceconn: launch took longer than LaunchTimeout: %w", context.DeadlineExceeded)
	errPing      = fmt.Errorf("onceconn: ping took longer than PingTimeout: %w", context.DeadlineExceeded)
)

// flap says that a key is flapping, and why.
func flap(cause error) error { return fmt.Errorf("%w: %w", ErrFlapping, cause) }

// Error is the outcome of a launch that failed. All who waited for the launch
// share one *Error; it must not be modified.
//
// errors.Is and errors.As see through it to Err. A launch that failed because
// its time was over also Is [os.ErrDeadlineExceeded].
type Error struct {
	Key            any       // the key, of the Map's key type
	Attempt        int       // counts from 1 since the last connection that was stable
	Started, Ended time.Time // of the launch
	Waiters        int       // callers that waited when it ended

	// Cached is set when the launch had ended before the caller came: the key
	// is backing off, and no launch was made for this call.
	Cached bool

	// RetryAt is when the key may launch again; zero for an error that
	// Options.Permanent or Options.Local picked out.
	RetryAt time.Time

	Err error // what the launch returned
}

// Error describes the failure with its key and attempt.
func (e *Error) Error() string {
	if e.Cached {
		return fmt.Sprintf("onceconn: launch of %v failed before (attempt %d): %v", e.Key, e.Attempt, e.Err)
	}
	return fmt.Sprintf("onceconn: launch of %v failed (attempt %d): %v", e.Key, e.Attempt, e.Err)
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Is reports that an error caused by a deadline is os.ErrDeadlineExceeded,
// which context.DeadlineExceeded is not.
func (e *Error) Is(target error) bool {
	return target == os.ErrDeadlineExceeded && errors.Is(e.Err, context.DeadlineExceeded)
}

// Timeout reports whether the launch failed because its time was over.
func (e *Error) Timeout() bool {
	var t interface{ Timeout() bool }
	return errors.As(e.Err, &t) && t.Timeout()
}

// PanicError is what a panic in a function of the user becomes when it happens
// on a goroutine of the Map and decides about a connection: the launch, Permanent,
// Local, Ping or Watch.
type PanicError struct {
	Value any    // what was given to panic
	Stack []byte // the goroutine's stack at that moment
}

// Error gives the value and the stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("onceconn: panic: %v\n\n%s", e.Value, e.Stack)
}

// Unwrap returns Value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
