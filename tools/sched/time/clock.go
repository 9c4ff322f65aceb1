// Package time is the modelled twin of the standard package of that name. In an
// exploration the clock is virtual: it starts at the same instant each time
// and stands still but when a timer fires. A timer may fire at any point after
// it was set, but never before one that is due earlier.
package time

import (
	"time"

	"example.com/interlock/tools/sched/internal/core"
)

// Now returns the time.
//
//go:norace
func Now() Time {
	if core.Now() == nil {
		return time.Now()
	}
	core.Point(core.KindNow, core.E.Clock(), core.Read, nil)
	return core.E.Time()
}

// Since is Now().Sub(t).
func Since(t Time) Duration {
	if core.Now() == nil {
		return time.Since(t)
	}
	return Now().Sub(t)
}

// Until is t.Sub(Now()).
func Until(t Time) Duration {
	if core.Now() == nil {
		return time.Until(t)
	}
	return t.Sub(Now())
}

// Sleep pauses the task for d.
//
//go:norace
func Sleep(d Duration) {
	t := core.Now()
	switch {
	case t == nil:
		time.Sleep(d)
	case d <= 0:
		t.Yield()
	default:
		t.Sleep(d)
	}
}
