package canceltree_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/interlock/canceltree"
	"pgregory.net/rapid"
)

// The specification. A node of the model has the parents that it was made with and
// nothing ever moves: whoever is cancelled cancels all that was made below it,
// through live and released nodes alike.
type node struct {
	parents  []*node
	kids     []*node
	handles  int
	err      error // nil, context.Canceled, context.DeadlineExceeded or ErrReleased
	cause    error
	relayed  error // a released node: the cause that passed through
	callback []*callback
	deadline time.Time       // the earliest of its own and its parents'
	timed    bool            // deadline is its own and has not passed
	std      context.Context // the same tree in package context; nil once one above was released
	stdStop  context.CancelCauseFunc
	stdEnd   context.CancelFunc // of a deadline
}

type callback struct {
	after   bool
	stopped bool
	dropped bool
	want    int
	ran     atomic.Int32 // by a deadline in another goroutine
	wake    chan bool
	stop    func() bool
}

func (n *node) cancelled() bool { return n.err != nil && n.err != canceltree.ErrReleased }

func (n *node) cancel(err, cause error) {
	if n.relayed != nil || n.cancelled() {
		return
	}
	n.relayed = cause
	if n.err == nil {
		n.err, n.cause = err, cause
		for _, c := range n.callback {
			if !c.stopped {
				c.want = 1
			}
		}
	}
	for _, k := range n.kids {
		k.cancel(err, cause)
	}
}

func (n *node) release() {
	if n.handles--; n.handles > 0 || n.err != nil {
		return
	}
	n.err, n.cause = canceltree.ErrReleased, canceltree.ErrReleased
	for _, c := range n.callback {
		if c.stopped {
			continue
		}
		if c.after {
			c.want = 1
		} else {
			c.dropped = true
		}
	}
	n.forgetStd()
}

// forgetStd takes what hangs below a released node out of the comparison with
// package context, which has no release.
func (n *node) forgetStd() {
	if n.std == nil {
		return
	}
	n.std = nil
	for _, k := range n.kids {
		k.forgetStd()
	}
}

type handle struct {
	token    *canceltree.Token
	node     *node
	released bool
}

// machine drives a tree and its model by the same steps.
type machine struct {
	root    *canceltree.Token
	handles []*handle
	nodes   []*node
	tops    []top
	causes  int
	asked   map[*node]<-chan struct{}
}

// A top is a context made on a token with package context.
type top struct {
	ctx  context.Context
	node *node
}

func newMachine() *machine {
	m := &machine{asked: map[*node]<-chan struct{}{}}
	m.root = canceltree.New()
	n := &node{handles: 1}
	n.std, n.stdStop = context.WithCancelCause(context.Background())
	m.nodes = append(m.nodes, n)
	m.handles = append(m.handles, &handle{token: m.root.Clone(), node: n})
	n.handles++ // the root's own handle is never released
	return m
}

// grow notes a new token below parents.
func (m *machine) grow(k *canceltree.Token, parents ...*node) {
	n := &node{handles: 1, parents: parents}
	for _, p := range parents {
		p.kids = append(p.kids, n)
		if n.deadline.IsZero() || !p.deadline.IsZero() && p.deadline.Before(n.deadline) {
			n.deadline = p.deadline
		}
	}
	for _, p := range parents {
		if p.cancelled() {
			n.err, n.cause, n.relayed = p.err, p.cause, p.cause
			break
		}
	}
	if len(parents) == 1 && parents[0].std != nil {
		n.std, n.stdStop = context.WithCancelCause(parents[0].std)
	}
	m.nodes = append(m.nodes, n)
	m.handles = append(m.handles, &handle{token: k, node: n})
}

// growTimed notes a new token with a deadline of its own, if that counts.
func (m *machine) growTimed(k *canceltree.Token, at time.Time, parent *node) {
	m.grow(k, parent)
	n := m.nodes[len(m.nodes)-1]
	if !n.deadline.IsZero() && !at.Before(n.deadline) {
		return
	}
	n.deadline, n.timed = at, true
	if n.std != nil {
		n.std, n.stdEnd = context.WithDeadline(n.std, at)
	}
}

// wait lets time pass and all deadlines in it, the earliest first.
func (m *machine) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
	var due []*node
	for _, n := range m.nodes {
		if n.timed && !n.deadline.After(time.Now()) {
			n.timed = false
			due = append(due, n)
		}
	}
	slices.SortStableFunc(due, func(a, b *node) int { return a.deadline.Compare(b.deadline) })
	for _, n := range due {
		n.cancel(context.DeadlineExceeded, context.DeadlineExceeded)
	}
}

