//go:build race

package core

import (
	"runtime"
	"unsafe"
)

// Race says that this is the race build.
const Race = true

// Acquire makes what was released at p happen before what the task does next,
// in the eyes of the race detector. What a timer does runs on no task and
// makes no edges: whoever set it made them.
//
//go:norace
func Acquire(p unsafe.Pointer) {
	if cur != nil {
		runtime.RaceAcquire(p)
	}
}

// Release makes what the task did so far visible to the next Acquire of p and
// forgets earlier releases.
//
//go:norace
func Release(p unsafe.Pointer) {
	if cur != nil {
		runtime.RaceRelease(p)
	}
}

// ReleaseMerge is Release that keeps earlier releases.
//
//go:norace
func ReleaseMerge(p unsafe.Pointer) {
	if cur != nil {
		runtime.RaceReleaseMerge(p)
	}
}

// meetAll orders the caller of the exploration between what was released at p
// and what acquires it next.
func meetAll(p unsafe.Pointer) {
	runtime.RaceAcquire(p)
	runtime.RaceReleaseMerge(p)
}

// raceErrors counts the races reported so far.
func raceErrors() int { return runtime.RaceErrors() }
