// Package context is the modelled twin of the standard package of that name:
// its Done channels are modelled ones. All contexts that descend from one
// cancellable context are one object of the exploration; to cancel one of them
// is one step, which closes every Done channel below it and starts every
// AfterFunc.
package context

import (
	"context"
	"time"

	"example.com/interlock/tools/sched"
)

// The errors are those of the standard package.
var (
	Canceled         = context.Canceled
	DeadlineExceeded = context.DeadlineExceeded
)

type (
	// A Context is a context.Context with a modelled Done channel.
	Context interface {
		Deadline() (deadline time.Time, ok bool)
		Done() *sched.Chan[struct{}]
		Err() error
		Value(key any) any
	}

	CancelFunc      = context.CancelFunc
	CancelCauseFunc = context.CancelCauseFunc
)

type empty struct{ name string }

func (empty) Deadline() (time.Time, bool) { return time.Time{}, false }
func (empty) Done() *sched.Chan[struct{}] { return nil }
func (empty) Err() error                  { return nil }
func (empty) Value(any) any               { return nil }
func (e empty) String() string            { return e.name }

// Background returns a context that is never cancelled.
func Background() Context { return empty{"context.Background"} }

// TODO returns a context that is never cancelled.
func TODO() Context { return empty{"context.TODO"} }

type value struct {
	Context
	key, val any
}

func (v *value) Value(key any) any {
	if key == v.key {
		return v.val
	}
	return v.Context.Value(key)
}

// WithValue returns a context with a value.
func WithValue(parent Context, key, val any) Context {
	if parent == nil {
		panic("cannot create context from nil parent")
	}
	if key == nil {
		panic("nil key")
	}
	return &value{parent, key, val}
}

type detached struct{ c Context }

func (detached) Deadline() (time.Time, bool) { return time.Time{}, false }
func (detached) Done() *sched.Chan[struct{}] { return nil }
func (detached) Err() error                  { return nil }

func (d detached) Value(key any) any {
	if key == &nodeKey {
		return nil
	}
	return d.c.Value(key)
}

// WithoutCancel returns a context with the values of parent that is never
// cancelled.
func WithoutCancel(parent Context) Context {
	if parent == nil {
		panic("cannot create context from nil parent")
	}
	return detached{parent}
}