// step takes the action that the numbers say. Its result tells whether there was
// something to do.
func (m *machine) step(action, i, j int) error {
	h := m.handles[i%len(m.handles)]
	if h.released {
		return m.refuses(h)
	}
	n := h.node
	switch action % 16 {
	case 0, 1:
		m.grow(h.token.Child(), n)
	case 2:
		m.grow(h.token.ChildNamed("named"), n)
	case 3:
		n.handles++
		m.handles = append(m.handles, &handle{token: h.token.Clone(), node: n})
	case 4, 5:
		h.token.Release()
		h.released = true
		n.release()
	case 6:
		return m.cancel(h)
	case 7:
		m.register(h)
	case 8:
		if len(n.callback) > 0 {
			c := n.callback[j%len(n.callback)]
			want := !c.stopped && n.err == nil
			if got := c.stop(); got != want {
				return fmt.Errorf("stop: %v, want %v", got, want)
			}
			c.stopped = c.stopped || want
		}
	case 9:
		m.asked[n] = h.token.Done()
	case 10:
		m.grow(canceltree.FromContext(context.WithValue(h.token, key(1), 1)), n)
	case 11:
		ctx, cancel := context.WithCancel(context.WithValue(h.token, key(1), 1))
		_ = cancel // ends with its token, which ends with the machine
		m.tops = append(m.tops, top{ctx, n})
	case 12:
		m.growTimed(h.token.ChildDeadline(far), far, n)
	case 13:
		o := m.handles[j%len(m.handles)]
		if o.released || o.node == n {
			return nil
		}
		m.grow(canceltree.Any(h.token, o.token), n, o.node)
	case 14:
		d := time.Duration(1+j%5) * time.Minute
		m.growTimed(h.token.ChildTimeout(d), time.Now().Add(d), n)
	case 15:
		m.wait(time.Duration(j%3) * time.Minute)
	}
	return nil
}

// refuses checks a released handle: it does nothing.
func (m *machine) refuses(h *handle) error {
	h.token.Release()
	if h.token.Cancel(errTest) {
		return errors.New("Cancel through a released handle won")
	}
	if panics(func() { h.token.Child() }) == nil || panics(func() { h.token.Clone() }) == nil {
		return errors.New("no panic on a released handle")
	}
	return nil
}

func (m *machine) cancel(h *handle) error {
	n := h.node
	m.causes++
	cause := fmt.Errorf("cause %d", m.causes)
	want := n.err == nil
	if got := h.token.Cancel(cause); got != want {
		return fmt.Errorf("Cancel: %v, want %v", got, want)
	}
	n.cancel(context.Canceled, cause)
	if n.std != nil {
		n.stdStop(cause)
	}
	return nil
}

func (m *machine) register(h *handle) {
	n := h.node
	c := &callback{wake: make(chan bool, 10), after: m.causes%2 == 0}
	if c.after {
		c.stop = h.token.AfterFunc(func() { c.wake <- true })
	} else {
		c.stop = h.token.OnCancel(func(error) { c.ran.Add(1) }).Stop
	}
	if n.err != nil {
		c.want = 1
	}
	n.callback = append(n.callback, c)
}

// check compares everything that can be seen with the model.
func (m *machine) check() error {
	for i, h := range m.handles {
		n, k := h.node, h.token
		if k.Err() != n.err || k.Cause() != n.cause {
			return fmt.Errorf("handle %d: %v, %v; want %v, %v", i, k.Err(), k.Cause(), n.err, n.cause)
		}
		if done, ok := m.asked[n]; ok {
			if k.Done() != done {
				return fmt.Errorf("handle %d: another Done", i)
			}
			select {
			case <-done:
				if n.err == nil {
					return fmt.Errorf("handle %d: Done closed, Err nil", i)
				}
			default:
				if n.err != nil {
					return fmt.Errorf("handle %d: Done open, Err %v", i, n.err)
				}
			}
		}
		if n.std != nil && (n.std.Err() != n.err || context.Cause(n.std) != n.cause) {
			return fmt.Errorf("handle %d: package context says %v, %v", i, n.std.Err(), context.Cause(n.std))
		}
		if at, ok := k.Deadline(); !at.Equal(n.deadline) || ok == n.deadline.IsZero() {
			return fmt.Errorf("handle %d: deadline %v, %v; want %v", i, at, ok, n.deadline)
		}
		if err := k.Check(); err != nil {
			return fmt.Errorf("handle %d: %w", i, err)
		}
	}
	for i, t := range m.tops {
		if (t.ctx.Err() != nil) != (t.node.err != nil) || context.Cause(t.ctx) != t.node.cause {
			return fmt.Errorf("context %d on top: %v, %v; want %v", i, t.ctx.Err(), context.Cause(t.ctx), t.node.cause)
		}
		if (t.ctx.Err() == context.DeadlineExceeded) != (t.node.err == context.DeadlineExceeded) {
			return fmt.Errorf("context %d on top: %v, want %v", i, t.ctx.Err(), t.node.err)
		}
	}
	if err := m.checkTree(); err != nil {
		return err
	}
	return m.checkCallbacks()
}

