// Package atomic is the modelled twin of sync/atomic: the same API, each
// operation one step of an exploration, and the real thing outside. The real
// operation is performed in an exploration too: so the race detector sees an
// atomic access, and its edges, and reports plain accesses that race with it.
package atomic

import (
	"sync/atomic"

	"example.com/interlock/tools/sched/internal/core"
)

// An Int32 is a modelled atomic.Int32; the zero value is 0.
type Int32 struct {
	o core.Obj
	v atomic.Int32
}

// Load returns the value.
//
//go:norace
func (x *Int32) Load() int32 {
	core.Point(core.KindLoad, &x.o, core.Read, nil)
	return x.v.Load()
}

// Store sets the value.
//
//go:norace
func (x *Int32) Store(val int32) {
	core.Point(core.KindStore, &x.o, core.Write, nil)
	x.v.Store(val)
}

// Swap sets the value and returns the one before.
//
//go:norace
func (x *Int32) Swap(new int32) (old int32) {
	core.Point(core.KindSwap, &x.o, core.Write, nil)
	return x.v.Swap(new)
}

// CompareAndSwap sets the value if it is old.
//
//go:norace
func (x *Int32) CompareAndSwap(old, new int32) (swapped bool) {
	t := core.Point(core.KindCAS, &x.o, core.Write, nil)
	swapped = x.v.CompareAndSwap(old, new)
	if !swapped && t != nil {
		t.OnlyRead(&x.o)
	}
	return swapped
}

// Add adds delta and returns the sum.
//
//go:norace
func (x *Int32) Add(delta int32) (new int32) {
	core.Point(core.KindAdd, &x.o, core.Write, nil)
	return x.v.Add(delta)
}

// And clears the bits that are not in mask and returns the value before.
//
//go:norace
func (x *Int32) And(mask int32) (old int32) {
	core.Point(core.KindAdd, &x.o, core.Write, nil)
	return x.v.And(mask)
}

// Or sets the bits of mask and returns the value before.
//
//go:norace
func (x *Int32) Or(mask int32) (old int32) {
	core.Point(core.KindAdd, &x.o, core.Write, nil)
	return x.v.Or(mask)
}

// An Int64 is a modelled atomic.Int64; the zero value is 0.
type Int64 struct {
	o core.Obj
	v atomic.Int64
}

// Load returns the value.
//
//go:norace
func (x *Int64) Load() int64 {
	core.Point(core.KindLoad, &x.o, core.Read, nil)
	return x.v.Load()
}

// Store sets the value.
//
//go:norace
func (x *Int64) Store(val int64) {
	core.Point(core.KindStore, &x.o, core.Write, nil)
	x.v.Store(val)
}

// Swap sets the value and returns the one before.
//
//go:norace
func (x *Int64) Swap(new int64) (old int64) {
	core.Point(core.KindSwap, &x.o, core.Write, nil)
	return x.v.Swap(new)
}

// CompareAndSwap sets the value if it is old.
//
//go:norace
func (x *Int64) CompareAndSwap(old, new int64) (swapped bool) {
	t := core.Point(core.KindCAS, &x.o, core.Write, nil)
	swapped = x.v.CompareAndSwap(old, new)
	if !swapped && t != nil {
		t.OnlyRead(&x.o)
	}
	return swapped
}

// Add adds delta and returns the sum.
//
//go:norace
func (x *Int64) Add(delta int64) (new int64) {
	core.Point(core.KindAdd, &x.o, core.Write, nil)
	return x.v.Add(delta)
}

// And clears the bits that are not in mask and returns the value before.
//
//go:norace
func (x *Int64) And(mask int64) (old int64) {
	core.Point(core.KindAdd, &x.o, core.Write, nil)
	return x.v.And(mask)
}

// Or sets the bits of mask and returns the value before.
//
//go:norace
func (x *Int64) Or(mask int64) (old int64) {
	core.Point(core.KindAdd, &x.o, core.Write, nil)
	return x.v.Or(mask)
}

// A Uint32 is a modelled atomic.Uint32; the zero value is 0.
type Uint32 struct {
	o core.Obj
	v atomic.Uint32
}

// Load returns the value.
//
//go:norace
func (x *Uint32) Load() uint32 {
	core.Point(core.KindLoad, &x.o, core.Read, nil)
	return x.v.Load()
}

// Store sets the value.
//
//go:norace
func (x *Uint32) Store(val uint32) {
	core.Point(core.KindStore, &x.o, core.Write, nil)
	x.v.Store(val)
}

// Swap sets the value and returns the one before.
//
//go:norace
func (x *Uint32) Swap(new uint32) (old uint32) {
	core.Point(core.KindSwap, &x.o, core.Write, nil)
	return x.v.Swap(new)
}

