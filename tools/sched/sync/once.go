package sync

import (
	"sync"

	"example.com/interlock/tools/sched/internal/core"
)

// A Once is a modelled sync.Once; the zero value is ready.
type Once struct {
	once sync.Once
	o    core.Once
}

// Do calls f if it is the first to call; it returns when f has returned.
//
//go:norace
func (o *Once) Do(f func()) {
	t := core.Now()
	if t == nil {
		o.once.Do(func() {
			defer o.o.MarkDone()
			f()
		})
		return
	}
	if !o.o.Enter(t) {
		return
	}
	defer o.o.Leave(t)
	f()
}

// OnceFunc returns a function that calls f once; if f panics, so does every
// call, with the same value.
func OnceFunc(f func()) func() {
	call := OnceValue(func() struct{} { f(); return struct{}{} })
	return func() { call() }
}

// OnceValue returns a function that calls f once and returns what it returned.
func OnceValue[T any](f func() T) func() T {
	var (
		once  Once
		valid bool
		p     any
		v     T
	)
	return func() T {
		once.Do(func() {
			valid = false // a package variable starts each schedule afresh
			defer func() {
				if !valid {
					if p = recover(); p != nil {
						panic(p)
					}
				}
			}()
			v = f()
			valid = true
		})
		if !valid {
			panic(p)
		}
		return v
	}
}

// OnceValues is OnceValue for two values.
func OnceValues[T1, T2 any](f func() (T1, T2)) func() (T1, T2) {
	type both struct {
		a T1
		b T2
	}
	call := OnceValue(func() both {
		a, b := f()
		return both{a, b}
	})
	return func() (T1, T2) {
		r := call()
		return r.a, r.b
	}
}
