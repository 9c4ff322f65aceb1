package onceconn_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/interlock/onceconn"
)

// Everything at once on a few keys, in real time: every connection is closed once,
// launches of a key never overlap, nobody hangs, and the counts agree at the end.
func TestStress(t *testing.T) {
	h := new(host)
	var opened, closed, useAfterClose atomic.Int64
	h.behave = func(ctx context.Context, a *ftry) error {
		switch rand.IntN(8) {
		case 0:
			return errRefused
		case 1:
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(200 * time.Microsecond):
			}
		}
		opened.Add(1)
		return nil
	}
	o := &fopts{Abandon: onceconn.AtOnce, MaxLaunches: 3, Rechecks: 50, IdleTimeout: 2 * time.Millisecond, DataTTL: 5 * time.Millisecond,
		MaxLifetime: 5 * time.Millisecond, Busy: func(*fake) bool { return rand.IntN(4) == 0 },
		Backoff: onceconn.Backoff{Base: 100 * time.Microsecond, Max: time.Millisecond, StableAfter: 500 * time.Microsecond},
		Close:   func(c *fake) error { closed.Add(1); return c.Close() }}
	var conns sync.Map
	o.Watch = func(c *fake, dead func(error)) func() {
		conns.Store(c, dead)
		return func() { c.stopped.Add(1); conns.Delete(c) }
	}
	m := onceconn.New(h.launch, o)
	stop := make(chan struct{})
	var wg, callers sync.WaitGroup
	wg.Go(func() { // the network
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Microsecond):
			}
			conns.Range(func(_, dead any) bool {
				if rand.IntN(3) == 0 {
					dead.(func(error))(errHungUp)
				}
				return true
			})
		}
	})
	for w := range 8 {
		callers.Go(func() {
			handle := m.Key(fmt.Sprint(w % 3))
			for i := range 400 {
				k := fmt.Sprint((w + i) % 3)
				ctx, cancel := context.WithTimeout(bg, time.Duration(rand.IntN(2000))*time.Microsecond)
				var err error
				switch i % 6 {
				case 0, 1:
					var l onceconn.Lease[*fake]
					if l, err = m.Acquire(ctx, k); err == nil {
						if l.Conn().closed.Load() != 0 {
							useAfterClose.Add(1)
						}
						if i%5 == 0 {
							m.Evict(k, l.Conn(), nil)
						}
						if l.Conn().closed.Load() != 0 {
							useAfterClose.Add(1)
						}
						l.Release()
					}
				case 2:
					_, err = handle.Get(ctx)
				case 3:
					m.Start(k)
					m.ResetBackoff(k)
					m.Stats()
				case 4:
					err = m.Do(ctx, k, func(*fake) error { return onceconn.ErrStale })
				default:
					_, err = m.Get(ctx, k)
				}
				var e *onceconn.Error
				if err != nil && !errors.As(err, &e) && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, onceconn.ErrStale) && !errors.Is(err, onceconn.ErrFlapping) {
					t.Errorf("%v", err)
				}
				cancel()
			}
		})
	}
	callers.Wait()
	close(stop)
	wg.Wait()
	if s := m.Stats(); s.Leases != 0 || s.Waiters != 0 || s.Orphans != 0 || s.Panics != 0 {
		t.Errorf("stats %+v", s)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if n := useAfterClose.Load(); n != 0 {
		t.Errorf("%d connections were closed under a lease", n)
	}
	if opened.Load() != closed.Load() {
		t.Errorf("%d opened, %d closed", opened.Load(), closed.Load())
	}
	h.settled(t)
}

// Ten thousand callers of one key, of whom every other one gives up at some moment
// of the launch: one launch, and it serves all who stayed.
func TestCancelStorm(t *testing.T) {
	const callers, takes = 10_000, time.Second
	bubble(t, &fopts{Abandon: onceconn.AtOnce}, func(t *testing.T, m *fmap, h *host) {
		h.set(after(takes, nil))
		errs, took := crowd(callers, func(i int) error {
			patience := time.Hour
			if i%2 == 1 {
				patience = 1 + rand.N(takes-1)
			}
			ctx, cancel := within(patience)
			defer cancel()
			_, err := m.Get(ctx, "k")
			return err
		})
		for i, err := range errs {
			if i%2 == 0 && (err != nil || took[i] != takes) || i%2 == 1 && (err != context.DeadlineExceeded || took[i] >= takes) {
				t.Fatalf("caller %d got %v after %v", i, err, took[i])
			}
		}
		expectLaunches(t, h, 1)
		if n := m.Stats().Waiters; n != 0 {
			t.Errorf("%d waiters are left", n)
		}
	})
}

// Hooks, and every other function of the user's, may use the Map: none is called
// under a lock.
func TestUserCodeMayUseTheMap(t *testing.T) {
	h := new(host)
	var m *fmap
	look := func() {
		m.Stats()
		for range m.All() {
		}
		m.TryGet("k")
		m.ResetBackoff("k")
		m.Start("other")
	}
	o := &fopts{
		Permanent: func(error) bool { look(); return false }, Local: func(error) bool { look(); return false },
		Healthy: func(*fake) bool { m.Stats(); return true }, Busy: func(*fake) bool { look(); return false },
		Close: func(c *fake) error { look(); return c.Close() },
		Watch: func(c *fake, dead func(error)) func() {
			look()
			c.dead = dead
			return func() { c.stopped.Add(1); look() }
		},
		Hooks: onceconn.Hooks{LaunchStart: func(any, int) { look() }, LaunchEnd: func(any, int, time.Duration, error) { look() },
			Evict: func(any, error) { look() }, Backoff: func(any, error, time.Time) { look() }},
	}
	m = onceconn.New(h.launch, o)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 20 {
			c, err := m.Get(bg, "k")
			if err != nil {
				t.Error(err)
				return
			}
			m.Evict("k", c, nil)
			l, err := m.Acquire(bg, "k")
			if err != nil {
				t.Error(err)
				return
			}
			l.Conn().dead(errHungUp)
			l.Release()
			m.ResetAllBackoff()
		}
		h.set(after(0, errRefused))
		m.Get(bg, "bad")
		m.Close()
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("something of the user's was called under a lock")
	}
	h.settled(t)
}
