package atomic

import (
	"sync/atomic"
	"unsafe"

	"example.com/interlock/tools/sched/internal/core"
)

// at is one operation on a plain variable.
//
//go:norace
func at(k core.Kind, p unsafe.Pointer, a core.Access) *core.Task {
	if core.Now() == nil {
		return nil
	}
	return core.Point(k, core.E.Var(p), a, nil)
}

// failed says that a compare-and-swap of the variable at p changed nothing.
//
//go:norace
func failed(t *core.Task, p unsafe.Pointer) {
	if t != nil {
		t.OnlyRead(core.E.Var(p))
	}
}

// LoadInt32 is atomic.LoadInt32.
//
//go:norace
func LoadInt32(addr *int32) (val int32) {
	at(core.KindLoad, unsafe.Pointer(addr), core.Read)
	return atomic.LoadInt32(addr)
}

// StoreInt32 is atomic.StoreInt32.
//
//go:norace
func StoreInt32(addr *int32, val int32) {
	at(core.KindStore, unsafe.Pointer(addr), core.Write)
	atomic.StoreInt32(addr, val)
}

// SwapInt32 is atomic.SwapInt32.
//
//go:norace
func SwapInt32(addr *int32, new int32) (old int32) {
	at(core.KindSwap, unsafe.Pointer(addr), core.Write)
	return atomic.SwapInt32(addr, new)
}

// CompareAndSwapInt32 is atomic.CompareAndSwapInt32.
//
//go:norace
func CompareAndSwapInt32(addr *int32, old, new int32) (swapped bool) {
	t := at(core.KindCAS, unsafe.Pointer(addr), core.Write)
	swapped = atomic.CompareAndSwapInt32(addr, old, new)
	if !swapped {
		failed(t, unsafe.Pointer(addr))
	}
	return swapped
}

// AddInt32 is atomic.AddInt32.
//
//go:norace
func AddInt32(addr *int32, delta int32) (new int32) {
	at(core.KindAdd, unsafe.Pointer(addr), core.Write)
	return atomic.AddInt32(addr, delta)
}

// AndInt32 is atomic.AndInt32.
//
//go:norace
func AndInt32(addr *int32, mask int32) (old int32) {
	at(core.KindAdd, unsafe.Pointer(addr), core.Write)
	return atomic.AndInt32(addr, mask)
}

// OrInt32 is atomic.OrInt32.
//
//go:norace
func OrInt32(addr *int32, mask int32) (old int32) {
	at(core.KindAdd, unsafe.Pointer(addr), core.Write)
	return atomic.OrInt32(addr, mask)
}

// LoadInt64 is atomic.LoadInt64.
//
//go:norace
func LoadInt64(addr *int64) (val int64) {
	at(core.KindLoad, unsafe.Pointer(addr), core.Read)
	return atomic.LoadInt64(addr)
}

// StoreInt64 is atomic.StoreInt64.
//
//go:norace
func StoreInt64(addr *int64, val int64) {
	at(core.KindStore, unsafe.Pointer(addr), core.Write)
	atomic.StoreInt64(addr, val)
}

// SwapInt64 is atomic.SwapInt64.
//
//go:norace
func SwapInt64(addr *int64, new int64) (old int64) {
	at(core.KindSwap, unsafe.Pointer(addr), core.Write)
	return atomic.SwapInt64(addr, new)
}

// CompareAndSwapInt64 is atomic.CompareAndSwapInt64.
//
//go:norace
func CompareAndSwapInt64(addr *int64, old, new int64) (swapped bool) {
	t := at(core.KindCAS, unsafe.Pointer(addr), core.Write)
	swapped = atomic.CompareAndSwapInt64(addr, old, new)
	if !swapped {
		failed(t, unsafe.Pointer(addr))
	}
	return swapped
}

// AddInt64 is atomic.AddInt64.
//
//go:norace
func AddInt64(addr *int64, delta int64) (new int64) {
	at(core.KindAdd, unsafe.Pointer(addr), core.Write)
	return atomic.AddInt64(addr, delta)
}

