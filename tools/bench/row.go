package bench

import (
	"math"
	"strconv"
)

// A Row is one line of the table: one figure, what it was held against, and
// whether the promise was kept.
type Row struct {
	Module string
	Name   string // what was measured, in words

	Unit      string  // unit of Ours and Ref: "ns", "B", "allocs", "us", ...
	Ours      float64 // median of our samples
	Reference string  // what Ref is; "" when the figure stands alone
	Ref       float64 // median of the reference's samples

	Ratio  float64 // median of the pairs' ratios; NaN when the figure stands alone
	Lo, Hi float64 // interval of the ratio at 95 % confidence

	Bound Bound // of Ratio, or of Ours when the figure stands alone
	Note  string
}

// Figure is the number that the bound is about.
func (r Row) Figure() float64 {
	if r.Reference == "" {
		return r.Ours
	}
	return r.Ratio
}

// Held reports whether the row keeps its promise.
func (r Row) Held() bool { return r.Bound.Holds(r.Figure()) }

// Verdict is "held", "missed", or "" for a row that promises nothing.
func (r Row) Verdict() string {
	switch {
	case !r.Bound.Promised():
		return ""
	case r.Held():
		return "held"
	}
	return "missed"
}

// value formats v with three significant digits, whole from 1000 on.
func value(v float64) string {
	switch {
	case math.IsNaN(v):
		return ""
	case v == math.Trunc(v) && math.Abs(v) < 1e15, math.Abs(v) >= 1000:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