// checkTree compares the sequence Tree with the live nodes of the model below the
// root, each of which it must show once.
func (m *machine) checkTree() error {
	if m.nodes[0].err != nil {
		return nil
	}
	live := map[*node]bool{}
	var walk func(*node)
	walk = func(n *node) {
		if n.cancelled() || n.relayed != nil {
			return
		}
		if n.err == nil {
			live[n] = true
		}
		for _, k := range n.kids {
			walk(k)
		}
	}
	walk(m.nodes[0])
	shown, ids, children, depth := 0, map[uint64]bool{}, 0, []int{}
	for i := range m.root.Tree() {
		if ids[i.ID] {
			return errors.New("Tree shows a node twice")
		}
		ids[i.ID] = true
		if !i.Relay {
			shown++
		}
		if i.Relay != (i.Err != nil) || i.Relay != (i.Handles == 0) {
			return fmt.Errorf("Tree shows %+v", i)
		}
		if i.Depth > len(depth) {
			return errors.New("Tree skips a level")
		}
		depth = append(depth[:i.Depth], 0)
		children += i.Children
	}
	if shown != len(live) || children != len(ids)-1 {
		return fmt.Errorf("Tree shows %d live nodes of %d, %d children of %d", shown, len(live), children, len(ids)-1)
	}
	return nil
}

func (m *machine) checkCallbacks() error {
	for i, n := range m.nodes {
		for j, c := range n.callback {
			for c.after && int(c.ran.Load()) < c.want {
				<-c.wake
				c.ran.Add(1)
			}
			if ran := int(c.ran.Load()); c.after && len(c.wake) > 0 || ran != c.want {
				return fmt.Errorf("callback %d of node %d ran %d times, want %d", j, i, ran, c.want)
			}
		}
	}
	return nil
}

// finish releases everything and looks whether something is left.
func (m *machine) finish() error {
	for _, h := range m.handles {
		if !h.released {
			h.token.Release()
			h.node.release()
			h.released = true
		}
		h.token.Release()
	}
	if err := m.check(); err != nil {
		return err
	}
	if n := len(slices.Collect(m.root.Tree())); n != 1 || canceltree.HasLinks(m.root) {
		return fmt.Errorf("%d nodes left, links: %v", n, canceltree.HasLinks(m.root))
	}
	for i, h := range m.handles {
		if h.token.Parent() != nil && h.node.err == canceltree.ErrReleased && h.node.relayed == nil {
			return fmt.Errorf("handle %d: still linked", i)
		}
	}
	m.root.Cancel(nil)
	m.nodes[0].stdStop(nil)
	return nil
}

// A step is an action and the numbers that say on what.
type step struct{ action, i, j int }

// play runs the steps, looks at everything after each, and cleans up.
func play(steps []step) error {
	m := newMachine()
	for _, s := range steps {
		if err := m.step(s.action, s.i, s.j); err != nil {
			return err
		}
		if err := m.check(); err != nil {
			return err
		}
	}
	return m.finish()
}

func TestTreeAgainstTheModel(t *testing.T) {
	before := runtime.NumGoroutine()
	rapid.Check(t, func(rt *rapid.T) {
		// Few parents are wide enough for a relay if they are drawn evenly.
		wide := rapid.IntRange(0, 3).Draw(rt, "wide")
		var steps []step
		for range rapid.IntRange(1, 80).Draw(rt, "steps") {
			i := rapid.IntRange(0, 200).Draw(rt, "handle")
			if wide == 0 {
				i %= 3
			}
			steps = append(steps, step{rapid.IntRange(0, 15).Draw(rt, "action"), i, rapid.IntRange(0, 200).Draw(rt, "other")})
		}
		var err error
		synctest.Test(t, func(*testing.T) { err = play(steps) })
		if err != nil {
			rt.Fatal(err)
		}
	})
	if left := leftover(before); left != "" {
		t.Fatal(left)
	}
}
