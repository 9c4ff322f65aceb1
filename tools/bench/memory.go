package bench

import "runtime"

// LiveBytes returns how much the live heap grows while build runs and what it
// returns is kept, in bytes.
func LiveBytes(build func() any) float64 {
	before := liveHeap()
	kept := build()
	after := liveHeap()
	runtime.KeepAlive(kept)
	return float64(after) - float64(before)
}

// liveHeap collects twice, so that finalizers and pools let go, and returns
// the bytes that are still reachable.
func liveHeap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
