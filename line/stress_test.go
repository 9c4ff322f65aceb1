package line_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/interlock/line"
)

// A server whose credentials expire k times while n clients use it is
// repaired exactly k times, whatever the schedule.
func TestStressRepairsAreExact(t *testing.T) {
	const clients, expiries = 16, 200
	var (
		l       line.Line
		good    atomic.Int64 // the credential that the server takes
		have    atomic.Int64 // the credential that the clients have
		repairs atomic.Int64
		served  atomic.Int64
	)
	request := func(context.Context) (int64, error) {
		used := have.Load()
		if rand.IntN(4) == 0 {
			runtime.Gosched()
		}
		if used != good.Load() {
			return 0, errExpired
		}
		return served.Add(1), nil
	}
	opts := line.RetryOptions{
		Broken: expired,
		Repair: func(context.Context, error) error {
			repairs.Add(1)
			have.Store(good.Load())
			return nil
		},
		Attempts: 1 << 20,
	}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range clients {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := line.Retry(t.Context(), &l, opts, request); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range expiries {
		// The next expiry comes after the last one was repaired and somebody
		// was served since, so that no two are repaired as one.
		for before := served.Load(); have.Load() != good.Load() || served.Load() == before; {
			runtime.Gosched()
		}
		good.Add(1)
	}
	for have.Load() != good.Load() {
		runtime.Gosched()
	}
	close(stop)
	wg.Wait()
	if n := repairs.Load(); n != expiries || l.Epoch() != expiries {
		t.Errorf("%d repairs at epoch %d for %d expiries", n, l.Epoch(), expiries)
	}
}

// Holders release, fail, yield and panic while waiters come and go: every
// waiter ends once, with the verdict of its own hold.
func TestStressEveryWaiterEndsWithItsVerdict(t *testing.T) {
	const workers, rounds = 16, 400
	var l line.Line
	var holding atomic.Int32
	use := func(tok line.Token) {
		if holding.Add(1) != 1 {
			t.Error("two holders")
		}
		e := l.Epoch()
		if rand.IntN(2) == 0 {
			runtime.Gosched()
		}
		holding.Add(-1)
		switch rand.IntN(3) {
		case 0:
			tok.Yield()
		default:
			tok.Fail(verdictOf(e))
		}
	}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range rounds {
				ctx, cancel := context.WithCancel(t.Context())
				if rand.IntN(3) == 0 {
					go cancel()
				}
				p := l.TryAcquire()
				before := p.Epoch()
				p, err := p.Wait(ctx)
				switch tok, ok := p.Token(); {
				case ok:
					use(tok)
				case p.Outcome() == line.Busy:
					if !errors.Is(err, context.Canceled) {
						t.Errorf("Busy with %v", err)
					}
				default:
					// Its own hold ended the epoch that it saw. A waiter that came
					// to park only holds later may get a newer verdict.
					if v, ok := err.(verdictOf); !ok || line.Epoch(v) < before || line.Epoch(v) >= p.Epoch() {
						t.Errorf("verdict %v with epoch %d, want one of epoch %d or later", err, p.Epoch(), before)
					}
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if l.Busy() {
		t.Error("the line is held and nobody holds it")
	}
}

type verdictOf line.Epoch

func (v verdictOf) Error() string { return fmt.Sprint("verdict of epoch ", uint64(v)) }

// Many keys, many clients: each key is repaired once for each expiry.
func TestStressGroup(t *testing.T) {
	const keys, clients = 200, 8
	var g line.Group[int]
	var state [keys]struct{ good, have, repairs atomic.Int64 }
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for n := range keys * 20 {
				k := (n * 7) % keys
				s := &state[k]
				if rand.IntN(8) == 0 {
					s.good.CompareAndSwap(s.have.Load(), s.have.Load()+1) // one expiry at a time
				}
				since := g.Epoch(k)
				for s.have.Load() != s.good.Load() {
					var err error
					since, err = g.Do(t.Context(), k, since, func(context.Context) error {
						s.repairs.Add(1)
						s.have.Store(s.good.Load())
						return nil
					})
					if err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	for k := range state {
		if got, want := state[k].repairs.Load(), state[k].good.Load(); got != want {
			t.Errorf("key %d: %d repairs for %d expiries", k, got, want)
		}
	}
	if g.Len() != 0 {
		t.Errorf("Len %d, want 0", g.Len())
	}
}

// Many readers and a value that is renewed: nobody sees an old value with a
// new epoch.
func TestStressCell(t *testing.T) {
	c := line.NewCell(int64(0))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 2000 {
				v, e := c.Load()
				if v < int64(e) {
					t.Errorf("value %d with epoch %d", v, e)
					return
				}
				if rand.IntN(10) == 0 {
					c.Renew(t.Context(), e, func(_ context.Context, old int64) (int64, error) { return old + 1, nil })
				}
			}
		})
	}
	wg.Wait()
	if v, e := c.Load(); v != int64(e) {
		t.Errorf("%d renewals and epoch %d", v, e)
	}
}

// A deadline that passes while the holder is at work ends the waiter alone.
func TestStressDeadlines(t *testing.T) {
	var l line.Line
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(50))*time.Microsecond)
				p, err := l.Enter(l.Epoch()).Wait(ctx)
				if tok, ok := p.Token(); ok {
					runtime.Gosched()
					tok.Release()
				} else if p.Outcome() == line.Busy && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Busy with %v", err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	take(t, &l).Release()
}