// CompareAndSwap sets the value if it is old.
//
//go:norace
func (x *Uint32) CompareAndSwap(old, new uint32) (swapped bool) {
	t := core.Point(core.KindCAS, &x.o, core.Write, nil)
	swapped = x.v.CompareAndSwap(old, new)
	if !swapped && t != nil {
		t.OnlyRead(&x.o)
	}
	return swapped
}

// Add adds delta and returns the sum.
//
//go:norace
func (x *Uint32) Add(delta uint32) (new uint32) {
	core.Point(core.KindAdd, &x.o, core.Write, nil)
	return x.v.Add(delta)
}

// And clears the bits that are not in mask and returns the value before.
//
//go:norace
func (x *Uint32) And(mask uint32) (old uint32) {
	core.Point(core.KindAdd, &x.o, core.Write, nil)
	return x.v.And(mask)
}

// Or sets the bits of mask and returns the value before.
//
//go:norace
func (x *Uint32) Or(mask uint32) (old uint32) {
	core.Point(core.KindAdd, &x.o, core.Write, nil)
	return x.v.Or(mask)
}

// A Uint64 is a modelled atomic.Uint64; the zero value is 0.
type Uint64 struct {
	o core.Obj
	v atomic.Uint64
}

// Load returns the value.
//
//go:norace
func (x *Uint64) Load() uint64 {
	core.Point(core.KindLoad, &x.o, core.Read, nil)
	return x.v.Load()
}

// Store sets the value.
//
//go:norace
func (x *Uint64) Store(val uint64) {
	core.Point(core.KindStore, &x.o, core.Write, nil)
	x.v.Store(val)
}

// Swap sets the value and returns the one before.
//
//go:norace
func (x *Uint64) Swap(new uint64) (old uint64) {
	core.Point(core.KindSwap, &x.o, core.Write, nil)
	return x.v.Swap(new)
}

// CompareAndSwap sets the value if it is old.
//
//go:norace
func (x *Uint64) CompareAndSwap(old, new uint64) (swapped bool) {
	t := core.Point(core.KindCAS, &x.o, core.Write, nil)
	swapped = x.v.CompareAndSwap(old, new)
	if !swapped && t != nil {
		t.OnlyRead(&x.o)
	}
	return swapped
}

// Add adds delta and returns the sum.
//
//go:norace
func (x *Uint64) Add(delta uint64) (new uint64) {
	core.Point(core.KindAdd, &x.o, core.Write, nil)
	return x.v.Add(delta)
}

// And clears the bits that are not in mask and returns the value before.
//
//go:norace
func (x *Uint64) And(mask uint64) (old uint64) {
	core.Point(core.KindAdd, &x.o, core.Write, nil)
	return x.v.And(mask)
}

// Or sets the bits of mask and returns the value before.
//
//go:norace
func (x *Uint64) Or(mask uint64) (old uint64) {
	core.Point(core.KindAdd, &x.o, core.Write, nil)
	return x.v.Or(mask)
}

// A Uintptr is a modelled atomic.Uintptr; the zero value is 0.
type Uintptr struct {
	o core.Obj
	v atomic.Uintptr
}

// Load returns the value.
//
//go:norace
func (x *Uintptr) Load() uintptr {
	core.Point(core.KindLoad, &x.o, core.Read, nil)
	return x.v.Load()
}

// Store sets the value.
//
//go:norace
func (x *Uintptr) Store(val uintptr) {
	core.Point(core.KindStore, &x.o, core.Write, nil)
	x.v.Store(val)
}

// Swap sets the value and returns the one before.
//
//go:norace
func (x *Uintptr) Swap(new uintptr) (old uintptr) {
	core.Point(core.KindSwap, &x.o, core.Write, nil)
	return x.v.Swap(new)
}

// CompareAndSwap sets the value if it is old.
//
//go:norace
func (x *Uintptr) CompareAndSwap(old, new uintptr) (swapped bool) {
	t := core.Point(core.KindCAS, &x.o, core.Write, nil)
	swapped = x.v.CompareAndSwap(old, new)
	if !swapped && t != nil {
		t.OnlyRead(&x.o)
	}
	return swapped
}

// Add adds delta and returns the sum.
//
//go:norace
func (x *Uintptr) Add(delta uintptr) (new uintptr) {
	core.Point(core.KindAdd, &x.o, core.Write, nil)
	return x.v.Add(delta)
}

// And clears the bits that are not in mask and returns the value before.
//
//go:norace
func (x *Uintptr) And(mask uintptr) (old uintptr) {
	core.Point(core.KindAdd, &x.o, core.Write, nil)
	return x.v.And(mask)
}

// Or sets the bits of mask and returns the value before.
//
//go:norace
func (x *Uintptr) Or(mask uintptr) (old uintptr) {
	core.Point(core.KindAdd, &x.o, core.Write, nil)
	return x.v.Or(mask)
}
