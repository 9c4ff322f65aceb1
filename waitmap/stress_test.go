package waitmap_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/interlock/waitmap"
)

// ledger accounts for tokens: each value is one, and in the end it has been
// delivered, or handed back to its waker, or lies stored, exactly once.
type ledger struct{ delivered, returned []atomic.Int32 }

func newLedger(n int) *ledger {
	return &ledger{make([]atomic.Int32, n), make([]atomic.Int32, n)}
}

// settle records what became of the value that was offered.
func (l *ledger) settle(v uint64, o waitmap.Outcome) {
	if o != waitmap.Woke && o != waitmap.Stored {
		l.returned[v].Add(1)
	}
}

func (l *ledger) check(t *testing.T, offered uint64) {
	t.Helper()
	for v := range offered {
		if d, r := l.delivered[v].Load(), l.returned[v].Load(); d+r != 1 {
			t.Fatalf("value %d: delivered %d times, handed back %d times", v, d, r)
		}
	}
}

// TestStorm: wakers, posters, cancellers, expiries and at last a closer on few
// keys, and every token in exactly one place.
func TestStorm(t *testing.T) {
	for _, o := range []waitmap.Options{
		{Shards: 1, Mailbox: 2, Tick: time.Microsecond},
		{Shards: 4, Tick: time.Microsecond},
	} {
		t.Run(fmt.Sprintf("shards=%d", o.Shards), func(t *testing.T) {
			for range 4 {
				storm(t, waitmap.New[int, uint64](&o))
			}
		})
	}
}

func storm(t *testing.T, m *waitmap.Map[int, uint64]) {
	const (
		offers  = 20_000
		keys    = 4
		waiters = 6
	)
	l := newLedger(offers)
	var token atomic.Uint64
	var wg sync.WaitGroup
	deliver := func(v uint64) { l.delivered[v].Add(1) }
	for g := range waiters {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 7))
			var w iwaiter
			for {
				if err := waitOnce(m, rnd, &w, rnd.IntN(keys), deliver); errors.Is(err, waitmap.ErrClosed) {
					return
				}
			}
		})
	}
	var wakers sync.WaitGroup
	for g := range 3 {
		wakers.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 8))
			for {
				v := token.Add(1) - 1
				if v >= offers {
					return
				}
				offer(m, rnd, rnd.IntN(keys), v, l)
			}
		})
	}
	wakers.Wait()
	m.CloseWith(errTest)
	wg.Wait()
	for _, v := range m.TakeStored() {
		deliver(v)
	}
	l.check(t, offers)
	want(t, "Len", m.Len(), 0)
	if pending, timer := m.Timed(); pending != 0 || timer {
		t.Error("pending deadlines:", pending, "timer:", timer)
	}
}

// waitOnce waits for key in one of many ways and reports the values it got.
func waitOnce(m *imap, rnd *rand.Rand, w *iwaiter, key int, deliver func(uint64)) error {
	var tk iticket
	var err error
	switch rnd.IntN(4) {
	case 0:
		tk, err = m.Reserve(key)
	case 1:
		tk, err = m.ReserveIn(w, key)
	case 2:
		tk, err = m.ReserveUntil(key, time.Now().Add(time.Duration(1+rnd.IntN(100_000))))
	case 3:
		done := make(chan error, 1)
		tk, err = m.Notify(key, func(v uint64, err error) {
			if err == nil {
				deliver(v)
			}
			done <- err
		})
		if err == nil {
			if rnd.IntN(2) == 0 {
				tk.Cancel()
				return nil
			}
			return <-done
		}
	}
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	if rnd.IntN(3) == 0 { // somebody else cancels
		wg.Go(func() {
			if v, arrived := tk.Cancel(); arrived {
				deliver(v)
			}
		})
	}
	defer wg.Wait()
	var v uint64
	switch rnd.IntN(4) {
	case 0:
		v, err = tk.Await(background)
	case 1:
		ctx, cancel := context.WithCancel(background)
		if rnd.IntN(2) == 0 {
			wg.Go(cancel)
		} else {
			defer cancel()
		}
		v, err = tk.Await(ctx)
	case 2:
		<-tk.Done()
		var ok bool
		if v, err, ok = tk.Result(); !ok && err == nil {
			err = errors.New("done without a result")
		}
	case 3:
		var arrived bool
		if v, arrived = tk.Cancel(); !arrived {
			err = waitmap.ErrConsumed
		}
	}
	if err == nil {
		deliver(v)
	}
	return err
}

