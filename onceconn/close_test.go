package onceconn_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/interlock/onceconn"
)

func TestClose(t *testing.T) {
	bubble(t, nil, func(t *testing.T, m *fmap, h *host) {
		c := get(t, m, "open")
		l, _ := m.Acquire(bg, "leased")
		h.set(func(ctx context.Context, _ *ftry) error {
			<-ctx.Done()
			if context.Cause(ctx) != onceconn.ErrClosed {
				t.Errorf("launch ended by %v", context.Cause(ctx))
			}
			time.Sleep(time.Second)
			return nil // late
		})
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				began := time.Now()
				_, err := m.Get(bg, "launching")
				if err != onceconn.ErrClosed || time.Since(began) != 0 {
					t.Errorf("waiter got %v after %v", err, time.Since(began))
				}
			})
		}
		synctest.Wait()
		e := m.Key("open")
		began := time.Now()
		wg.Go(func() {
			if err := m.Close(); err != nil || time.Since(began) != time.Second {
				t.Errorf("a second Close: %v after %v", err, time.Since(began))
			}
		})
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		if time.Since(began) != time.Second {
			t.Error("Close did not wait for the launch")
		}
		wg.Wait()
		if c.closed.Load() != 1 || l.Conn().closed.Load() != 1 {
			t.Error("Close closes what is open, leased or not")
		}
		l.Release()
		if _, err := m.Get(bg, "open"); err != onceconn.ErrClosed {
			t.Error(err)
		}
		if _, err := m.Acquire(bg, "new"); err != onceconn.ErrClosed {
			t.Error(err)
		}
		if _, err := e.Get(bg); err != onceconn.ErrClosed {
			t.Error(err)
		}
		if _, ok := m.TryGet("open"); ok {
			t.Error("TryGet after Close")
		}
		m.Start("open")
		m.ResetAllBackoff()
		if m.Evict("open", c, nil) {
			t.Error("evicted after Close")
		}
	})
}

// A launch that ignores its context does not keep Close for longer than Grace;
// its late connection is closed.
func TestCloseWithStubbornLaunch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := new(host)
		m := onceconn.New(h.launch, nil)
		release := make(chan struct{})
		h.set(func(context.Context, *ftry) error { <-release; return nil })
		m.Start("k")
		synctest.Wait()
		began := time.Now()
		if err := m.Close(); err == nil || time.Since(began) != 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		close(release)
		synctest.Wait()
		h.settled(t)
	})
}

func TestCloseWakesBackoffAndQueue(t *testing.T) {
	o := &fopts{OnBackoff: onceconn.Wait, MaxLaunches: 1, Backoff: onceconn.Backoff{Base: time.Hour, Max: time.Hour}}
	bubble(t, o, func(t *testing.T, m *fmap, h *host) {
		h.set(after(0, errRefused))
		m.Get(bg, "resting")
		h.set(after(time.Minute, nil))
		var wg sync.WaitGroup
		for _, k := range []string{"resting", "launching", "queued"} {
			wg.Go(func() {
				if _, err := m.Get(bg, k); err != onceconn.ErrClosed {
					t.Errorf("%s: %v", k, err)
				}
			})
			synctest.Wait()
		}
		began := time.Now()
		m.Close()
		wg.Wait()
		if time.Since(began) != 0 {
			t.Errorf("took %v", time.Since(began))
		}
		expectLaunches(t, h, 2)
	})
}

// The end of a launch that Close has cancelled makes room for none of those that
// are queued.
func TestCloseBeginsNothing(t *testing.T) {
	for range 20 { // which key is cut first is chance
		bubble(t, &fopts{MaxLaunches: 1}, func(t *testing.T, m *fmap, h *host) {
			h.set(after(time.Minute, nil))
			for i := range 100 {
				m.Start(fmt.Sprint(i))
			}
			synctest.Wait()
			m.Close()
			expectLaunches(t, h, 1)
		})
	}
}

