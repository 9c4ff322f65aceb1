package onceconn

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// An Entry is one key of a [Map], with the Map's methods for that key. Whoever
// keeps it, from [Map.Key], saves the look-up. It stays valid for as long as the
// Map does, also when the Map has forgotten the key meanwhile.
//
// All methods may be called at once from many goroutines. An Entry must not be
// copied; its zero value is not usable.
//
// The states and invariants are in machine.go.
type Entry[K comparable, C any] struct {
	open atomic.Pointer[live[C]] // what a hit needs comes first
	m    *Map[K, C]
	key  K
	bad  error // the key cannot be found again; set when the Entry is made

	mu      sync.Mutex // protects the fields below
	phase   Phase
	flight  *flight[K, C] // in Launching and Cancelling
	failure *Error        // in Backoff: what late callers are told, and until when
	pacing  bool          // in Backoff: after early deaths, so callers wait
	gate    *gate         // in Backoff: those who wait

	settled     int // flights, ever
	attempts    int // launches since the last stable connection
	strikes     int // failures and early deaths since then, or since ResetBackoff
	lastErr     error
	lastFailure time.Time
	data        any       // of WithData, while no flight has it
	used        time.Time // when it came to rest

	gone bool // not in the table any more
	slot slot // in the janitor's agenda
}

// Key returns the key.
func (e *Entry[K, C]) Key() K { return e.key }

// Get is [Map.Get] for this key.
func (e *Entry[K, C]) Get(ctx context.Context) (C, error) {
	if l := e.hit(); l != nil {
		return l.c, nil
	}
	return e.get(ctx)
}

// Acquire is [Map.Acquire] for this key.
func (e *Entry[K, C]) Acquire(ctx context.Context) (Lease[C], error) {
	if l := e.hit(); l != nil && l.acquire() {
		return Lease[C]{live: l}, nil
	}
	l, err := e.await(ctx, true)
	return Lease[C]{live: l}, err
}

// TryGet is [Map.TryGet] for this key.
func (e *Entry[K, C]) TryGet() (C, bool) {
	if l := e.hit(); l != nil {
		return l.c, true
	}
	var none C
	return none, false
}

// Start is [Map.Start] for this key.
func (e *Entry[K, C]) Start() {
	s := e.want()
	for s.gone {
		e = e.m.revive(e)
		s = e.want()
	}
	s.opens.open()
	if s.first {
		e.m.depart(s.flight)
	}
}

// Do is [Map.Do] for this key.
func (e *Entry[K, C]) Do(ctx context.Context, use func(C) error) error {
	err := e.do(ctx, use)
	if errors.Is(err, ErrStale) {
		err = e.do(ctx, use)
	}
	return err
}

func (e *Entry[K, C]) do(ctx context.Context, use func(C) error) error {
	lease, err := e.Acquire(ctx)
	if err != nil {
		return err
	}
	defer lease.Release()
	if err = use(lease.live.c); errors.Is(err, ErrStale) {
		lease.live.home.evict(lease.live, err) // not by e: the table may have moved on
	}
	return err
}

// Evict is [Map.Evict] for this key.
func (e *Entry[K, C]) Evict(c C, cause error) bool {
	l := e.open.Load()
	return l != nil && same(l.c, c) && e.evict(l, cause)
}

// ResetBackoff is [Map.ResetBackoff] for this key.
func (e *Entry[K, C]) ResetBackoff() {
	e.mu.Lock()
	e.strikes = 0
	var g *gate
	if e.phase == PhaseBackoff {
		g = e.thaw(time.Now())
	}
	e.mu.Unlock()
	g.open()
}

// hit returns the open connection if it needs no second look: two loads and two
// comparisons, no lock, no write. The context plays no part, for nothing waits.
func (e *Entry[K, C]) hit() *live[C] {
	l := e.open.Load()
	if l == nil || l.doom.Load() != nil {
		return nil
	}
	if l.stamp.Load() != l.clock.Load() || l.healthy != nil {
		return e.look(l)
	}
	return l
}

// look is what a hit has to do once after each tick of the clock, or always if
// there is Options.Healthy. See expire for the second look at open.
func (e *Entry[K, C]) look(l *live[C]) *live[C] {
	if e.m.pingDue(l) {
		return nil
	}
	l.stamp.Store(l.clock.Load())
	if e.open.Load() != l || !e.healthy(l) {
		return nil
	}
	return l
}

func (e *Entry[K, C]) healthy(l *live[C]) bool {
	if l.healthy == nil || l.healthy(l.c) {
		return true
	}
	e.m.kill(e, l, errUnhealthy)
	return false
}

// take hands out, on the slow path, a connection that is or was open.
func (e *Entry[K, C]) take(l *live[C], leased bool) bool {
	if leased && !l.acquire() {
		return false
	}
	l.stamp.Store(l.clock.Load())
	if !l.dead() && e.open.Load() == l && e.healthy(l) {
		return true
	}
	if leased {
		l.release()
	}
	return false
}

func (e *Entry[K, C]) get(ctx context.Context) (C, error) {
	l, err := e.await(ctx, false)
	if err != nil {
		var none C
		return none, err
	}
	return l.c, nil
}

// await is the slow path: it goes through launches until one gives it a live
// connection or an answer.
func (e *Entry[K, C]) await(ctx context.Context, leased bool) (*live[C], error) {
	for first := -1; ; {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		s := e.arrive(ctx, &first)
		s.opens.open()
		l, err := s.live, s.err
		switch {
		case err != nil:
		case s.gone:
			e, first = e.m.revive(e), -1
		case s.gate != nil:
			err = e.waitGate(ctx, s.gate)
		case s.probe != nil:
			if s.first {
				e.sendProbe(l, s.probe)
			}
			l, err = nil, e.waitProbe(ctx, s.probe)
		case s.flight != nil:
			if s.first {
				e.m.depart(s.flight)
			}
			l, err = e.waitFlight(ctx, s.flight)
		}
		if err != nil {
			return nil, err
		}
		if l != nil && e.take(l, leased) {
			return l, nil
		}
	}
}

// waitFlight returns what came of the flight, or why the caller must not wait for
// it; nothing at all if it was cancelled and the caller should come again.
func (e *Entry[K, C]) waitFlight(ctx context.Context, f *flight[K, C]) (*live[C], error) {
	m := e.m
	if own, ok := ctx.Value(m).(*flight[K, C]); ok {
		if !m.deps.link(own, f) {
			e.quit(f)
			return nil, ErrReentrant
		}
		defer m.deps.unlink(own, f)
	}
	select {
	case <-f.done:
	case <-ctx.Done():
		if !e.quit(f) {
			return nil, context.Cause(ctx)
		}
	}
	return f.live, f.err // both nil if again
}

// quit takes a waiter off a flight and reports whether it had settled before.
func (e *Entry[K, C]) quit(f *flight[K, C]) (settled bool) {
	settled, cancelled := e.leave(f)
	if cancelled {
		e.m.cancel(f)
	}
	return settled
}

func (e *Entry[K, C]) waitGate(ctx context.Context, g *gate) error {
	select {
	case <-g.done:
		return nil
	case <-ctx.Done():
		e.mu.Lock()
		g.waiters--
		e.mu.Unlock()
		return context.Cause(ctx)
	}
}
