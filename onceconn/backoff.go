package onceconn

import (
	"math"
	"math/rand/v2"
	"time"
)

// Backoff says how long a key rests after a failed launch: Base after the
// first, Multiplier times as long after each further one, at most Max, each
// time moved by up to Jitter of itself in either direction.
//
// A success alone does not end the series, or a peer that accepts and hangs up
// would be dialled in a hot loop: only a connection that lived for StableAfter
// does. The first connection that dies young is replaced at once; from the
// second on, the next launch is delayed as if one launch fewer had failed, and
// callers wait for it as they would wait for the launch.
//
// The zero value of each field stands for its default. A Backoff may be copied.
type Backoff struct {
	Base        time.Duration // 100 ms
	Multiplier  float64       // 1.6; at least 1
	Jitter      float64       // 0.2; at most 1
	Max         time.Duration // 30 s
	StableAfter time.Duration // 10 s
}

// BackoffMode says what a caller gets while its key rests after a failure.
// The zero value is FailFast.
type BackoffMode uint8

const (
	// FailFast returns the last error at once, marked Cached, with RetryAt.
	FailFast BackoffMode = iota

	// Wait waits for the next launch if the caller's deadline reaches RetryAt, and
	// does as FailFast otherwise.
	Wait
)

// delay gives the rest after the n-th failure in a row, n >= 1.
func (b *Backoff) delay(n int) time.Duration {
	d := float64(b.Base) * math.Pow(b.Multiplier, float64(n-1))
	d = min(d, float64(b.Max)) // before the jitter, so that it spreads at the cap too
	d *= 1 + b.Jitter - jitter(2*b.Jitter)
	if d >= float64(b.Max) {
		return b.Max // which as a float may be too large for a Duration
	}
	return time.Duration(d)
}

// jitter gives a random number from 0 to limit.
func jitter(limit float64) float64 { return limit * rand.Float64() }

func (b *Backoff) setDefaults() {
	positive("Backoff.Base", b.Base)
	positive("Backoff.Max", b.Max)
	positive("Backoff.StableAfter", b.StableAfter)
	if b.Multiplier != 0 && !(b.Multiplier >= 1) || math.IsInf(b.Multiplier, 0) { // the negation catches NaN
		panic("onceconn: Options.Backoff.Multiplier below 1")
	}
	if !(b.Jitter >= 0 && b.Jitter <= 1) {
		panic("onceconn: Options.Backoff.Jitter outside 0..1")
	}
	b.Base = or(b.Base, 100*time.Millisecond)
	b.Multiplier = or(b.Multiplier, 1.6)
	b.Jitter = or(b.Jitter, 0.2)
	b.Max = or(b.Max, 30*time.Second)
	b.Base = min(b.Base, b.Max) // for pauses, too
	b.StableAfter = or(b.StableAfter, 10*time.Second)
}
