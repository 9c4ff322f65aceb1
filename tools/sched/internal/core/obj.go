package core

// An Access says how an operation touches an object. Two operations on one
// object may swap places unseen when both are of the same commuting class.
type Access uint8

const (
	Read  Access = iota + 1 // commutes with Read
	Write                   // commutes with nothing
	Inc                     // commutes with Inc
	Dec                     // commutes with Dec
)

// An Obj is the identity of a modelled object: the zero value is ready. It gets
// a bit at its first use in an execution; the order of first uses depends on
// nothing but the schedule, so a bit means the same object wherever two
// executions share a prefix. More than 64 objects share bits, which makes the
// search do more work and miss nothing.
type Obj struct {
	exec uint32 // the execution in which mask holds
	id   uint32 // ordinal of the first use, for reports
	mask uint64
}

// A Foot is the footprint of an operation: the objects that it touches. A bit
// of any that is in none of the classes is written.
type Foot struct {
	any, read, inc, dec uint64
}

//go:norace
func (f *Foot) add(mask uint64, a Access) {
	old := f.any & mask
	fresh := mask &^ old
	f.any |= mask
	if a != Read {
		f.read &^= old
	}
	if a != Inc {
		f.inc &^= old
	}
	if a != Dec {
		f.dec &^= old
	}
	switch a {
	case Read:
		f.read |= fresh
	case Inc:
		f.inc |= fresh
	case Dec:
		f.dec |= fresh
	}
}

// conflict reports whether the order of the two operations can matter.
//
//go:norace
func conflict(a, b *Foot) bool {
	return a.any&b.any&^(a.read&b.read|a.inc&b.inc|a.dec&b.dec) != 0
}

// everything is the footprint of what depends on all that happened.
var everything = Foot{any: ^uint64(0)}

// bits gives o its identity in this execution.
//
//go:norace
func (e *Exec) bits(o *Obj) uint64 {
	if o.exec != e.n {
		o.exec = e.n
		o.id = e.objects
		o.mask = 1 << (e.objects & 63)
		e.objects++
	}
	return o.mask
}

// Stale reports whether o was last used in another execution, or never: state
// that it carries is then none of this one's. Objects that outlive an
// execution (package variables) start each one afresh.
//
//go:norace
func (o *Obj) Stale() bool { return E != nil && o.exec != E.n }

// Merge makes the objects one from here on: an operation on either may touch
// both.
//
//go:norace
func (e *Exec) Merge(a, b *Obj) {
	m := e.bits(a) | e.bits(b)
	if a.mask != m || b.mask != m {
		a.mask, b.mask = m, m
		e.merged = true
	}
}
