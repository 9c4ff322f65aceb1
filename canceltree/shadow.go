package canceltree

import (
	"context"
	"time"
	"unsafe"
)

// A shadow is the context of package context that stands behind a node once its
// Done was asked for: its channel is the node's Done, and contexts made on top of
// the token attach to it as they would to any other, without a goroutine.
//
// Most shadows cost what a context costs. The two words kept here are half of
// what an interface and a function take, see [fold].
type shadow struct {
	folded unsafe.Pointer
	cancel context.CancelCauseFunc
}

// newShadow returns a live shadow of n. n.mu is held.
func newShadow(n *Token) *shadow {
	if e := n.env(); e != nil && e.expires {
		return newExpiring(n)
	}
	ctx, cancel := context.WithCancelCause(rootless{})
	return &shadow{fold(ctx), cancel}
}

// done returns the channel of s.
func (s *shadow) done() <-chan struct{} { return unfold(s.folded).Done() }

// closed reports whether s has ended. There is none while it is being made.
func (s *shadow) closed() bool {
	if s == nil {
		return false
	}
	select {
	case <-s.done():
		return true
	default:
		return false
	}
}

// standIn returns what package context is to take for the node: a context of
// its own kind, or nil while there is no need for one.
func (n *Token) standIn(key any) any {
	if s := n.shadow.Load(); s != nil {
		return unfold(s.folded).Value(key)
	}
	if e := n.finished(); e != nil {
		return e.context().Value(key)
	}
	return nil
}

// rootless is the parent of shadows: a context that nothing ends.
type rootless struct{}

func (rootless) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }
func (rootless) Done() <-chan struct{}                   { return nil }
func (rootless) Err() error                              { return nil }
func (rootless) Value(any) any                           { return nil }

// newExpiring returns a shadow that can end with context.DeadlineExceeded. A
// CancelCauseFunc always makes that context.Canceled; what passes other errors
// on is a parent with an AfterFunc method of its own.
func newExpiring(n *Token) *shadow {
	x := &expiring{}
	ctx, cancel := context.WithCancelCause(x)
	return &shadow{fold(ctx), func(cause error) {
		if n.word.Load()&released == 0 {
			if e := n.ext.Load().end; e.err == context.DeadlineExceeded && x.fire != nil {
				x.end = e
				x.fire()
			}
		}
		cancel(cause) // nothing more if it has fired
	}}
}

// An expiring is the private parent of one shadow. It lives until its node ends,
// and no code but that of package context sees it.
type expiring struct {
	rootless
	fire func()
	end  *end
}

// never is the Done of contexts that are asked for one before they end.
var never = make(chan struct{})

func (x *expiring) Done() <-chan struct{} { return never }

func (x *expiring) AfterFunc(f func()) (stop func() bool) {
	x.fire = f
	return func() bool { return false }
}

func (x *expiring) Err() error {
	if x.end == nil {
		return nil
	}
	return x.end.err
}

func (x *expiring) Value(key any) any {
	if x.end == nil {
		return nil
	}
	return x.end.context().Value(key)
}
