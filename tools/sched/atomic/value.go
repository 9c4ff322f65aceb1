package atomic

import (
	"sync/atomic"

	"example.com/interlock/tools/sched/internal/core"
)

// A Value is a modelled atomic.Value; the zero value is 0.
type Value struct {
	o core.Obj
	v atomic.Value
}

// Load returns the value.
//
//go:norace
func (x *Value) Load() any {
	core.Point(core.KindLoad, &x.o, core.Read, nil)
	return x.v.Load()
}

// Store sets the value.
//
//go:norace
func (x *Value) Store(val any) {
	core.Point(core.KindStore, &x.o, core.Write, nil)
	x.v.Store(val)
}

// Swap sets the value and returns the one before.
//
//go:norace
func (x *Value) Swap(new any) (old any) {
	core.Point(core.KindSwap, &x.o, core.Write, nil)
	return x.v.Swap(new)
}

// CompareAndSwap sets the value if it is old.
//
//go:norace
func (x *Value) CompareAndSwap(old, new any) (swapped bool) {
	t := core.Point(core.KindCAS, &x.o, core.Write, nil)
	swapped = x.v.CompareAndSwap(old, new)
	if !swapped && t != nil {
		t.OnlyRead(&x.o)
	}
	return swapped
}