func TestCloseDuringPing(t *testing.T) {
	o := &fopts{Ping: func(ctx context.Context, _ *fake) error { <-ctx.Done(); return ctx.Err() }, PingTimeout: onceconn.Forever}
	bubble(t, o, func(t *testing.T, m *fmap, h *host) {
		c := get(t, m, "k")
		time.Sleep(time.Minute)
		var wg sync.WaitGroup
		wg.Go(func() {
			if d := get(t, m, "k"); d == c {
				t.Error("got the evicted connection")
			}
		})
		synctest.Wait()
		m.Evict("k", c, nil) // does not leave those waiting for whom the ping matters no more
		wg.Wait()
		time.Sleep(time.Minute)
		wg.Go(func() {
			if _, err := m.Get(bg, "k"); err != onceconn.ErrClosed {
				t.Error(err)
			}
		})
		ctx, cancel := within(time.Second)
		defer cancel()
		_, err := m.Get(ctx, "k") // leaves no trace
		expectIs(t, err, context.DeadlineExceeded)
		if n := m.Stats().Waiters; n != 1 {
			t.Errorf("%d waiters", n)
		}
		m.Close()
		wg.Wait()
	})
}

// The linger of a launch is nothing that Close would have to wait for, whether
// the launch runs still or has ended.
func TestCloseDuringLinger(t *testing.T) {
	for name, took := range map[string]time.Duration{"runs": time.Hour, "ended": 2 * time.Second} {
		t.Run(name, func(t *testing.T) {
			bubble(t, &fopts{Abandon: onceconn.AfterLast(4 * time.Second)}, func(t *testing.T, m *fmap, h *host) {
				h.set(after(took, nil))
				ctx, cancel := within(time.Second)
				defer cancel()
				m.Get(ctx, "k")
				time.Sleep(2 * time.Second)
				began := time.Now()
				if err := m.Close(); err != nil || time.Since(began) != 0 {
					t.Errorf("Close: %v after %v", err, time.Since(began))
				}
			})
		})
	}
}

func TestCloseDuringPause(t *testing.T) {
	bubble(t, &fopts{Backoff: onceconn.Backoff{Base: time.Hour, Max: time.Hour}}, func(t *testing.T, m *fmap, h *host) {
		h.set(after(0, errEMFILE))
		var wg sync.WaitGroup
		for _, k := range []string{"pausing", "held back"} {
			wg.Go(func() {
				if _, err := m.Get(bg, k); err != onceconn.ErrClosed {
					t.Errorf("%s: %v", k, err)
				}
			})
			synctest.Wait()
		}
		expectLaunches(t, h, 1)
		m.Close()
		wg.Wait()
		expectLaunches(t, h, 1)
	})
}

// A launch that answers its cancellation with our own exhaustion begins no pause
// that Close would have to wait for.
func TestCloseBeforePause(t *testing.T) {
	bubble(t, &fopts{Backoff: onceconn.Backoff{Base: time.Hour, Max: time.Hour}}, func(t *testing.T, m *fmap, h *host) {
		h.set(func(ctx context.Context, _ *ftry) error { <-ctx.Done(); return errEMFILE })
		m.Start("k")
		synctest.Wait()
		began := time.Now()
		if err := m.Close(); err != nil || time.Since(began) != 0 {
			t.Errorf("Close: %v after %v", err, time.Since(began))
		}
	})
}

// Close from inside a launch or a hook cannot wait for itself; it does not wait
// for ever either.
func TestCloseFromInside(t *testing.T) {
	t.Run("launch", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var m *fmap
			h := new(host)
			h.set(func(context.Context, *ftry) error {
				if m.Close() == nil {
					t.Error("Close did not say that a launch runs")
				}
				return nil
			})
			m = onceconn.New(h.launch, nil)
			if _, err := m.Get(bg, "k"); err != onceconn.ErrClosed {
				t.Error(err)
			}
			m.Close()
			synctest.Wait()
			time.Sleep(time.Minute)
			h.settled(t)
		})
	})
	t.Run("hook", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var m *fmap
			h := new(host)
			o := &fopts{Hooks: onceconn.Hooks{
				LaunchStart: func(any, int) { m.Close() },
				LaunchEnd:   func(any, int, time.Duration, error) { m.Close() },
				Evict:       func(any, error) { m.Close() }}}
			m = onceconn.New(h.launch, o)
			if _, err := m.Get(bg, "k"); err != onceconn.ErrClosed {
				t.Error(err)
			}
			m.Close()
			time.Sleep(time.Minute)
			h.settled(t)
		})
	})
}

func TestCloseErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := onceconn.New(func(context.Context, *ftry) (*fake, error) { return &fake{}, nil },
			&fopts{Close: func(*fake) error { return errHungUp }})
		get(t, m, "a")
		get(t, m, "b")
		expectIs(t, m.Close(), errHungUp)
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestDrain(t *testing.T) {
	bubble(t, nil, func(t *testing.T, m *fmap, h *host) {
		c := get(t, m, "idle")
		l, _ := m.Acquire(bg, "leased")
		d := l.Conn()
		h.set(after(time.Minute, nil))
		go func() {
			if _, err := m.Get(bg, "launching"); err != onceconn.ErrClosed {
				t.Error(err)
			}
		}()
		synctest.Wait()
		ctx, cancel := within(time.Second)
		defer cancel()
		if err := m.Drain(ctx); err != context.DeadlineExceeded {
			t.Errorf("Drain: %v", err)
		}
		if c.closed.Load() != 1 || d.closed.Load() != 0 {
			t.Error("Drain closes what has no lease, and nothing else")
		}
		if _, err := m.Get(bg, "leased"); err != onceconn.ErrClosed {
			t.Error(err)
		}
		time.AfterFunc(time.Second, l.Release)
		began := time.Now()
		if err := m.Drain(bg); err != nil || time.Since(began) != time.Second {
			t.Errorf("Drain: %v after %v", err, time.Since(began))
		}
		if d.closed.Load() != 1 {
			t.Error("not closed at the last Release")
		}
		if err := m.Drain(bg); err != nil {
			t.Error(err)
		}
	})
}

func TestDrainWaitsForBusy(t *testing.T) {
	var idle atomic.Bool
	bubble(t, &fopts{Busy: func(*fake) bool { return !idle.Load() }}, func(t *testing.T, m *fmap, h *host) {
		get(t, m, "k")
		time.AfterFunc(10*time.Second, func() { idle.Store(true) })
		began := time.Now()
		if err := m.Drain(bg); err != nil {
			t.Error(err)
		}
		if d := time.Since(began); d < 10*time.Second || d > 12*time.Second {
			t.Errorf("drained after %v", d)
		}
	})
}

func TestCloseEndsDrain(t *testing.T) {
	bubble(t, nil, func(t *testing.T, m *fmap, h *host) {
		l, _ := m.Acquire(bg, "k")
		done := make(chan error, 1)
		go func() { done <- m.Drain(bg) }()
		synctest.Wait()
		m.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
		l.Release()
	})
}

// Busy, Close and hooks may take their time: what they hold up is their connection,
// not the others that retire with it.
func TestSlowUserCodeHoldsUpNobody(t *testing.T) {
	const keys = 10 // the first half is slow
	idle := fopts{IdleTimeout: 32 * time.Second}
	aged := fopts{IdleTimeout: onceconn.Forever, MaxLifetime: 32 * time.Second}
	for _, c := range []struct {
		name string
		o    fopts
		slow string // what of the user's is slow
		busy time.Duration
	}{
		{"idle, slow Close", idle, "Close", 0},
		{"idle, slow Busy", idle, "Busy", 0},
		{"idle, slow hook", idle, "Evict", 0},
		{"aged, slow Close", aged, "Close", 0},
		{"aged, slow Busy", aged, "Busy", 0},
		{"aged, slow Busy when it is asked again", aged, "Busy", time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release, began := make(chan struct{}), time.Now()
				stuck := func(what, key string) {
					if what == c.slow && key < "5" {
						<-release
					}
				}
				var mu sync.Mutex
				asking := map[*fake]int{}
				c.o.Close = func(f *fake) error { stuck("Close", f.key); return f.Close() }
				c.o.Hooks.Evict = func(k any, _ error) { stuck("Evict", k.(string)) }
				c.o.Busy = func(f *fake) bool {
					if time.Since(began) < c.busy {
						return true
					}
					mu.Lock()
					if asking[f]++; asking[f] > 1 {
						t.Errorf("%s is asked a second time before it has answered", f.key)
					}
					mu.Unlock()
					stuck("Busy", f.key)
					mu.Lock()
					defer mu.Unlock()
					asking[f]--
					return false
				}
				h := new(host)
				m := onceconn.New(h.launch, &c.o)
				for i := range keys {
					get(t, m, string(rune('0'+i)))
				}
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				for i, f := range h.conns {
					if n := int(f.closed.Load()); n != i/(keys/2) {
						t.Errorf("connection %d was closed %d times", i, n)
					}
				}
				close(release)
				synctest.Wait()
				m.Close()
				h.settled(t)
			})
		})
	}
}

