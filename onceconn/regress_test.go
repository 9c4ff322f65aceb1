package onceconn_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/interlock/onceconn"
)

// What the hidden-service connector of Arti, where this state machine comes
// from, gets wrong, and what others of the family got wrong before.

// Arti drops what a failed attempt has learnt, which is when it is worth most.
func TestRegressDataSurvivesFailure(t *testing.T) {
	type learnt struct{ badHosts []string }
	synctest.Test(t, func(t *testing.T) {
		var seen [][]string
		fail := true
		m := onceconn.New(onceconn.WithData(func(_ context.Context, a *ftry, d *learnt) (*fake, error) {
			seen = append(seen, slices.Clone(d.badHosts))
			d.badHosts = append(d.badHosts, fmt.Sprint("host", len(seen)))
			switch {
			case len(seen) == 5:
				panic("half written")
			case fail:
				return nil, errRefused
			}
			return &fake{}, nil
		}), &onceconn.Options[string, *fake]{DataTTL: time.Hour})
		defer m.Close()
		m.Get(bg, "k")
		time.Sleep(time.Second)
		m.Get(bg, "k")
		fail = false
		time.Sleep(time.Second)
		c := get(t, m, "k")
		time.Sleep(time.Minute)
		m.Evict("k", c, nil) // kept over a success too
		d := get(t, m, "k")
		if want := []string{"host1", "host2", "host3"}; !slices.Equal(seen[3], want) {
			t.Errorf("fourth launch knew %v", seen[3])
		}
		m.Evict("k", d, nil)
		m.Get(bg, "k") // panics: what is half written is dropped
		time.Sleep(time.Minute)
		e := get(t, m, "k")
		if len(seen[5]) != 0 {
			t.Errorf("after a panic the launch knew %v", seen[5])
		}
		time.Sleep(time.Minute)
		m.Evict("k", e, nil)
		time.Sleep(59 * time.Minute)
		e = get(t, m, "k")
		if len(seen[6]) != 1 {
			t.Errorf("before DataTTL the launch knew %v", seen[6])
		}
		m.Evict("k", e, nil)
		time.Sleep(61 * time.Minute)
		if n := m.Stats().Records; n != 0 {
			t.Errorf("%d records after DataTTL", n)
		}
		get(t, m, "k")
		if len(seen[7]) != 0 {
			t.Errorf("after DataTTL the launch knew %v", seen[7])
		}
	})
}

// The data of a launch that is cancelled, or late after Close's or an orphan's
// end, are kept as well.
func TestRegressDataSurvivesCancelAndOrphan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []int
		m := onceconn.New(onceconn.WithData(func(ctx context.Context, a *ftry, d *int) (*fake, error) {
			seen = append(seen, *d)
			*d++
			if a.N == 1 {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			if a.N == 2 {
				time.Sleep(time.Minute) // ignores its context
				return nil, errRefused
			}
			return &fake{}, nil
		}), &onceconn.Options[string, *fake]{Abandon: onceconn.AtOnce, Backoff: onceconn.Backoff{Base: 2 * time.Minute, Max: time.Hour}})
		defer m.Close()
		for range 2 {
			ctx, cancel := within(time.Second)
			m.Get(ctx, "k")
			cancel()
			synctest.Wait()
		}
		time.Sleep(10 * time.Minute)
		get(t, m, "k")
		if !slices.Equal(seen, []int{0, 1, 2}) {
			t.Errorf("launches knew %v", seen)
		}
	})
}

// Arti never removes the record of a key that failed: a scan grows the table for
// ever.
func TestRegressFailedRecordsGo(t *testing.T) {
	bubble(t, nil, func(t *testing.T, m *fmap, h *host) {
		h.set(func(context.Context, *ftry) error { return errRefused })
		const keys = 20_000
		for i := range keys {
			m.Get(bg, fmt.Sprint(i))
		}
		if n := m.Stats().Records; n != keys {
			t.Fatalf("%d records", n)
		}
		time.Sleep(47 * time.Hour)
		if n := m.Stats().Records; n != keys {
			t.Errorf("%d records before DataTTL", n)
		}
		time.Sleep(2 * time.Hour)
		if n := m.Stats().Records; n != 0 {
			t.Errorf("%d records after DataTTL", n)
		}
	})
}

// Arti reports the fourth connect-then-die cycle as an internal error. See also
// TestFlapping.
func TestRegressFlappingIsNamed(t *testing.T) {
	bubble(t, nil, func(t *testing.T, m *fmap, h *host) {
		h.set(func(context.Context, *ftry) error { return nil })
		for range 8 {
			get(t, m, "k").dead(errHungUp)
		}
		ctx, cancel := within(time.Millisecond)
		defer cancel()
		_, err := m.Get(ctx, "k")
		expectIs(t, err, onceconn.ErrFlapping)
		expectIs(t, err, errHungUp)
	})
}

// In Arti one panic disables the whole table.
func TestRegressPanicHurtsOneLaunch(t *testing.T) {
	bubble(t, nil, func(t *testing.T, m *fmap, h *host) {
		h.set(func(_ context.Context, a *ftry) error {
			if a.Key == "bad" {
				panic("boom")
			}
			return nil
		})
		if _, err := m.Get(bg, "bad"); err == nil {
			t.Error("no error")
		}
		get(t, m, "good")
		time.Sleep(time.Second)
		h.set(nil)
		get(t, m, "bad")
	})
}