// AndInt64 is atomic.AndInt64.
//
//go:norace
func AndInt64(addr *int64, mask int64) (old int64) {
	at(core.KindAdd, unsafe.Pointer(addr), core.Write)
	return atomic.AndInt64(addr, mask)
}

// OrInt64 is atomic.OrInt64.
//
//go:norace
func OrInt64(addr *int64, mask int64) (old int64) {
	at(core.KindAdd, unsafe.Pointer(addr), core.Write)
	return atomic.OrInt64(addr, mask)
}

// LoadUint32 is atomic.LoadUint32.
//
//go:norace
func LoadUint32(addr *uint32) (val uint32) {
	at(core.KindLoad, unsafe.Pointer(addr), core.Read)
	return atomic.LoadUint32(addr)
}

// StoreUint32 is atomic.StoreUint32.
//
//go:norace
func StoreUint32(addr *uint32, val uint32) {
	at(core.KindStore, unsafe.Pointer(addr), core.Write)
	atomic.StoreUint32(addr, val)
}

// SwapUint32 is atomic.SwapUint32.
//
//go:norace
func SwapUint32(addr *uint32, new uint32) (old uint32) {
	at(core.KindSwap, unsafe.Pointer(addr), core.Write)
	return atomic.SwapUint32(addr, new)
}

// CompareAndSwapUint32 is atomic.CompareAndSwapUint32.
//
//go:norace
func CompareAndSwapUint32(addr *uint32, old, new uint32) (swapped bool) {
	t := at(core.KindCAS, unsafe.Pointer(addr), core.Write)
	swapped = atomic.CompareAndSwapUint32(addr, old, new)
	if !swapped {
		failed(t, unsafe.Pointer(addr))
	}
	return swapped
}

// AddUint32 is atomic.AddUint32.
//
//go:norace
func AddUint32(addr *uint32, delta uint32) (new uint32) {
	at(core.KindAdd, unsafe.Pointer(addr), core.Write)
	return atomic.AddUint32(addr, delta)
}

// AndUint32 is atomic.AndUint32.
//
//go:norace
func AndUint32(addr *uint32, mask uint32) (old uint32) {
	at(core.KindAdd, unsafe.Pointer(addr), core.Write)
	return atomic.AndUint32(addr, mask)
}

// OrUint32 is atomic.OrUint32.
//
//go:norace
func OrUint32(addr *uint32, mask uint32) (old uint32) {
	at(core.KindAdd, unsafe.Pointer(addr), core.Write)
	return atomic.OrUint32(addr, mask)
}

// LoadUint64 is atomic.LoadUint64.
//
//go:norace
func LoadUint64(addr *uint64) (val uint64) {
	at(core.KindLoad, unsafe.Pointer(addr), core.Read)
	return atomic.LoadUint64(addr)
}

// StoreUint64 is atomic.StoreUint64.
//
//go:norace
func StoreUint64(addr *uint64, val uint64) {
	at(core.KindStore, unsafe.Pointer(addr), core.Write)
	atomic.StoreUint64(addr, val)
}

// SwapUint64 is atomic.SwapUint64.
//
//go:norace
func SwapUint64(addr *uint64, new uint64) (old uint64) {
	at(core.KindSwap, unsafe.Pointer(addr), core.Write)
	return atomic.SwapUint64(addr, new)
}

// CompareAndSwapUint64 is atomic.CompareAndSwapUint64.
//
//go:norace
func CompareAndSwapUint64(addr *uint64, old, new uint64) (swapped bool) {
	t := at(core.KindCAS, unsafe.Pointer(addr), core.Write)
	swapped = atomic.CompareAndSwapUint64(addr, old, new)
	if !swapped {
		failed(t, unsafe.Pointer(addr))
	}
	return swapped
}

// AddUint64 is atomic.AddUint64.
//
//go:norace
func AddUint64(addr *uint64, delta uint64) (new uint64) {
	at(core.KindAdd, unsafe.Pointer(addr), core.Write)
	return atomic.AddUint64(addr, delta)
}

