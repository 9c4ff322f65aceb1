package bench

import (
	"fmt"
	"strconv"
)

// A Bound is what a module promises of one figure. The zero Bound promises
// nothing: the row is shown for orientation.
type Bound struct {
	limit float64
	kind  boundKind
}

type boundKind uint8

const (
	unbounded boundKind = iota
	atMost
	atLeast
)

// AtMost is the bound of a figure that must not be larger than limit.
func AtMost(limit float64) Bound { return Bound{limit, atMost} }

// AtLeast is the bound of a figure that must not be smaller than limit.
func AtLeast(limit float64) Bound { return Bound{limit, atLeast} }

// Holds reports whether v satisfies b. NaN satisfies no bound.
func (b Bound) Holds(v float64) bool {
	switch b.kind {
	case atMost:
		return v <= b.limit
	case atLeast:
		return v >= b.limit
	}
	return true
}

// Promised reports whether b is a promise at all.
func (b Bound) Promised() bool { return b.kind != unbounded }

// String returns "≤ 1.3", "≥ 1.6", or "" for the zero Bound.
func (b Bound) String() string {
	limit := strconv.FormatFloat(b.limit, 'g', -1, 64)
	switch b.kind {
	case atMost:
		return fmt.Sprintf("≤ %s", limit)
	case atLeast:
		return fmt.Sprintf("≥ %s", limit)
	}
	return ""
}