// The first caller's cancellation poisons those who wait with it (singleflight,
// net/http, pgx).
func TestRegressLeaderDoesNotPoison(t *testing.T) {
	bubble(t, nil, func(t *testing.T, m *fmap, h *host) {
		h.set(after(time.Second, nil))
		leader, cancel := context.WithCancel(bg)
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := m.Get(leader, "k")
			expectIs(t, err, context.Canceled)
		})
		synctest.Wait()
		wg.Go(func() { get(t, m, "k") })
		synctest.Wait()
		cancel()
		wg.Wait()
		expectLaunches(t, h, 1)
	})
}

// A late user of connection 1 removes connection 2, by key (quic-go's http3,
// singleflight's Forget before 2019).
func TestRegressLateEvict(t *testing.T) {
	bubble(t, nil, func(t *testing.T, m *fmap, h *host) {
		first := get(t, m, "k")
		m.Evict("k", first, nil)
		second := get(t, m, "k")
		if m.Evict("k", first, nil) || second.closed.Load() != 0 || get(t, m, "k") != second {
			t.Error("evicted by the wrong identity")
		}
		first.dead(errHungUp) // nor does a late word from its watch
		synctest.Wait()
		if second.closed.Load() != 0 || get(t, m, "k") != second {
			t.Error("evicted by the death of another")
		}
	})
}

// All waiters left before the dial failed: the next caller gets that old error
// without a dial (quic-go's http3). Here it is marked Cached.
func TestRegressNoErrorFromBefore(t *testing.T) {
	bubble(t, &fopts{Abandon: onceconn.Never}, func(t *testing.T, m *fmap, h *host) {
		h.set(after(time.Second, errRefused))
		ctx, cancel := within(time.Millisecond)
		defer cancel()
		m.Get(ctx, "k")
		time.Sleep(time.Second)
		_, err := m.Get(bg, "k")
		if e := asError(t, err); !e.Cached {
			t.Error("an error from before the call is not marked")
		}
		time.Sleep(time.Second)
		h.set(nil)
		get(t, m, "k")
	})
}

// Waiters were told success, without a connection, after the run they joined had
// failed (rueidis).
func TestRegressWaitersSeeFailure(t *testing.T) {
	bubble(t, nil, func(t *testing.T, m *fmap, h *host) {
		h.set(after(time.Second, errRefused))
		errs, _ := crowd(10, func(int) error {
			c, err := m.Get(bg, "k")
			if (c == nil) == (err == nil) {
				t.Errorf("got %v and %v", c, err)
			}
			return err
		})
		if err := errors.Join(errs...); !errors.Is(err, errRefused) {
			t.Error(err)
		}
	})
}

// Lifetimes that end together make all reconnect together (PostHog).
func TestRegressLifetimesSpread(t *testing.T) {
	bubble(t, &fopts{MaxLifetime: 100 * time.Minute, IdleTimeout: onceconn.Forever}, func(t *testing.T, m *fmap, h *host) {
		for i := range 100 {
			get(t, m, fmt.Sprint(i))
		}
		open := func() int { return m.Stats().Open }
		time.Sleep(90*time.Minute - time.Millisecond)
		if n := open(); n != 100 {
			t.Errorf("%d of 100 open after 90 %%", n)
		}
		time.Sleep(5 * time.Minute)
		if n := open(); n < 20 || n > 80 {
			t.Errorf("%d of 100 open after 95 %%", n)
		}
		time.Sleep(5 * time.Minute)
		if n := open(); n != 0 {
			t.Errorf("%d of 100 open at the end", n)
		}
	})
}

// The server restarts under 100 keys with 100 callers each: all recover, with one
// launch more per key and those that backoff allows.
func TestRegressRestart(t *testing.T) {
	const keys, callers = 100, 100
	bubble(t, nil, func(t *testing.T, m *fmap, h *host) {
		var down atomic.Bool
		h.set(func(ctx context.Context, a *ftry) error {
			if down.Load() {
				return errRefused
			}
			return after(10*time.Millisecond, nil)(ctx, a)
		})
		round := func() {
			errs, _ := crowd(keys*callers, func(i int) error {
				key := fmt.Sprint(i % keys)
				for {
					_, err := m.Get(bg, key)
					var e *onceconn.Error
					if !errors.As(err, &e) {
						return err
					}
					time.Sleep(time.Until(e.RetryAt))
				}
			})
			if err := errors.Join(errs...); err != nil {
				t.Error(err)
			}
		}
		round()
		expectLaunches(t, h, keys)
		time.Sleep(time.Minute)
		down.Store(true)
		for _, c := range h.conns {
			c.dead(errHungUp)
		}
		time.AfterFunc(time.Second, func() { down.Store(false) })
		round()
		// The pauses 0.1 · 1.6ⁿ, less 20 %, fit into a second at most 5 times.
		if n := h.count(); n < 2*keys || n > keys+6*keys {
			t.Errorf("%d launches for %d keys", n, keys)
		}
	})
}
