package canceltree

import (
	"sync/atomic"
	"unsafe"
)

// A ref is an atomic.Pointer but for its start and its end: the compiler makes a
// store into one of those an exchange, also where nobody else can look, and two
// of these would be a fifth of what Child and Release cost. The composite literal
// of a new node and forget are plain stores.
type ref[T any] struct{ to *T }

func (r *ref[T]) at() *unsafe.Pointer { return (*unsafe.Pointer)(unsafe.Pointer(&r.to)) }

func (r *ref[T]) Load() *T { return (*T)(atomic.LoadPointer(r.at())) }

func (r *ref[T]) Store(t *T) { atomic.StorePointer(r.at(), unsafe.Pointer(t)) }

// forget is Store(nil) where no other goroutine loads any more.
func (r *ref[T]) forget() { r.to = nil }
