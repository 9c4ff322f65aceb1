package lin

import (
	"fmt"
	"strings"
	"sync"

	"example.com/interlock/tools/sched/internal/core"
)

// A History records operations with inputs I and outputs O. The zero value is
// empty and ready; it may be used by all tasks of an exploration, or by
// goroutines outside of one, and must not be copied.
type History[I any, O comparable] struct {
	obj core.Obj
	mu  sync.Mutex // outside an exploration
	now int
	ops []operation[I, O]
}

type operation[I any, O comparable] struct {
	in        I
	out       O
	call, ret int // ret is 0 while it is pending
}

// An ID names an operation of a history.
type ID int

// Call records that an operation begins.
//
//go:norace
func (h *History[I, O]) Call(in I) ID {
	if core.Point(core.KindCall, &h.obj, core.Inc, nil) == nil {
		h.mu.Lock()
		defer h.mu.Unlock()
	}
	h.now++
	h.ops = append(h.ops, operation[I, O]{in: in, call: h.now})
	return ID(len(h.ops) - 1)
}

// Return records that the operation has ended with out. An operation that
// never returns may have taken effect or not.
//
//go:norace
func (h *History[I, O]) Return(id ID, out O) {
	if core.Point(core.KindReturn, &h.obj, core.Dec, nil) == nil {
		h.mu.Lock()
		defer h.mu.Unlock()
	}
	h.now++
	h.ops[id].out, h.ops[id].ret = out, h.now
}

// Do records the operation that f performs.
func (h *History[I, O]) Do(in I, f func() O) O {
	id := h.Call(in)
	out := f()
	h.Return(id, out)
	return out
}

// Len is the number of operations.
//
//go:norace
func (h *History[I, O]) Len() int { return len(h.ops) }

// String lists the operations in the order of their calls, with the times of
// call and return.
func (h *History[I, O]) String() string {
	var b strings.Builder
	for i := range h.Len() {
		op := h.op(i)
		if i > 0 {
			b.WriteByte('\n')
		}
		if op.ret == 0 {
			fmt.Fprintf(&b, "[%d, …] %v: pending", op.call, op.in)
		} else {
			fmt.Fprintf(&b, "[%d, %d] %v: %v", op.call, op.ret, op.in, op.out)
		}
	}
	return b.String()
}

//go:norace
func (h *History[I, O]) op(i int) operation[I, O] { return h.ops[i] }
