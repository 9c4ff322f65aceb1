package waitmap

import (
	"errors"
	"fmt"
)

var (
	// ErrClosed is what waits end with, and what new waits get, once
	// [Map.Close] was called. With [Map.CloseWith] the error also Is the cause.
	ErrClosed = errors.New("waitmap: closed")

	// ErrDuplicate is returned by Wait, Reserve, ReserveIn, ReserveUntil and
	// Notify for a key that has a waiter already. That waiter is untouched.
	ErrDuplicate = errors.New("waitmap: key has a waiter already")

	// ErrConsumed is returned by Await and Result when there is nothing to
	// wait for: the ticket is the zero Ticket, or was spent by an Await, Result
	// or Cancel, or belongs to a callback, or another Await is waiting on it.
	// An Await that is waiting ends with it when somebody else cancels the
	// ticket or takes its result.
	ErrConsumed = errors.New("waitmap: ticket is spent")

	// ErrExpired is what a wait of [Map.ReserveUntil] ends with at its
	// deadline, and what ReserveUntil returns for a deadline in the past.
	ErrExpired = errors.New("waitmap: deadline passed")

	// ErrKey is returned by Wait, Reserve, ReserveIn, ReserveUntil and Notify
	// for a key that is not equal to itself, such as a NaN: no Wake could ever
	// find it.
	ErrKey = errors.New("waitmap: key is not equal to itself")
)

// closing is the end of a map: one is made for each CloseWith, the first wins.
type closing struct{ err error }

// closingWith makes an error that Is ErrClosed and Is cause.
func closingWith(cause error) *closing {
	switch {
	case cause == nil:
		return &closing{ErrClosed}
	case errors.Is(cause, ErrClosed):
		return &closing{cause} // of another map, or said by the caller
	}
	return &closing{fmt.Errorf("%w: %w", ErrClosed, cause)}
}