// AndUint64 is atomic.AndUint64.
//
//go:norace
func AndUint64(addr *uint64, mask uint64) (old uint64) {
	at(core.KindAdd, unsafe.Pointer(addr), core.Write)
	return atomic.AndUint64(addr, mask)
}

// OrUint64 is atomic.OrUint64.
//
//go:norace
func OrUint64(addr *uint64, mask uint64) (old uint64) {
	at(core.KindAdd, unsafe.Pointer(addr), core.Write)
	return atomic.OrUint64(addr, mask)
}

// LoadUintptr is atomic.LoadUintptr.
//
//go:norace
func LoadUintptr(addr *uintptr) (val uintptr) {
	at(core.KindLoad, unsafe.Pointer(addr), core.Read)
	return atomic.LoadUintptr(addr)
}

// StoreUintptr is atomic.StoreUintptr.
//
//go:norace
func StoreUintptr(addr *uintptr, val uintptr) {
	at(core.KindStore, unsafe.Pointer(addr), core.Write)
	atomic.StoreUintptr(addr, val)
}

// SwapUintptr is atomic.SwapUintptr.
//
//go:norace
func SwapUintptr(addr *uintptr, new uintptr) (old uintptr) {
	at(core.KindSwap, unsafe.Pointer(addr), core.Write)
	return atomic.SwapUintptr(addr, new)
}

// CompareAndSwapUintptr is atomic.CompareAndSwapUintptr.
//
//go:norace
func CompareAndSwapUintptr(addr *uintptr, old, new uintptr) (swapped bool) {
	t := at(core.KindCAS, unsafe.Pointer(addr), core.Write)
	swapped = atomic.CompareAndSwapUintptr(addr, old, new)
	if !swapped {
		failed(t, unsafe.Pointer(addr))
	}
	return swapped
}

// AddUintptr is atomic.AddUintptr.
//
//go:norace
func AddUintptr(addr *uintptr, delta uintptr) (new uintptr) {
	at(core.KindAdd, unsafe.Pointer(addr), core.Write)
	return atomic.AddUintptr(addr, delta)
}

// AndUintptr is atomic.AndUintptr.
//
//go:norace
func AndUintptr(addr *uintptr, mask uintptr) (old uintptr) {
	at(core.KindAdd, unsafe.Pointer(addr), core.Write)
	return atomic.AndUintptr(addr, mask)
}

// OrUintptr is atomic.OrUintptr.
//
//go:norace
func OrUintptr(addr *uintptr, mask uintptr) (old uintptr) {
	at(core.KindAdd, unsafe.Pointer(addr), core.Write)
	return atomic.OrUintptr(addr, mask)
}

// LoadPointer is atomic.LoadPointer.
//
//go:norace
func LoadPointer(addr *unsafe.Pointer) (val unsafe.Pointer) {
	at(core.KindLoad, unsafe.Pointer(addr), core.Read)
	return atomic.LoadPointer(addr)
}

// StorePointer is atomic.StorePointer.
//
//go:norace
func StorePointer(addr *unsafe.Pointer, val unsafe.Pointer) {
	at(core.KindStore, unsafe.Pointer(addr), core.Write)
	atomic.StorePointer(addr, val)
}

// SwapPointer is atomic.SwapPointer.
//
//go:norace
func SwapPointer(addr *unsafe.Pointer, new unsafe.Pointer) (old unsafe.Pointer) {
	at(core.KindSwap, unsafe.Pointer(addr), core.Write)
	return atomic.SwapPointer(addr, new)
}

// CompareAndSwapPointer is atomic.CompareAndSwapPointer.
//
//go:norace
func CompareAndSwapPointer(addr *unsafe.Pointer, old, new unsafe.Pointer) (swapped bool) {
	t := at(core.KindCAS, unsafe.Pointer(addr), core.Write)
	swapped = atomic.CompareAndSwapPointer(addr, old, new)
	if !swapped {
		failed(t, unsafe.Pointer(addr))
	}
	return swapped
}
