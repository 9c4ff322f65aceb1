package bench

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"time"

	"golang.org/x/perf/benchmath"
)

// A Side is one of the programs of a pair. Run does n operations and returns
// when they are done; it may use goroutines of its own.
type Side struct {
	Name string
	Run  func(n int)
}

// A Runner measures the rows of one module after the other and collects them.
// It is used by one goroutine.
type Runner struct {
	Module string
	Quick  bool
	Log    io.Writer // a line for each finished row

	rows    []Row
	samples []sample
}

// Rows returns what was measured so far.
func (r *Runner) Rows() []Row { return r.rows }

// rounds is how many pairs one row takes. An odd number, so that the median
// is one that was measured.
func (r *Runner) rounds() int {
	if r.Quick {
		return 7
	}
	return 15
}

// span is how long one side of one pair runs.
func (r *Runner) span() time.Duration {
	if r.Quick {
		return 15 * time.Millisecond
	}
	return 60 * time.Millisecond
}

// Pair measures ours against ref, operation by operation, in nanoseconds.
func (r *Runner) Pair(name string, b Bound, ours, ref Side) {
	n, m := calibrate(ours, r.span()), calibrate(ref, r.span())
	r.Versus(name, b, "ns", ref.Name, func(i int) (a, c float64) {
		runtime.GC() // neither side pays for the other's garbage
		if i%2 == 1 {
			c = perOp(ref, m)
			return perOp(ours, n), c
		}
		a = perOp(ours, n)
		return a, perOp(ref, m)
	})
}

// Versus takes one pair of samples a round from measure, which is told the
// round's number, and records the ratio ours/reference.
func (r *Runner) Versus(name string, b Bound, unit, reference string, measure func(round int) (ours, ref float64)) {
	r.VersusN(r.rounds(), name, b, unit, reference, measure)
}

// VersusN is Versus with a number of rounds of the caller's choice, for
// measurements that take long.
func (r *Runner) VersusN(rounds int, name string, b Bound, unit, reference string, measure func(round int) (ours, ref float64)) {
	var ours, ref, ratios []float64
	for i := range rounds {
		a, c := measure(i)
		ours, ref, ratios = append(ours, a), append(ref, c), append(ratios, a/c)
	}
	r.Samples(name, b, unit, reference, ours, ref, ratios)
}

// Samples records a row whose samples were taken elsewhere: the i-th of ours,
// ref and ratios come from the same round.
func (r *Runner) Samples(name string, b Bound, unit, reference string, ours, ref, ratios []float64) {
	mid := summary(ratios)
	r.add(Row{
		Name: name, Unit: unit, Reference: reference, Bound: b,
		Ours: summary(ours).Center, Ref: summary(ref).Center,
		Ratio: mid.Center, Lo: mid.Lo, Hi: mid.Hi,
	})
	r.keep(name, "ours", unit, ours)
	r.keep(name, reference, unit, ref)
}

// Value records a figure that stands alone: a size, a count, a duration.
func (r *Runner) Value(name string, b Bound, unit string, v float64) {
	r.add(Row{Name: name, Unit: unit, Bound: b, Ours: v, Ratio: math.NaN(), Ref: math.NaN()})
	r.keep(name, "ours", unit, []float64{v})
}

// Note adds a remark to the row that was recorded last.
func (r *Runner) Note(format string, args ...any) {
	r.rows[len(r.rows)-1].Note = fmt.Sprintf(format, args...)
}

func (r *Runner) add(row Row) {
	row.Module = r.Module
	r.rows = append(r.rows, row)
	if r.Log != nil {
		fmt.Fprintf(r.Log, "%s: %s: %s %s %s\n", row.Module, row.Name, value(row.Figure()), row.Bound, row.Verdict())
	}
}

// calibrate returns how many operations of s take about span.
func calibrate(s Side, span time.Duration) int {
	for n := 1; ; {
		took := elapsed(s, n)
		if took >= span/2 || n >= 1<<30 {
			return max(1, int(float64(n)*float64(span)/float64(max(took, 1))))
		}
		if grow := int(float64(span) / float64(max(took, 1))); grow > 10 {
			n *= 10
		} else {
			n *= 2
		}
	}
}

func elapsed(s Side, n int) time.Duration {
	start := time.Now()
	s.Run(n)
	return time.Since(start)
}

func perOp(s Side, n int) float64 { return float64(elapsed(s, n)) / float64(n) }

// summary is the median with its interval at 95 % confidence.
func summary(values []float64) benchmath.Summary {
	return benchmath.AssumeNothing.Summary(benchmath.NewSample(values, &benchmath.DefaultThresholds), 0.95)
}
