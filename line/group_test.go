package line_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"testing"
	"testing/synctest"

	"example.com/interlock/line"
)

func TestGroupKeysAreIndependent(t *testing.T) {
	var g line.Group[string]
	a, b := g.Enter("a", 0), g.TryAcquire("b")
	wantOutcome(t, a, line.Acquired, nil)
	wantOutcome(t, b, line.Acquired, nil)
	wantOutcome(t, g.Enter("a", 0), line.Busy, nil)
	wantOutcome(t, g.TryAcquire("b"), line.Busy, nil)
	if g.Len() != 2 {
		t.Errorf("Len %d, want 2", g.Len())
	}
	end(a)
	if g.Epoch("a") != 1 || g.Epoch("b") != 0 || g.Len() != 1 {
		t.Errorf("epochs %d and %d, Len %d", g.Epoch("a"), g.Epoch("b"), g.Len())
	}
	wantOutcome(t, g.Enter("a", 0), line.Stale, nil)
	tok, _ := b.Token()
	tok.Fail(errNo)
	wantOutcome(t, g.Enter("b", 0), line.Stale, errNo)
	if g.Len() != 0 {
		t.Errorf("Len %d, want 0", g.Len())
	}
}

func TestGroupDo(t *testing.T) {
	var g line.Group[int]
	calls := 0
	for range 3 {
		if epoch, err := g.Do(t.Context(), 7, 0, repairWith(nil, &calls)); epoch != 1 || err != nil {
			t.Errorf("%d, %v", epoch, err)
		}
	}
	for range 3 {
		if epoch, err := g.Do(t.Context(), 7, 1, repairWith(errNo, &calls)); epoch != 2 || err != errNo {
			t.Errorf("%d, %v", epoch, err)
		}
	}
	if calls != 2 {
		t.Errorf("%d repairs, want 2", calls)
	}
	cause := errors.New("late")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if epoch, err := g.Do(ctx, 7, 2, repairWith(nil, &calls)); epoch != 2 || err != cause || calls != 2 {
		t.Errorf("with an ended context: %d, %v, %d calls", epoch, err, calls)
	}
	wantPanic(t, func() { g.Do(t.Context(), 7, 2, nil) }, "nil repair")
}

func TestGroupWaitersGetTheVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g line.Group[int]
		tok, _ := g.Enter(1, 0).Token()
		w := park(t.Context(), g.Enter(1, 0))
		tok.Yield()
		p, err := w.result()
		wantOutcome(t, p, line.Acquired, err)
		w = park(t.Context(), g.Enter(1, 0))
		tok, _ = p.Token()
		tok.Fail(errNo)
		if p, err := w.result(); p.Outcome() != line.Stale || err != errNo {
			t.Errorf("%v, %v", p.Outcome(), err)
		}
	})
}

// forget makes the group forget every key that is free now.
func forget(g *line.Group[int]) {
	for i := range 200 {
		end(g.TryAcquire(-1 - i))
	}
}

func TestGroupForgetsFreeKeysButNeverGoesBack(t *testing.T) {
	var g line.Group[int]
	end(g.TryAcquire(1))
	end(g.TryAcquire(1))
	noted := g.Epoch(1)
	stalePass := g.Enter(1, 0)
	forget(&g)
	if got := g.Epoch(1); got != noted+1 {
		t.Errorf("the epoch of a key went from %d to %d, want one that nobody has noted and no other", noted, got)
	}
	// Noted before the last repair of the key: never Acquired.
	wantOutcome(t, g.Enter(1, 1), line.Stale, nil)
	wantOutcome(t, stalePass.Next(), line.Stale, nil)
	// Noted after it: a spurious Stale at most once.
	p := g.Enter(1, noted)
	if p.Outcome() == line.Stale {
		p = g.Enter(1, p.Epoch())
	}
	wantOutcome(t, p, line.Acquired, nil)
}

