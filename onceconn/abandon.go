package onceconn

import "time"

// AbandonPolicy says what happens to a launch that nobody waits for any more:
// AfterLast(linger), Never or AtOnce. The zero value is AfterLast(1 s).
//
// A launch that [Map.Start] asked for is always wanted.
type AbandonPolicy time.Duration

const (
	// Never lets every launch run to its end, for whoever comes next.
	Never AbandonPolicy = -1

	// AtOnce cancels the launch when the last waiter leaves.
	AtOnce AbandonPolicy = -2
)

// AfterLast cancels the launch when nobody has waited for it for that long.
// Callers with short deadlines that come one after another thus still get a
// launch that takes longer than each of them waits. A negative linger panics.
func AfterLast(linger time.Duration) AbandonPolicy {
	if linger < 0 {
		panic("onceconn: AfterLast with a negative duration")
	}
	if linger == 0 {
		return AtOnce
	}
	return AbandonPolicy(linger)
}
