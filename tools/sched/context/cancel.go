package context

import (
	"sync"
	"time"
	"unsafe"

	"example.com/interlock/tools/sched"
	"example.com/interlock/tools/sched/internal/core"
)

// nodeKey is the key under which a node gives itself.
var nodeKey int

// outer guards all nodes outside an exploration.
var outer sync.Mutex

// A tree is what a cancellable context that has no cancellable parent shares
// with all below it.
type tree struct {
	o     core.Obj
	timed bool // some node has a timer, which a cancel stops
}

// A node is a cancellable context. In an exploration its fields change within
// events of its tree; outside they are guarded by outer.
type node struct {
	Context // the parent
	tree    *tree
	done    *sched.Chan[struct{}]
	up      *node // the parent's node, if it is in this tree
	down    []*node
	err     error
	cause   error
	edge    int32

	deadline time.Time
	due      bool // has a deadline of its own
	timer    core.Timer
	real     *time.Timer

	f     func() // for AfterFunc
	owner *core.Task
	ran   bool
}

// WithCancel returns a context that the CancelFunc cancels.
func WithCancel(parent Context) (Context, CancelFunc) {
	n := newNode(parent, nil)
	return n, func() { n.finish(Canceled, nil) }
}

// WithCancelCause is WithCancel with a cause.
func WithCancelCause(parent Context) (Context, CancelCauseFunc) {
	n := newNode(parent, nil)
	return n, func(cause error) { n.finish(Canceled, cause) }
}

// AfterFunc starts f in a goroutine of its own once ctx is cancelled; stop
// reports whether it kept f from being started.
func AfterFunc(ctx Context, f func()) (stop func() bool) {
	n := newNode(ctx, f)
	return n.stop
}

// Cause returns why c was cancelled.
func Cause(c Context) error {
	n, _ := c.Value(&nodeKey).(*node)
	if n == nil {
		return c.Err()
	}
	_, cause := n.state()
	return cause
}

// Done is closed when the context is cancelled.
//
//go:norace
func (n *node) Done() *sched.Chan[struct{}] { return n.done }

// Err is nil until the context is cancelled.
func (n *node) Err() error {
	err, _ := n.state()
	return err
}

// Value gives the node itself for its key.
func (n *node) Value(key any) any {
	if key == &nodeKey {
		return n
	}
	return n.Context.Value(key)
}

//go:norace
func (n *node) state() (err, cause error) {
	t := core.Now()
	if t == nil {
		outer.Lock()
		defer outer.Unlock()
		return n.err, n.cause
	}
	core.Point(core.KindContext, &n.tree.o, core.Read, nil)
	if core.Race && n.err != nil {
		core.Acquire(unsafe.Pointer(&n.edge))
	}
	return n.err, n.cause
}

//go:norace
func newNode(parent Context, f func()) *node {
	if parent == nil {
		panic("cannot create context from nil parent")
	}
	n := &node{Context: parent, f: f, owner: core.Now(), done: sched.MakeChan[struct{}](0)}
	above := parent.Done()
	up, _ := parent.Value(&nodeKey).(*node)
	switch {
	case above == nil:
		n.tree = new(tree)
	case up != nil && up.done == above:
		n.up, n.tree = up, up.tree
	default:
		n.tree = new(tree)
	}
	if n.owner != nil {
		n.head().Share(&n.tree.o)
	}
	if n.up != nil {
		n.attach()
	} else if above != nil {
		n.follow(parent)
	}
	return n
}

//go:norace
func (n *node) head() *core.Head { return sched.RecvCase(n.done, nil, nil).Port().At() }

// attach hangs the node below its parent's node, or cancels it if that was
// cancelled.
//
//go:norace
func (n *node) attach() {
	t := core.Now()
	if t == nil {
		outer.Lock()
		defer outer.Unlock()
	} else {
		core.Point(core.KindContext, &n.tree.o, core.Inc, nil)
		if core.Race {
			core.ReleaseMerge(unsafe.Pointer(&n.edge))
		}
	}
	up := n.up
	if up.err == nil {
		up.down = append(up.down, n)
		return
	}
	if t != nil {
		t.As(&n.tree.o, core.Read)
		if core.Race {
			core.Acquire(unsafe.Pointer(&up.edge))
		}
	}
	n.cancel(t, up.err, up.cause)
}

// follow has the node cancelled with a parent of a foreign type.
func (n *node) follow(parent Context) {
	if sched.Select(true, sched.RecvCase(parent.Done(), nil, nil)) == 0 {
		n.finish(parent.Err(), Cause(parent))
		return
	}
	if p, ok := parent.(interface{ AfterFunc(func()) func() bool }); ok {
		p.AfterFunc(func() { n.finish(parent.Err(), Cause(parent)) })
		return
	}
	sched.Go(func() {
		if sched.Select(false, sched.RecvCase(parent.Done(), nil, nil), sched.RecvCase(n.done, nil, nil)) == 0 {
			n.finish(parent.Err(), Cause(parent))
		}
	})
}

// begin is the event that cancels the node or takes it off its tree.
//
//go:norace
func (n *node) begin() *core.Task {
	t := core.Now()
	if t == nil {
		outer.Lock()
		return nil
	}
	t.Begin(core.KindCancel, nil)
	t.Touch(&n.tree.o, core.Write)
	if n.tree.timed {
		t.Touch(core.E.Clock(), core.Write)
	}
	t.Park()
	return t
}

//go:norace
func (n *node) end(t *core.Task) {
	if t == nil {
		outer.Unlock()
	}
}

// finish cancels the node and all below it; only the first call counts.
//
//go:norace
func (n *node) finish(err, cause error) {
	t := n.begin()
	if cause == nil {
		cause = err
	}
	if n.err != nil {
		if t != nil {
			t.OnlyRead(&n.tree.o)
		}
	} else {
		n.leave()
		n.cancel(t, err, cause)
	}
	n.end(t)
}

// stop keeps an AfterFunc from being started.
//
//go:norace
func (n *node) stop() bool {
	t := n.begin()
	was := !n.ran
	n.ran = true
	if was {
		n.leave()
		n.err = Canceled
	}
	n.end(t)
	return was
}

// leave takes the node off its parent's list.
//
//go:norace
func (n *node) leave() {
	if n.up == nil {
		return
	}
	rest := make([]*node, 0, len(n.up.down))
	for _, x := range n.up.down {
		if x != n {
			rest = append(rest, x)
		}
	}
	n.up.down = rest
}

// cancel cancels the node and all below it within the event in progress. t is
// nil outside an exploration and when a timer fires.
//
//go:norace
func (n *node) cancel(t *core.Task, err, cause error) {
	if n.err != nil {
		return
	}
	n.err, n.cause = err, cause
	if core.Race {
		core.ReleaseMerge(unsafe.Pointer(&n.edge))
	}
	if n.owner != nil {
		if n.timer.Stop() && t != nil {
			t.Also(core.E.Clock(), core.Write)
		}
		n.head().Shut(t)
	} else {
		if n.real != nil {
			n.real.Stop()
		}
		n.done.Close()
	}
	if n.f != nil && !n.ran {
		n.ran = true
		if n.owner != nil {
			core.E.Spawn(n.owner, "", n.call)
		} else {
			go n.f()
		}
	}
	down := n.down
	n.down = nil
	for _, x := range down {
		x.cancel(t, err, cause)
	}
}

// call runs the function of an AfterFunc.
//
//go:norace
func (n *node) call() {
	if core.Race {
		core.Acquire(unsafe.Pointer(&n.edge))
	}
	n.f()
}
