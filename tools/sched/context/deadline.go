package context

import (
	"time"
	"unsafe"

	"example.com/interlock/tools/sched/internal/core"
	clock "example.com/interlock/tools/sched/time"
)

// WithTimeout is WithDeadline at d from now.
func WithTimeout(parent Context, d time.Duration) (Context, CancelFunc) {
	return WithTimeoutCause(parent, d, nil)
}

// WithTimeoutCause is WithDeadlineCause at d from now.
func WithTimeoutCause(parent Context, d time.Duration, cause error) (Context, CancelFunc) {
	return WithDeadlineCause(parent, clock.Now().Add(d), cause)
}

// WithDeadline returns a context that is cancelled at the deadline, or by the
// CancelFunc. In an exploration it may be cancelled at any point, but not
// before a timer that is due earlier.
func WithDeadline(parent Context, d time.Time) (Context, CancelFunc) {
	return WithDeadlineCause(parent, d, nil)
}

// WithDeadlineCause is WithDeadline with the cause of passing it.
func WithDeadlineCause(parent Context, d time.Time, cause error) (Context, CancelFunc) {
	if parent == nil {
		panic("cannot create context from nil parent")
	}
	if up, ok := parent.Deadline(); ok && up.Before(d) {
		return WithCancel(parent)
	}
	n := newNode(parent, nil)
	n.deadline, n.due = d, true
	left := clock.Until(d)
	if left <= 0 {
		n.finish(DeadlineExceeded, cause)
	} else {
		n.arm(left, cause)
	}
	return n, func() { n.finish(Canceled, nil) }
}

// Deadline is the node's own, or the parent's.
func (n *node) Deadline() (time.Time, bool) {
	if n.due {
		return n.deadline, true
	}
	return n.Context.Deadline()
}

// arm sets the timer.
//
//go:norace
func (n *node) arm(left time.Duration, cause error) {
	t := core.Now()
	if t == nil {
		outer.Lock()
		defer outer.Unlock()
		if n.err == nil {
			n.real = time.AfterFunc(left, n.expired(cause))
		}
		return
	}
	n.tree.timed = true
	t.Begin(core.KindTimer, nil)
	t.Touch(core.E.Clock(), core.Write)
	t.Touch(&n.tree.o, core.Inc)
	t.Park()
	if n.err != nil {
		return
	}
	n.head().Mark()
	if core.Race {
		core.ReleaseMerge(unsafe.Pointer(&n.edge))
	}
	n.timer.Set(t, left, 0, &n.tree.o, nil, n.expire(cause))
}

// expire makes what the timer does in an exploration.
//
//go:norace
func (n *node) expire(cause error) func() {
	if cause == nil {
		cause = DeadlineExceeded
	}
	return func() {
		if n.err == nil {
			n.leave()
			n.cancel(nil, DeadlineExceeded, cause)
		}
	}
}

// expired makes what the timer does outside.
func (n *node) expired(cause error) func() {
	return func() { n.finish(DeadlineExceeded, cause) }
}
