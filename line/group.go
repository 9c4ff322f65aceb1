package line

import (
	"context"
	"sync"
)

// A Group has a line for every key. A key that is free and not waited for
// takes no memory, but for the 128 keys whose lines ended a hold last: they are
// remembered so that who comes late finds the verdict. The zero value is ready
// for use. A Group must not be copied after first use; its methods may be
// called from any goroutine.
//
// A key that was forgotten starts again from an epoch that no caller of it can
// have noted before, and so may be Stale although it was not repaired, which
// costs its caller one retry. It is never Acquired for a failure from before
// its last repair, and its epoch never falls.
//
// A key that is not equal to itself (a floating-point NaN) panics, as does an
// interface that holds a value which cannot be compared.
type Group[K comparable] struct {
	mu     sync.Mutex // protects the fields below; held for a few steps and no user code
	lines  map[K]*entry[K]
	peak   int   // the most lines since the map was made
	floor  Epoch // of every key without a line
	recent [remembered]*entry[K]
	oldest int // the place in recent that is used next
}

const remembered = 128

// An entry is a key's line. It is in the map until it is retired: then its
// epoch has moved on without a hold, so that nobody who still has a Pass of it
// can take it.
type entry[K comparable] struct {
	line  Line
	lobby lobby
	group *Group[K]
	key   K
	late  bool // it is among group.recent
}

// Epoch returns the epoch of key. Note it before the work that may fail.
func (g *Group[K]) Epoch(key K) Epoch {
	check(key)
	g.mu.Lock()
	defer g.mu.Unlock()
	if e := g.lines[key]; e != nil {
		return e.line.Epoch()
	}
	return g.floor
}

// Enter is Line.Enter for the line of key.
func (g *Group[K]) Enter(key K, since Epoch) Pass {
	check(key)
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.lines[key]
	if e == nil {
		if g.floor > since {
			return Pass{epoch: g.floor, hold: uint64(Stale)}
		}
		e = g.add(key)
	}
	return e.line.Enter(since)
}

// TryAcquire is Line.TryAcquire for the line of key.
func (g *Group[K]) TryAcquire(key K) Pass {
	check(key)
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.lines[key]
	if e == nil {
		e = g.add(key)
	}
	return e.line.TryAcquire()
}

// Do is Line.Do for the line of key.
func (g *Group[K]) Do(ctx context.Context, key K, since Epoch, repair func(context.Context) error) (Epoch, error) {
	if repair == nil {
		panic("line: Do with a nil repair")
	}
	if ctx.Err() != nil {
		return g.Epoch(key), context.Cause(ctx)
	}
	return g.Enter(key, since).do(ctx, repair)
}

// Len returns how many keys are held or waited for now. It looks at every
// line that the group has.
func (g *Group[K]) Len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for _, e := range g.lines {
		if e.line.Busy() {
			n++
		}
	}
	return n
}

// check panics on a key that cannot be found again. It compares before any
// lock is taken: a comparison may panic.
func check[K comparable](key K) {
	if key != key {
		panic("line: key is not equal to itself")
	}
}

// add makes the line of key. g.mu is held.
func (g *Group[K]) add(key K) *entry[K] {
	e := &entry[K]{group: g, key: key}
	e.lobby.owner = e
	e.line.lobby.Store(&e.lobby)
	e.line.state.Store(uint64(g.floor)<<epochShift | owned)
	if g.lines == nil {
		g.lines = make(map[K]*entry[K])
	}
	g.lines[key] = e
	g.peak = max(g.peak, len(g.lines))
	return e
}

// ended is called by the line when a hold has left it free. It keeps the line
// among the recent ones, and retires the one that has been there longest.
func (e *entry[K]) ended() {
	g := e.group
	g.mu.Lock()
	defer g.mu.Unlock()
	if e.late || g.lines[e.key] != e { // there already, or retired in between
		return
	}
	old := g.recent[g.oldest]
	g.recent[g.oldest], e.late = e, true
	g.oldest = (g.oldest + 1) % remembered
	if old != nil {
		old.late = false
		g.retire(old)
	}
}

// retire takes e out of the map if it is free. g.mu is held, so that nobody
// can take the line while it goes: a Pass of before finds the epoch moved.
func (g *Group[K]) retire(e *entry[K]) {
	s := e.line.state.Load()
	next := epochOf(s) + 1
	if s&held != 0 || !e.line.state.CompareAndSwap(s, uint64(next)<<epochShift|owned) {
		return // somebody holds it: it will end again
	}
	g.floor = max(g.floor, next)
	delete(g.lines, e.key)
	g.shrink()
}

// shrink gives the map's memory back once it is nearly empty: Go's maps keep
// theirs.
func (g *Group[K]) shrink() {
	const small = 1024
	if g.peak < small || len(g.lines) > g.peak/8 {
		return
	}
	lines := make(map[K]*entry[K], len(g.lines))
	for k, e := range g.lines {
		lines[k] = e
	}
	g.lines, g.peak = lines, len(lines)
}
