package atomic

import (
	"sync/atomic"

	"example.com/interlock/tools/sched/internal/core"
)

// A Bool is a modelled atomic.Bool; the zero value is false.
type Bool struct {
	o core.Obj
	v atomic.Bool
}

// Load returns the value.
//
//go:norace
func (x *Bool) Load() bool {
	core.Point(core.KindLoad, &x.o, core.Read, nil)
	return x.v.Load()
}

// Store sets the value.
//
//go:norace
func (x *Bool) Store(val bool) {
	core.Point(core.KindStore, &x.o, core.Write, nil)
	x.v.Store(val)
}

// Swap sets the value and returns the one before.
//
//go:norace
func (x *Bool) Swap(new bool) (old bool) {
	core.Point(core.KindSwap, &x.o, core.Write, nil)
	return x.v.Swap(new)
}

// CompareAndSwap sets the value if it is old.
//
//go:norace
func (x *Bool) CompareAndSwap(old, new bool) (swapped bool) {
	t := core.Point(core.KindCAS, &x.o, core.Write, nil)
	swapped = x.v.CompareAndSwap(old, new)
	if !swapped && t != nil {
		t.OnlyRead(&x.o)
	}
	return swapped
}