// A Pass of a line that the group has forgotten must not take that line: the
// key may have another one by now.
func TestGroupPassOfAForgottenLineIsStale(t *testing.T) {
	var g line.Group[int]
	tok, _ := g.TryAcquire(1).Token()
	busy := g.TryAcquire(1)
	tok.Yield() // free, in the same epoch: Next would take it
	forget(&g)
	wantOutcome(t, g.TryAcquire(1), line.Acquired, nil)
	if got := busy.Next(); got.Outcome() != line.Stale || got.Err() != nil {
		t.Fatalf("%v, %v; want Stale", got.Outcome(), got.Err())
	}
	if _, err := busy.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestGroupKeepsAHeldLineHoweverManyOthersEnd(t *testing.T) {
	var g line.Group[int]
	end(g.TryAcquire(1)) // among the recent ones, and held again
	tok, _ := g.TryAcquire(1).Token()
	forget(&g)
	forget(&g)
	wantOutcome(t, g.TryAcquire(1), line.Busy, nil)
	if !tok.Valid() || g.Len() != 1 {
		t.Errorf("the holder lost its line; Len %d", g.Len())
	}
	tok.Release()
	wantOutcome(t, g.Enter(1, 1), line.Stale, nil)
	forget(&g) // and now it goes
	wantOutcome(t, g.Enter(1, 1), line.Stale, nil)
}

const remembered = 128 // keys of a Group without a holder

// The keys that ended a hold last are remembered, each once however often it did
// so.
func TestGroupRemembersTheLastVerdicts(t *testing.T) {
	var g line.Group[int]
	fail := func(key int) {
		tok, _ := g.TryAcquire(key).Token()
		tok.Fail(errNo)
	}
	for key := range remembered {
		fail(key)
	}
	for range 200 {
		fail(remembered - 1)
	}
	for key := range remembered {
		wantOutcome(t, g.Enter(key, 0), line.Stale, errNo)
	}
	fail(remembered)
	for key := 1; key <= remembered; key++ {
		wantOutcome(t, g.Enter(key, 0), line.Stale, errNo)
	}
	if p := g.Enter(0, 0); p.Outcome() != line.Stale || p.Err() != nil || g.Lines() != remembered {
		t.Errorf("the oldest: %v, %v; %d lines", p.Outcome(), p.Err(), g.Lines())
	}
}

// A key that is held when its turn to be forgotten comes goes at its next end.
func TestGroupForgetsAKeyThatWasHeldAtItsTurn(t *testing.T) {
	var g line.Group[int]
	end(g.TryAcquire(1))
	p := g.TryAcquire(1)
	forget(&g)
	end(p)
	forget(&g)
	if g.Lines() != remembered {
		t.Errorf("%d lines, want those of the %d keys that ended last", g.Lines(), remembered)
	}
}

// The end of a hold may be told when the line has been forgotten meanwhile, and
// the key has another line.
func TestGroupIsToldLateOfAnEnd(t *testing.T) {
	var g line.Group[int]
	end(g.TryAcquire(1))
	ended := g.EndOf(1)
	forget(&g)
	tok, _ := g.TryAcquire(1).Token()
	ended()
	forget(&g)
	wantOutcome(t, g.TryAcquire(1), line.Busy, nil)
	if !tok.Valid() {
		t.Error("the holder lost its line")
	}
}

func TestGroupOrTokenOfAForgottenKey(t *testing.T) {
	var g line.Group[int]
	end(g.TryAcquire(1))
	forget(&g)
	p := g.Enter(1, 0)
	wantOutcome(t, p.OrToken(line.Token{}), line.Stale, nil)
	if !closed(p.Done()) || p.Next() != p {
		t.Error("a Stale Pass without a line is not what it is")
	}
	calls := 0
	if epoch, err := g.Do(t.Context(), 1, 0, repairWith(nil, &calls)); epoch != p.Epoch() || err != nil || calls != 0 {
		t.Errorf("Do on a forgotten key: %d, %v, %d calls", epoch, err, calls)
	}
}

func TestGroupMemoryComesBack(t *testing.T) {
	const keys = 200_000
	var g line.Group[int]
	before := heap()
	tokens := make([]line.Token, keys)
	for i := range tokens {
		tokens[i], _ = g.TryAcquire(i).Token()
	}
	if g.Len() != keys {
		t.Fatalf("Len %d", g.Len())
	}
	if grown := heap() - before; grown < keys*100 {
		t.Fatalf("%d bytes for %d held keys: the test measures nothing", grown, keys)
	}
	for _, tok := range tokens {
		tok.Release()
	}
	tokens = nil
	if left := heap() - before; left > 256<<10 {
		t.Errorf("%d bytes left after the burst", left)
	}
	if g.Len() != 0 {
		t.Errorf("Len %d, want 0", g.Len())
	}
	runtime.KeepAlive(&g)
}

func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func TestGroupRefusesHostileKeys(t *testing.T) {
	var g line.Group[any]
	for name, use := range map[string]func(k any){
		"Enter":      func(k any) { g.Enter(k, 0) },
		"TryAcquire": func(k any) { g.TryAcquire(k) },
		"Epoch":      func(k any) { g.Epoch(k) },
		"Do":         func(k any) { g.Do(t.Context(), k, 0, func(context.Context) error { return nil }) },
	} {
		t.Run(name, func(t *testing.T) {
			wantPanic(t, func() { use(math.NaN()) }, "not equal to itself")
			func() {
				defer func() {
					if recover() == nil {
						t.Error("a key that cannot be compared did not panic")
					}
				}()
				use([]int{1})
			}()
			g.Len() // no lock was left behind
		})
	}
}
