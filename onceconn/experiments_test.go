package onceconn_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// The experiments that were measured on the usual ways to share a dial; each
// names what went wrong there.

// crowd calls f n times at once and returns what each call got and how long it
// took.
func crowd(n int, f func(i int) error) (errs []error, took []time.Duration) {
	errs, took = make([]error, n), make([]time.Duration, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			began := time.Now()
			errs[i] = f(i)
			took[i] = time.Since(began)
		})
	}
	wg.Wait()
	return errs, took
}

// A: 100 callers of one key cause one launch, and all get its connection. A
// transport that binds late dials 100 times.
func TestExperimentACrowd(t *testing.T) {
	bubble(t, nil, func(t *testing.T, m *fmap, h *host) {
		h.set(after(100*time.Millisecond, nil))
		errs, took := crowd(100, func(int) error {
			c, err := m.Get(bg, "k")
			if err == nil && c.id != 1 {
				t.Errorf("got connection %d", c.id)
			}
			return err
		})
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
		if took[99] != 100*time.Millisecond {
			t.Errorf("took %v", took[99])
		}
		expectLaunches(t, h, 1)
	})
}

// B: the first caller gives up after 50 ms of a 200 ms launch; the nine others
// are served by that launch. Where the dial runs under the first caller's context
// all nine fail, or dial again one after another.
func TestExperimentBLeaderGivesUp(t *testing.T) {
	bubble(t, nil, func(t *testing.T, m *fmap, h *host) {
		h.set(after(200*time.Millisecond, nil))
		errs, took := crowd(10, func(i int) error {
			patience := 3 * time.Second
			if i == 0 {
				patience = 50 * time.Millisecond
			} else {
				time.Sleep(time.Millisecond) // arrive second
			}
			ctx, cancel := within(patience)
			defer cancel()
			_, err := m.Get(ctx, "k")
			return err
		})
		expectIs(t, errs[0], context.DeadlineExceeded)
		if err := errors.Join(errs[1:]...); err != nil {
			t.Error(err)
		}
		for _, d := range took[1:] {
			if d != 200*time.Millisecond {
				t.Errorf("took %v", d)
			}
		}
		expectLaunches(t, h, 1)
	})
}

// C: callers of 50 ms each, one after another, against a launch of 200 ms: one
// launch, and the later callers succeed. Where each dial dies with its caller
// nobody ever connects.
func TestExperimentCShortDeadlines(t *testing.T) {
	bubble(t, nil, func(t *testing.T, m *fmap, h *host) {
		h.set(after(200*time.Millisecond, nil))
		served := 0
		for range 8 {
			ctx, cancel := within(50 * time.Millisecond)
			if _, err := m.Get(ctx, "k"); err == nil {
				served++
			}
			cancel()
		}
		if served < 4 {
			t.Errorf("%d of 8 served", served)
		}
		expectLaunches(t, h, 1)
	})
}

// D: a launch that fails after 100 ms gives its error to its 100 callers and is
// not repeated by them. A pool dials 45 to 100 times.
func TestExperimentDSharedFailure(t *testing.T) {
	bubble(t, nil, func(t *testing.T, m *fmap, h *host) {
		h.set(after(100*time.Millisecond, errRefused))
		errs, took := crowd(100, func(int) error {
			_, err := m.Get(bg, "k")
			return err
		})
		for i, err := range errs {
			expectIs(t, err, errRefused)
			if err != errs[0] {
				t.Fatal("callers of one launch got different errors")
			}
			if took[i] != 100*time.Millisecond {
				t.Errorf("took %v", took[i])
			}
		}
		expectLaunches(t, h, 1)
	})
}

// E: waiters of 50 ms who join a launch of 500 ms leave on time. Behind a
// WaitGroup they wait for all of it.
func TestExperimentEWaiterKeepsItsDeadline(t *testing.T) {
	bubble(t, nil, func(t *testing.T, m *fmap, h *host) {
		h.set(after(500*time.Millisecond, nil))
		go m.Get(bg, "k")
		synctest.Wait()
		errs, took := crowd(10, func(int) error {
			ctx, cancel := within(50 * time.Millisecond)
			defer cancel()
			_, err := m.Get(ctx, "k")
			return err
		})
		for i := range errs {
			expectIs(t, errs[i], context.DeadlineExceeded)
			if took[i] != 50*time.Millisecond {
				t.Errorf("left after %v", took[i])
			}
		}
		expectLaunches(t, h, 1)
		time.Sleep(time.Second)
	})
}

// F: a host that refuses at once, one call per millisecond for 300 ms: at most
// three launches. Without memory of failures it is one per call.
func TestExperimentFRefusingHost(t *testing.T) {
	bubble(t, nil, func(t *testing.T, m *fmap, h *host) {
		h.set(after(0, errRefused))
		cached := 0
		for range 300 {
			_, err := m.Get(bg, "k")
			expectIs(t, err, errRefused)
			if e := asError(t, err); e.Cached {
				cached++
				if e.RetryAt.Before(time.Now()) {
					t.Errorf("cached error with RetryAt in the past")
				}
			}
			time.Sleep(time.Millisecond)
		}
		if n := h.count(); n < 2 || n > 3 {
			t.Errorf("%d launches, want 2 or 3", n)
		}
		if cached != 300-h.count() {
			t.Errorf("%d cached errors and %d launches in 300 calls", cached, h.count())
		}
	})
}

// G: callers with deadlines of 60 to 150 ms on a dial that hangs: one launch, and
// it is cancelled once nobody has wanted it for the linger.
func TestExperimentGHangingDial(t *testing.T) {
	bubble(t, nil, func(t *testing.T, m *fmap, h *host) {
		var ended time.Time
		began := time.Now()
		h.set(func(ctx context.Context, _ *ftry) error {
			<-ctx.Done()
			ended = time.Now()
			return context.Cause(ctx)
		})
		errs, took := crowd(10, func(i int) error {
			ctx, cancel := within(time.Duration(60+10*i) * time.Millisecond)
			defer cancel()
			_, err := m.Get(ctx, "k")
			return err
		})
		for i := range errs {
			expectIs(t, errs[i], context.DeadlineExceeded)
			if want := time.Duration(60+10*i) * time.Millisecond; took[i] != want {
				t.Errorf("left after %v, want %v", took[i], want)
			}
		}
		expectLaunches(t, h, 1)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if d := ended.Sub(began); d != 1150*time.Millisecond {
			t.Errorf("launch cancelled after %v, want the last waiter's 150 ms and 1 s", d)
		}
		expectPhase(t, m, "k", "closed")
	})
}
