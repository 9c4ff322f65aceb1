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
	l, err := e.await(ctx, false)
	return l.conn(), err
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
	l := e.hit()
	if l == nil {
		l = e.look()
	}
	return l.conn(), l != nil
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

// hit returns the open connection if a look is all that it needs: three loads
// and one comparison, no lock, no write. It is small enough to be inlined.
func (e *Entry[K, C]) hit() *live[C] {
	if l := e.open.Load(); l != nil && l.mark.Load() == l.clock.Load() {
		return l
	}
	return nil
}

// look is what the first hit after each tick of the clock has to do, or every
// one if there is Options.Healthy. See expire for the second look at open.
func (e *Entry[K, C]) look() *live[C] {
	l := e.open.Load()
	if l == nil || l.isDead() || e.m.pingDue(l) {
		return nil
	}
	now := l.clock.Load()
	l.stamp.Store(now)
	if e.open.Load() != l || !e.healthy(l) {
		return nil
	}
	l.trust(now)
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
	l.stamp.Store(l.clock.Load())
	if l.isDead() || e.open.Load() != l || !e.healthy(l) {
		return false
	}
	return !leased || l.acquire() // last: a Healthy that panics must leave no lease
}

// await is the slow path. The way of a crowd that joins a flight and waits for
// it to the end takes two frames and a plain receive: ten thousand callers that
// wait are ten thousand stacks, none of them in a cache, and a frame or a select
// more shows (BenchmarkStorm).
func (e *Entry[K, C]) await(ctx context.Context, leased bool) (*live[C], error) {
	if l := e.look(); l != nil && (!leased || l.acquire()) {
		return l, nil
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	f, first := e.board()
	if f == nil {
		return e.insist(ctx, leased, -1)
	}
	if ctx.Done() == nil && ctx.Value(e.m) == nil {
		<-f.done
	} else if err := e.ride(ctx, f); err != nil {
		return nil, err
	}
	if f.err != nil {
		return nil, f.err
	}
	if l := f.live; l != nil && e.take(l, leased) {
		return l, nil
	}
	return e.insist(ctx, leased, first)
}

// board joins the flight that is under way, if there is one; settled is how many
// went before it.
func (e *Entry[K, C]) board() (f *flight[K, C], settled int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.flight != nil {
		e.flight.join()
	}
	return e.flight, e.settled
}

// insist goes through launches until one gives it a live connection or an
// answer. first is for arrive.
func (e *Entry[K, C]) insist(ctx context.Context, leased bool, first int) (*live[C], error) {
	for {
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
			err = e.waitProbe(ctx, s.probe) // if that went well l needs no further Ping
		case s.flight != nil:
			if s.first {
				e.m.depart(s.flight)
			}
			if err = e.ride(ctx, s.flight); err == nil {
				l, err = s.flight.live, s.flight.err
			}
		}
		if err != nil {
			return nil, err
		}
		if l != nil && e.take(l, leased) {
			return l, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
}

// ride waits until f has settled, or returns why the caller must not wait.
func (e *Entry[K, C]) ride(ctx context.Context, f *flight[K, C]) error {
	if own, ok := ctx.Value(e.m).(*flight[K, C]); ok {
		return e.rideFrom(own, ctx, f)
	}
	return e.wait(ctx, f)
}

// rideFrom is ride for a launch that needs another.
func (e *Entry[K, C]) rideFrom(own *flight[K, C], ctx context.Context, f *flight[K, C]) error {
	if !e.m.deps.link(own, f) {
		e.quit(f)
		return ErrReentrant
	}
	defer e.m.deps.unlink(own, f)
	return e.wait(ctx, f)
}

func (e *Entry[K, C]) wait(ctx context.Context, f *flight[K, C]) error {
	select {
	case <-f.done:
	case <-ctx.Done():
		if !e.quit(f) {
			return context.Cause(ctx)
		}
	}
	return nil
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
