//go:build !race

package core

import "unsafe"

// Race says that this is the race build.
const Race = false

// Acquire does nothing in the normal build.
func Acquire(unsafe.Pointer) {}

// Release does nothing in the normal build.
func Release(unsafe.Pointer) {}

// ReleaseMerge does nothing in the normal build.
func ReleaseMerge(unsafe.Pointer) {}

func meetAll(unsafe.Pointer) {}

func raceErrors() int { return 0 }
