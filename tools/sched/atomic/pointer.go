package atomic

import (
	"sync/atomic"

	"example.com/interlock/tools/sched/internal/core"
)

// A Pointer is a modelled atomic.Pointer; the zero value is nil.
type Pointer[T any] struct {
	o core.Obj
	v atomic.Pointer[T]
}

// Load returns the value.
//
//go:norace
func (x *Pointer[T]) Load() *T {
	core.Point(core.KindLoad, &x.o, core.Read, nil)
	return x.v.Load()
}

// Store sets the value.
//
//go:norace
func (x *Pointer[T]) Store(val *T) {
	core.Point(core.KindStore, &x.o, core.Write, nil)
	x.v.Store(val)
}

// Swap sets the value and returns the one before.
//
//go:norace
func (x *Pointer[T]) Swap(new *T) (old *T) {
	core.Point(core.KindSwap, &x.o, core.Write, nil)
	return x.v.Swap(new)
}

// CompareAndSwap sets the value if it is old.
//
//go:norace
func (x *Pointer[T]) CompareAndSwap(old, new *T) (swapped bool) {
	t := core.Point(core.KindCAS, &x.o, core.Write, nil)
	swapped = x.v.CompareAndSwap(old, new)
	if !swapped && t != nil {
		t.OnlyRead(&x.o)
	}
	return swapped
}
