package canceltree

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"time"
)

// An ext holds what most nodes do not have. One that is not own is shared by
// many nodes and never changes; the fields of an own one are protected by the
// node's lock, but for env, which never changes, and end, which is written
// before the bit claimed and read after it.
type ext struct {
	own     bool
	end     *end          // how the node was cancelled
	env     *env          // what the node has inherited and hands down
	heir    *ext          // shared by the children that have nothing but env; made by the first
	calls   *Registration // callbacks, a circular list
	name    string
	carried *carried      // what keeps the node in the tree while it has children
	target  *Token        // of a link: the node made by Any that it leads to
	order   int           // of a link: which parent it stands for
	fin     chan struct{} // made by whoever waits for the walk that began here
	watch   *watch        // of a handle: its leak watch
}

// inherited returns the ext of a plain child where there is an env to inherit.
// The node's lock is held.
func (e *ext) inherited() *ext {
	if !e.own {
		return e
	}
	if e.heir == nil {
		e.heir = &ext{env: e.env}
	}
	return e.heir
}

// ownExt returns an ext that n may write to. n.mu is held.
func (n *Token) ownExt() *ext {
	e := n.ext.Load()
	if e == nil {
		e = &ext{own: true}
	} else if !e.own {
		e = &ext{own: true, end: e.end, env: e.env, heir: &ext{env: e.env}}
	} else {
		return e
	}
	n.ext.Store(e)
	return e
}

func (n *Token) env() *env {
	if e := n.ext.Load(); e != nil {
		return e.env
	}
	return nil
}

func (n *Token) name() string {
	if e := n.ext.Load(); e != nil {
		return e.name
	}
	return ""
}

// id is unique among the nodes that exist: the garbage collector does not move
// them.
func (n *Token) id() uint64 { return uint64(reflect.ValueOf(n).Pointer()) }

// An env is what a node hands down to its children. It never changes: a node's
// deadline and values stay what they were at its creation, whatever moves.
type env struct {
	deadline time.Time // zero: none
	expires  bool      // the end may be context.DeadlineExceeded
	values   []context.Context
	leak     *leak
}

// with returns a copy of e, which may be nil, to be changed.
func (e *env) with() *env {
	if e == nil {
		return &env{}
	}
	c := *e
	return &c
}

// merge adds what a further parent hands down: the earliest deadline counts,
// and values that stand earlier.
func (e *env) merge(o *env) {
	if o == nil {
		return
	}
	if e.deadline.IsZero() || !o.deadline.IsZero() && o.deadline.Before(e.deadline) {
		e.deadline = o.deadline
	}
	e.expires = e.expires || o.expires
	e.values = slices.Concat(e.values, o.values)
	if e.leak == nil {
		e.leak = o.leak
	}
}

// A carried is what a node has beside its place in the tree: a node with one
// stays as a relay while it has children, so that these go on being reached.
type carried struct {
	timer *time.Timer // of a deadline of its own
	stop  func() bool // ends the registration with a foreign context
	links []*Token    // of a node with several parents: its places in their lists
	next  *carried
}

// drop ends what c carries but for the links, which are to be passed to unlink.
// It is called once, with no lock held, when the node was cancelled or has left
// the tree.
func (c *carried) drop() {
	if c.timer != nil {
		c.timer.Stop()
	}
	if c.stop != nil {
		c.stop()
	}
}

// An end is how nodes ended; all nodes that one Cancel reaches share one.
type end struct {
	err   error // context.Canceled, context.DeadlineExceeded or ErrReleased
	cause error
	bare  ext // the ext of a cancelled node that has nothing else

	once sync.Once
	ctx  context.Context
}

var (
	endCanceled = newEnd(context.Canceled, context.Canceled)
	endDeadline = newEnd(context.DeadlineExceeded, context.DeadlineExceeded)
	endReleased = newEnd(ErrReleased, ErrReleased)
)

func newEnd(err, cause error) *end {
	e := &end{err: err, cause: cause}
	e.bare.end = e
	return e
}

// context returns a context of package context that ended as e did. It stands
// in for nodes whose Done was never asked while they lived. Its channel is the
// closed one that package context shares: a channel made here could belong to a
// synctest bubble, and e is not confined to one.
func (e *end) context() context.Context {
	e.once.Do(func() {
		if e.err == context.DeadlineExceeded {
			ctx, cancel := context.WithDeadlineCause(context.Background(), time.Unix(0, 0), e.cause)
			cancel()
			e.ctx = ctx
			return
		}
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(e.cause)
		e.ctx = ctx
	})
	return e.ctx
}
