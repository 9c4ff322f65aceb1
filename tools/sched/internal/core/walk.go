package core

import "math/bits"

// A random is a small generator (splitmix64) that task code may call: that of
// math/rand is instrumented by the race build.
type random uint64

//go:norace
func (r *random) next() uint64 {
	*r += 0x9E3779B97F4A7C15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

//go:norace
func (r *random) below(n int) int { return int(r.next() % uint64(n)) }

// A walk tries orders at random: each task equally likely at each step, or by
// random priorities that change at few random points (Burckhardt and others,
// ASPLOS 2010), which finds a bug that needs d ordered events with a chance of
// 1/(n·k^(d-1)) for n tasks and k steps.
type walk struct {
	e       *Exec
	pct     bool
	depth   int
	rnd     random
	prio    [maxProcs]uint64
	change  [16]int
	longest int // steps of the longest execution so far
}

//go:norace
func (w *walk) begin() {
	if !w.pct {
		return
	}
	for i := range w.prio {
		w.prio[i] = w.rnd.next() | 1<<63
	}
	for i := range w.change[:w.depth-1] {
		w.change[i] = w.rnd.below(max(w.longest, 1))
	}
}

//go:norace
func (w *walk) pick(enabled uint64) int {
	if !w.pct {
		k := w.rnd.below(bits.OnesCount64(enabled))
		for ; k > 0; k-- {
			enabled &= enabled - 1
		}
		return bits.TrailingZeros64(enabled)
	}
	e := w.e
	w.longest = max(w.longest, e.steps)
	if l := e.last; l != nil {
		for i, c := range w.change[:w.depth-1] {
			if c == e.steps {
				w.prio[l.id] = uint64(w.depth - i)
			}
		}
		if l.kind == KindYield {
			w.prio[l.id] = w.rnd.next() >> 32 // below those that have not yielded
		}
	}
	best := -1
	for m := enabled; m != 0; m &= m - 1 {
		i := bits.TrailingZeros64(m)
		if best < 0 || w.prio[i] > w.prio[best] {
			best = i
		}
	}
	return best
}

//go:norace
func (w *walk) choose(n int) int { return w.rnd.below(n) }

//go:norace
func (w *walk) after(*Task) {}

//go:norace
func (w *walk) over() {}

//go:norace
func (w *walk) advance() bool { return true }

// A replay follows a schedule, and then lets each task run as far as it can.
type replay struct {
	e     *Exec
	steps []Step
	pos   int
}

//go:norace
func (r *replay) begin() { r.pos = 0 }

//go:norace
func (r *replay) pick(enabled uint64) int {
	if r.pos == len(r.steps) {
		if l := r.e.last; l != nil && enabled&(1<<l.id) != 0 {
			return l.id
		}
		return bits.TrailingZeros64(enabled)
	}
	s := r.steps[r.pos]
	if s.Choice || s.N < 0 || s.N >= maxProcs || enabled&(1<<s.N) == 0 {
		r.e.diverged(r.pos)
		return -1
	}
	r.pos++
	return s.N
}

//go:norace
func (r *replay) choose(n int) int {
	if r.pos == len(r.steps) {
		return 0
	}
	s := r.steps[r.pos]
	if !s.Choice || s.N < 0 || s.N >= n {
		r.e.diverged(r.pos)
		return 0
	}
	r.pos++
	return s.N
}

//go:norace
func (r *replay) after(*Task) {}

//go:norace
func (r *replay) over() {}

//go:norace
func (r *replay) advance() bool { return false }
