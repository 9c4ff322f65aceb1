package onceconn

import (
	"context"
	"time"
)

// Launch makes the connection for one key. It runs on a goroutine of the Map,
// never twice at once for a key.
//
// ctx belongs to the Map: it carries no values and no deadline of any caller.
// It ends at LaunchTimeout, when nobody wants the connection (Options.Abandon),
// at Close, and when the launch returns: nothing that must live on may hang on
// it. Launch may ask the same Map for another key, with ctx, so that a circle
// is found and ends in ErrReentrant.
//
// Without error the connection must not be nil. With an error the connection is
// ignored.
type Launch[K comparable, C any] func(ctx context.Context, a *Attempt[K]) (C, error)

// Attempt tells a launch what it may want to know. It must not be used after
// the launch has returned.
type Attempt[K comparable] struct {
	Key         K         // what is to be connected to
	N           int       // 1 for the first since the last connection that was stable
	LastErr     error     // of the last failure since then, or nil
	LastFailure time.Time // its time, or zero

	waiters func() int
	data    *any // where WithData keeps its D between launches
}

// Waiters returns the number of callers that wait for this launch now.
func (a *Attempt[K]) Waiters() int {
	if a.waiters == nil {
		return 0
	}
	return a.waiters()
}

// WithData makes a Launch from a function that learns: it is given a *D that
// belongs to the key and to nobody else while it runs. What it writes there is
// kept, whether it fails or not, as long as the Map remembers the key
// (Options.DataTTL). The first launch of a key gets a zero D; so does the next
// one after a panic or runtime.Goexit, which may have left D half written.
// A launch that was given up as an orphan keeps its D until it returns.
//
// A nil function panics.
func WithData[K comparable, C, D any](f func(ctx context.Context, a *Attempt[K], d *D) (C, error)) Launch[K, C] {
	if f == nil {
		panic("onceconn: WithData with a nil function")
	}
	return func(ctx context.Context, a *Attempt[K]) (C, error) {
		if a.data == nil { // not called by a Map
			return f(ctx, a, new(D))
		}
		d, _ := (*a.data).(*D)
		if d == nil {
			d = new(D)
		}
		*a.data = nil // so that a panic leaves nothing behind
		c, err := f(ctx, a, d)
		*a.data = d
		return c, err
	}
}