// offer gives a value to key in one of many ways and accounts for it.
func offer(m *imap, rnd *rand.Rand, key int, v uint64, l *ledger) {
	switch rnd.IntN(4) {
	case 0:
		l.settle(v, m.Wake(key, v))
	case 1:
		l.settle(v, m.Post(key, v))
	case 2:
		m.WakeAll(func(yield func(int, uint64) bool) { yield(key, v) },
			func(_ int, v uint64, o waitmap.Outcome) { l.settle(v, o) })
	case 3:
		if rnd.IntN(50) == 0 {
			m.Fail(key, errTest)
			m.Len()
			for range m.Keys() {
			}
		}
		if rnd.IntN(50) == 0 {
			for _, x := range m.TakeStored() {
				l.delivered[x].Add(1)
			}
		}
		l.settle(v, m.Wake(key, v))
	}
}

// TestLostClose is the predecessor's defect by name: a wake of the last waiter
// that runs while the map is closed must not open it again. After CloseWith has
// returned, nobody waits and every Wake says Closed.
func TestLostClose(t *testing.T) {
	for range 3000 {
		m := waitmap.New[int, uint64](&waitmap.Options{Shards: 1})
		tk, _ := m.Reserve(1)
		var wg sync.WaitGroup
		var woke, cancelled waitmap.Outcome
		wg.Go(func() { woke = m.Wake(1, 1) })
		wg.Go(func() { cancelled = m.Wake(2, 1) })
		wg.Go(func() {
			if tk, err := m.Reserve(2); err == nil {
				if _, err := tk.Await(background); err != nil && !errors.Is(err, waitmap.ErrClosed) {
					t.Error(err)
				}
			}
		})
		m.Close()
		want(t, "Wake after Close", m.Wake(1, 1), waitmap.Closed)
		_, err := m.Reserve(1)
		want(t, "Reserve after Close", err, waitmap.ErrClosed)
		want(t, "Len", m.Len(), 0)
		wg.Wait()
		if woke == waitmap.NoMatch {
			t.Error("a wake of a registered key says NoMatch")
		}
		if v, err, ok := tk.Result(); !ok || (woke == waitmap.Woke) != (v == 1 && err == nil) {
			t.Error(woke, v, err, ok)
		}
		_ = cancelled
	}
}

// TestCloseStorm: Reserve against CloseWith. Each Reserve is refused or ended
// with the cause, and each closer that has returned finds the map closed.
func TestCloseStorm(t *testing.T) {
	for range 300 {
		m := waitmap.New[int, uint64](&waitmap.Options{Shards: 8})
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				for k := g * 100; ; k++ {
					tk, err := m.Reserve(k)
					if err == nil && k%2 == 0 {
						_, err = tk.Await(background)
					}
					if err != nil {
						if !errors.Is(err, errTest) || !errors.Is(err, waitmap.ErrClosed) {
							t.Error(err)
						}
						return
					}
				}
			})
		}
		for range 2 {
			wg.Go(func() {
				m.CloseWith(errTest)
				want(t, "Len", m.Len(), 0)
				want(t, "Wake", m.Wake(0, 0), waitmap.Closed)
			})
		}
		wg.Wait()
	}
}

// TestOldTicketsTouchNothing: tickets of earlier uses are used without end while
// the memory of their waits serves others, in other shards and maps too.
func TestOldTicketsTouchNothing(t *testing.T) {
	var a, b imap
	var w iwaiter
	old := make(chan iticket, 100)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for tk := range old {
				if v, arrived := tk.Cancel(); arrived {
					t.Error("an old ticket got", v)
				}
				if _, err := tk.Await(background); err != waitmap.ErrConsumed {
					t.Error(err)
				}
			}
		})
	}
	for i := range 5000 {
		m := &a
		if i%2 == 1 {
			m = &b
		}
		in, err := m.ReserveIn(&w, i)
		if err != nil {
			t.Fatal(err)
		}
		tk, _ := m.Reserve(-i - 1)
		want(t, "Wake", m.Wake(i, uint64(i)), waitmap.Woke)
		want(t, "Wake", m.Wake(-i-1, uint64(i)), waitmap.Woke)
		wantResult(t, "owned", in, uint64(i))
		wantResult(t, "pooled", tk, uint64(i))
		old <- in
		old <- tk
	}
	close(old)
	wg.Wait()
}

// TestMailboxBoundIsExact: posters of different shards share one bound.
func TestMailboxBoundIsExact(t *testing.T) {
	const bound = 50
	m := waitmap.New[int, uint64](&waitmap.Options{Mailbox: bound})
	for range 50 {
		var stored atomic.Int32
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				for k := range 40 {
					if m.Post(100*g+k, 1) == waitmap.Stored {
						stored.Add(1)
					}
				}
			})
		}
		wg.Wait()
		want(t, "stored", stored.Load(), bound)
		n := 0
		for range m.TakeStored() {
			n++
		}
		want(t, "taken", n, bound)
	}
}