// Where nothing is left to wait for Drain says so, whatever its context says.
func TestDrainOfNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(bg)
	cancel()
	m := onceconn.New(new(host).launch, nil)
	m.Close()
	for range 20 { // a select between the two would be a toss
		if err := m.Drain(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// Close does not return while somebody else still closes a connection.
func TestCloseWaitsForEvict(t *testing.T) {
	bubble(t, nil, func(t *testing.T, m *fmap, h *host) {
		c := get(t, m, "k")
		c.closing = func() { time.Sleep(time.Second) }
		go m.Evict("k", c, nil)
		synctest.Wait()
		began := time.Now()
		if err := m.Close(); err != nil || time.Since(began) != time.Second {
			t.Errorf("Close: %v after %v", err, time.Since(began))
		}
	})
}

// Nothing of the user's that panics or exits leaves anything wedged.
func TestPanicsElsewhere(t *testing.T) {
	for name, blow := range map[string]func(){"panic": func() { panic("boom") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				armed := true
				do := func() {
					if armed {
						blow()
					}
				}
				h := new(host)
				o := &fopts{Busy: func(*fake) bool { return false }, Close: func(c *fake) error { c.Close(); do(); return nil }}
				o.Watch = func(c *fake, dead func(error)) func() { c.dead = dead; return func() { c.stopped.Add(1); do() } }
				o.Hooks.LaunchStart = func(any, int) { do() }
				o.Hooks.LaunchEnd = func(any, int, time.Duration, error) { do() }
				o.Hooks.Evict = func(any, error) { do() }
				o.Hooks.Backoff = func(any, error, time.Time) { do() }
				m := onceconn.New(h.launch, o)
				for range 5 {
					c, err := m.Get(bg, "k")
					if name == "panic" && err != nil {
						t.Fatal(err)
					}
					if err == nil {
						c.dead(errHungUp)
					}
					time.Sleep(time.Minute)
				}
				h.set(after(0, errRefused))
				m.Get(bg, "bad")
				h.set(nil)
				if n := m.Stats().Panics; name == "panic" && n == 0 {
					t.Error("no panic was counted")
				}
				armed = false
				time.Sleep(time.Minute)
				get(t, m, "k")
				get(t, m, "bad")
				if err := m.Close(); err != nil {
					t.Error(err)
				}
				h.settled(t)
			})
		})
	}
}

// inBubble counts the goroutines of the caller's bubble. NumGoroutine counts those
// that the runtime starts for clean-ups too, and those of a test before that are
// not gone yet.
func inBubble() (n int) {
	stacks := make([]byte, 1<<20)
	all := regexp.MustCompile(`synctest bubble \d+\b`).FindAll(stacks[:runtime.Stack(stacks, true)], -1)
	for _, b := range all { // the caller's is the first
		if bytes.Equal(b, all[0]) {
			n++
		}
	}
	return n
}

func TestNoGoroutineWhenIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		synctest.Wait() // who is on the way is there, or gone
		before := inBubble()
		if before == 0 {
			t.Error("the test itself is not seen in its bubble")
		}
		h := new(host)
		m := onceconn.New(h.launch, nil)
		for i := range 100 {
			get(t, m, string(rune('a'+i)))
		}
		synctest.Wait()
		if n := inBubble(); n > before {
			t.Errorf("%d goroutines for 100 open connections", n-before)
		}
		if err := errors.Join(m.Close(), m.Close()); err != nil {
			t.Error(err)
		}
	})
}
