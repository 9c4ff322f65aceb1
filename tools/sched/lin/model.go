package lin

import (
	"errors"
	"fmt"
	"iter"
)

// ErrNotLinearizable is in the error of Check when no order explains a history.
var ErrNotLinearizable = errors.New("lin: not linearizable")

// maxOps is how many operations a history may have.
const maxOps = 64

// A Model is the sequential object: its states S, and what an operation may do
// in each.
type Model[S comparable, I any, O comparable] struct {
	// Init is the state at the start.
	Init S
	// Step yields each state and output that the operation may lead to; none
	// if it cannot happen in the state, as a receive from an empty queue.
	Step func(s S, in I) iter.Seq2[S, O]
}

// Det makes a Step of a function: one state and one output each.
func Det[S comparable, I any, O comparable](f func(s S, in I) (S, O)) func(S, I) iter.Seq2[S, O] {
	return func(s S, in I) iter.Seq2[S, O] {
		return func(yield func(S, O) bool) { yield(f(s, in)) }
	}
}

// Check looks for an order of the operations that the model allows and that
// keeps each operation that returned before another was called in front of
// it. It returns nil if there is one, and otherwise an error that Is
// ErrNotLinearizable and shows the history. No operation may be in progress.
func (m Model[S, I, O]) Check(h *History[I, O]) error {
	if h.Len() > maxOps {
		return fmt.Errorf("lin: %d operations are more than %d", h.Len(), maxOps)
	}
	c := checker[S, I, O]{m: m, seen: make(map[point[S]]bool)}
	for i := range h.Len() {
		op := h.op(i)
		c.ops = append(c.ops, op)
		if op.ret != 0 {
			c.must |= 1 << i
		}
	}
	if c.from(0, m.Init) {
		return nil
	}
	return fmt.Errorf("%w:\n%v", ErrNotLinearizable, h)
}

// A checker searches depth-first, and no state twice with the same operations
// done (Wing and Gong 1993, with the memory of Lowe 2017).
type checker[S comparable, I any, O comparable] struct {
	m    Model[S, I, O]
	ops  []operation[I, O]
	must uint64 // operations that returned
	seen map[point[S]]bool
}

type point[S comparable] struct {
	done uint64
	s    S
}

// from reports whether the operations that are not done can follow state s.
func (c *checker[S, I, O]) from(done uint64, s S) bool {
	if done&c.must == c.must {
		return true
	}
	p := point[S]{done, s}
	if c.seen[p] {
		return false
	}
	c.seen[p] = true
	limit := c.earliest(done)
	for i, op := range c.ops {
		if done&(1<<i) != 0 || op.call > limit {
			continue
		}
		for next, out := range c.m.Step(s, op.in) {
			if (op.ret == 0 || out == op.out) && c.from(done|1<<i, next) {
				return true
			}
		}
	}
	return false
}

// earliest is the first return among the operations that are not done: what
// was called after it cannot come next.
func (c *checker[S, I, O]) earliest(done uint64) int {
	first := int(^uint(0) >> 1)
	for i, op := range c.ops {
		if done&(1<<i) == 0 && op.ret != 0 && op.ret < first {
			first = op.ret
		}
	}
	return first
}
