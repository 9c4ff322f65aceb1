package onceconn_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/interlock/onceconn"
	"pgregory.net/rapid"
)

// refused runs f, which must panic and say where and what: the first word of what.
func refused(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		word := strings.FieldsFunc(what, func(r rune) bool { return r == ' ' || r == ',' })[0]
		if s, ok := recover().(string); !ok || !strings.HasPrefix(s, "onceconn: ") || !strings.Contains(s, word) {
			t.Errorf("%s: panic %q", what, s)
		}
	}()
	f()
}

func TestBadOptions(t *testing.T) {
	launch := func(context.Context, *ftry) (*fake, error) { return nil, errRefused }
	closeIt := func(*fake) error { return nil }
	notBusy := func(*fake) bool { return false }
	ping := func(context.Context, *fake) error { return nil }
	refused(t, "nil launch", func() { onceconn.New[string, *fake](nil, nil) })
	refused(t, "nil isolated launch", func() { onceconn.NewIsolated[string, tag, *fake](nil, nil) })
	refused(t, "nil WithData", func() { onceconn.WithData[string, *fake, int](nil) })
	refused(t, "negative linger", func() { onceconn.AfterLast(-1) })
	for name, o := range map[string]fopts{
		"LaunchTimeout":             {LaunchTimeout: -1},
		"Grace":                     {Grace: -1},
		"IdleTimeout":               {IdleTimeout: -1},
		"MaxLifetime":               {MaxLifetime: -1},
		"DataTTL":                   {DataTTL: -1},
		"PingAfterIdle":             {Ping: ping, PingAfterIdle: -1},
		"PingTimeout":               {Ping: ping, PingTimeout: -1},
		"Ping missing":              {PingAfterIdle: 1},
		"PingTimeout, Ping missing": {PingTimeout: 1},
		"MaxLaunches":               {MaxLaunches: -1},
		"Rechecks":                  {Rechecks: -1},
		"Abandon":                   {Abandon: -3},
		"OnBackoff":                 {OnBackoff: 2},
		"OnRetire":                  {OnRetire: 2},
		"Backoff.Base":              {Backoff: onceconn.Backoff{Base: -1}},
		"Backoff.Max":               {Backoff: onceconn.Backoff{Max: -1}},
		"Backoff.StableAfter":       {Backoff: onceconn.Backoff{StableAfter: -1}},
		"Backoff.Multiplier":        {Backoff: onceconn.Backoff{Multiplier: 0.9}},
		"Multiplier NaN":            {Backoff: onceconn.Backoff{Multiplier: math.NaN()}},
		"Multiplier Inf":            {Backoff: onceconn.Backoff{Multiplier: math.Inf(1)}},
		"Backoff.Jitter":            {Backoff: onceconn.Backoff{Jitter: 1.1}},
		"Jitter negative":           {Backoff: onceconn.Backoff{Jitter: -0.1}},
		"Jitter NaN":                {Backoff: onceconn.Backoff{Jitter: math.NaN()}},
		"IdleTimeout, Busy missing": {IdleTimeout: time.Minute, Close: closeIt},
	} {
		refused(t, name, func() { onceconn.New(launch, &o) })
	}
	for name, o := range map[string]fopts{
		"Close alone":         {Close: closeIt},
		"idle alone":          {IdleTimeout: time.Minute},
		"idle, Close, Busy":   {IdleTimeout: time.Minute, Close: closeIt, Busy: notBusy},
		"idle, Close, Drop":   {IdleTimeout: time.Minute, Close: closeIt, OnRetire: onceconn.Drop},
		"Forever idle, Close": {IdleTimeout: onceconn.Forever, Close: closeIt},
		"all Forever": {IdleTimeout: onceconn.Forever, MaxLifetime: onceconn.Forever, LaunchTimeout: onceconn.Forever,
			Grace: onceconn.Forever, DataTTL: onceconn.Forever, Ping: ping, PingTimeout: onceconn.Forever},
		"full jitter": {Backoff: onceconn.Backoff{Jitter: 1, Multiplier: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			m := onceconn.New(launch, &o)
			if _, err := m.Get(bg, "k"); !errors.Is(err, errRefused) {
				t.Error(err)
			}
			m.Close()
		})
	}
}

// New refuses what the documentation says and nothing else; what it takes works.
func TestAnyOptions(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := drawOptions(rt)
		var problem string
		synctest.Test(t, func(*testing.T) { problem = tryOptions(o) })
		if problem != "" {
			rt.Fatal(problem)
		}
	})
}

// pick draws one of good, or of bad too if wild.
func pick[T any](rt *rapid.T, name string, wild bool, good []T, bad ...T) T {
	if wild {
		good = append(slices.Clone(good), bad...)
	}
	return rapid.SampledFrom(good).Draw(rt, name)
}

func drawOptions(rt *rapid.T) *fopts {
	flag := func(name string) bool { return rapid.Bool().Draw(rt, name) }
	wild := flag("wild")
	span := func(name string) time.Duration {
		return pick(rt, name, wild, []time.Duration{0, 0, 0, 1, time.Second, time.Second, time.Hour, time.Hour, onceconn.Forever, onceconn.Forever}, -1)
	}
	number := func(name string) int { return pick(rt, name, wild, []int{0, 0, 0, 1, 1, 10, 10}, -1) }
	mode := func(name string) uint8 { return pick(rt, name, wild, []uint8{0, 0, 0, 1, 1, 1}, 2) }
	o := &fopts{LaunchTimeout: span("LaunchTimeout"), Grace: span("Grace"), IdleTimeout: span("IdleTimeout"),
		MaxLifetime: span("MaxLifetime"), DataTTL: span("DataTTL"), MaxLaunches: number("MaxLaunches"), Rechecks: number("Rechecks"),
		Abandon:   pick(rt, "Abandon", wild, []onceconn.AbandonPolicy{0, 1, onceconn.Never, onceconn.AtOnce}, -3),
		OnBackoff: onceconn.BackoffMode(mode("OnBackoff")), OnRetire: onceconn.RetireMode(mode("OnRetire")),
		Backoff: onceconn.Backoff{Base: span("Base"), Max: span("Max"), StableAfter: span("StableAfter"),
			Multiplier: pick(rt, "Multiplier", wild, []float64{0, 0, 0, 1, 2, 1e300}, 0.9, -1, math.NaN(), math.Inf(1)),
			Jitter:     pick(rt, "Jitter", wild, []float64{0, 0, 0, 0.5, 1}, 1.1, -0.1, math.NaN())}}
	if o.MaxLifetime == 1 {
		o.MaxLifetime = time.Second // or nothing lives for long enough to be looked at
	}
	if flag("Ping") {
		o.Ping = func(context.Context, *fake) error { return nil }
	}
	if o.Ping != nil || wild {
		o.PingAfterIdle, o.PingTimeout = span("PingAfterIdle"), span("PingTimeout")
	}
	if flag("Busy") {
		o.Busy = func(*fake) bool { return false }
	}
	if flag("Close") {
		o.Close = func(c *fake) error { return c.Close() }
	}
	return o
}

// sensible is the documentation of Options.
func sensible(o *fopts) bool {
	b := &o.Backoff
	for _, d := range []time.Duration{o.LaunchTimeout, o.Grace, o.IdleTimeout, o.MaxLifetime, o.DataTTL, o.PingAfterIdle, o.PingTimeout,
		b.Base, b.Max, b.StableAfter} {
		if d < 0 {
			return false
		}
	}
	switch {
	case o.MaxLaunches < 0, o.Rechecks < 0, o.Abandon < onceconn.AtOnce, o.OnBackoff > onceconn.Wait, o.OnRetire > onceconn.Drop:
		return false
	case b.Multiplier != 0 && !(b.Multiplier >= 1 && b.Multiplier <= math.MaxFloat64), !(b.Jitter >= 0 && b.Jitter <= 1):
		return false
	case o.Ping == nil && (o.PingAfterIdle != 0 || o.PingTimeout != 0):
		return false
	}
	idles := o.IdleTimeout > 0 && o.IdleTimeout < onceconn.Forever // the default asks for nothing
	return !idles || o.Close == nil || o.Busy != nil || o.OnRetire == onceconn.Drop
}

// tryOptions says what is wrong with what New makes of o.
func tryOptions(o *fopts) (problem string) {
	h := new(host)
	m, refusal := func() (m *fmap, refusal any) {
		defer func() { refusal = recover() }()
		return onceconn.New(h.launch, o), nil
	}()
	if ok := sensible(o); ok != (refusal == nil) {
		return fmt.Sprintf("sensible: %v, but New said %v", ok, refusal)
	}
	if refusal != nil {
		return ""
	}
	for range 3 {
		c, err := m.Get(bg, "k")
		if err != nil || c.id != 1 {
			problem = fmt.Sprintf("Get: %v, %v", c, err)
		}
		l, err := m.Acquire(bg, "k")
		if err != nil || l.Conn() != c {
			problem = fmt.Sprintf("Acquire: %v, %v", l.Conn(), err)
		}
		l.Release()
	}
	h.set(after(0, errRefused))
	for range 3 {
		if _, err := m.Get(bg, "bad"); !errors.Is(err, errRefused) {
			problem = fmt.Sprintf("Get of what refuses: %v", err)
		}
		m.ResetBackoff("bad")
	}
	time.Sleep(time.Second)
	if err := m.Close(); err != nil {
		problem = fmt.Sprintf("Close: %v", err)
	}
	synctest.Wait()
	if n := h.conns[0].closed.Load(); n != 1 && o.OnRetire != onceconn.Drop {
		problem = fmt.Sprintf("closed %d times", n)
	}
	return problem
}

// Limits that undercut one another: the smaller one rules.
func TestBaseAboveMax(t *testing.T) {
	bubble(t, &fopts{Backoff: onceconn.Backoff{Base: time.Hour, Max: 10 * time.Second}}, func(t *testing.T, m *fmap, h *host) {
		h.set(after(0, errRefused))
		_, err := m.Get(bg, "k")
		e := asError(t, err)
		if rest := e.RetryAt.Sub(e.Ended); rest < 8*time.Second || rest > 10*time.Second {
			t.Errorf("rests for %v", rest)
		}
		h.set(after(0, errEMFILE))
		began := time.Now()
		m.Get(bg, "other")
		if d := time.Since(began); d != 10*time.Second {
			t.Errorf("a shortage paused launches for %v", d)
		}
	})
	never := &fopts{Backoff: onceconn.Backoff{Base: onceconn.Forever, Max: onceconn.Forever}}
	bubble(t, never, func(t *testing.T, m *fmap, h *host) {
		h.set(after(0, errRefused))
		for i := range 50 { // the jitter goes both ways
			m.Get(bg, fmt.Sprint(i))
			_, err := m.Get(bg, fmt.Sprint(i))
			if e := asError(t, err); !e.Cached || time.Until(e.RetryAt) < 200*365*24*time.Hour {
				t.Fatalf("rests until %v", e.RetryAt)
			}
		}
		expectLaunches(t, h, 50)
	})
}

// Limits just below Forever are no less than it.
func TestAlmostForever(t *testing.T) {
	const long = onceconn.Forever - 1
	o := &fopts{LaunchTimeout: long, Grace: long, Abandon: onceconn.AfterLast(long), IdleTimeout: long, MaxLifetime: long, DataTTL: long,
		Ping: func(context.Context, *fake) error { return nil }, PingAfterIdle: 8 * time.Second, PingTimeout: long,
		Backoff: onceconn.Backoff{Base: long, Max: long, StableAfter: long}}
	bubble(t, o, func(t *testing.T, m *fmap, h *host) {
		h.set(after(0, errRefused))
		m.Get(bg, "bad")
		h.set(after(time.Minute, nil))
		ctx, cancel := within(time.Second)
		defer cancel()
		m.Get(ctx, "k")
		c := get(t, m, "k")
		for range 10 {
			time.Sleep(time.Hour)
			if get(t, m, "k") != c {
				t.Fatal("replaced")
			}
		}
		expectPhase(t, m, "bad", "backoff")
		expectLaunches(t, h, 2)
	})
}

// A key that rests for longer than DataTTL is remembered for that long.
func TestRestOutlivesData(t *testing.T) {
	o := &fopts{DataTTL: time.Minute, Backoff: onceconn.Backoff{Base: time.Hour, Max: time.Hour, Jitter: 1e-9}}
	bubble(t, o, func(t *testing.T, m *fmap, h *host) {
		h.set(after(0, errRefused))
		m.Get(bg, "k")
		time.Sleep(59 * time.Minute)
		_, err := m.Get(bg, "k")
		if e := asError(t, err); !e.Cached {
			t.Error("launched before its rest was over")
		}
		time.Sleep(2 * time.Minute)
		expectPhase(t, m, "k", "absent")
		expectLaunches(t, h, 1)
	})
}

// A panic of Healthy is its caller's, and leaves neither lease nor waiter.
func TestHealthyPanics(t *testing.T) {
	armed := true
	o := &fopts{Healthy: func(*fake) bool {
		if armed {
			panic("healthy")
		}
		return true
	}}
	bubble(t, o, func(t *testing.T, m *fmap, h *host) {
		for i, f := range []func(){
			func() { m.Acquire(bg, "k") }, // launches
			func() { m.Acquire(bg, "k") }, // finds
			func() { m.Get(bg, "k") },
			func() { m.TryGet("k") },
			func() { m.Do(bg, "k", func(*fake) error { return nil }) },
		} {
			func() {
				defer func() {
					if v := recover(); v != "healthy" {
						t.Errorf("call %d: panic %v", i, v)
					}
				}()
				f()
			}()
		}
		if s := m.Stats(); s.Leases != 0 || s.Waiters != 0 || s.Open != 1 {
			t.Errorf("%+v", s)
		}
		armed = false
		c := get(t, m, "k")
		expectLaunches(t, h, 1)
		if !m.Evict("k", c, nil) || c.closed.Load() != 1 {
			t.Error("not closed when it was evicted")
		}
	})
}

// A PingAfterIdle below what the clock can tell: one Ping before each hand-out.
func TestPingBeforeEachUse(t *testing.T) {
	pings := 0
	o := &fopts{PingAfterIdle: 1, Ping: func(context.Context, *fake) error {
		if pings++; pings > 100 {
			return errHungUp // to fail, and not to hang
		}
		return nil
	}}
	bubble(t, o, func(t *testing.T, m *fmap, h *host) {
		c := get(t, m, "k")
		for i := range 3 {
			if get(t, m, "k") != c || pings != i+1 {
				t.Errorf("%d pings for %d calls", pings, i+1)
			}
		}
		if _, ok := m.TryGet("k"); ok {
			t.Error("TryGet found what needs a check")
		}
	})
}

// A launch that does not do its part gives every waiter an error, and the key
// works afterwards.
func TestBadLaunches(t *testing.T) {
	for name, bad := range map[string]struct {
		launch func() (*fake, error)
		check  func(error) bool
	}{
		"nil":    {func() (*fake, error) { return nil, nil }, func(err error) bool { return strings.Contains(err.Error(), "neither") }},
		"Goexit": {func() (*fake, error) { runtime.Goexit(); return nil, nil }, func(err error) bool { return errors.Is(err, onceconn.ErrLaunchExited) }},
		"panic": {func() (*fake, error) { panic("boom") }, func(err error) bool {
			var p *onceconn.PanicError
			return errors.As(err, &p) && p.Value == "boom" && strings.Contains(string(p.Stack), "badinput_test.go") && strings.Contains(err.Error(), "boom")
		}},
		"panic with an error": {func() (*fake, error) { panic(io.ErrUnexpectedEOF) }, func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
		"panic with nil":      {func() (*fake, error) { panic(nil) }, func(err error) bool { var p *onceconn.PanicError; return errors.As(err, &p) }},
		"runtime error":       {func() (*fake, error) { var f *fake; return f, f.Close() }, func(err error) bool { var p *onceconn.PanicError; return errors.As(err, &p) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				good := false
				m := onceconn.New(func(context.Context, *ftry) (*fake, error) {
					time.Sleep(time.Second)
					if good {
						return &fake{}, nil
					}
					return bad.launch()
				}, nil)
				defer m.Close()
				errs, _ := crowd(20, func(int) error {
					_, err := m.Get(bg, "k")
					return err
				})
				for _, err := range errs {
					if err != errs[0] || !bad.check(err) {
						t.Errorf("waiter got %v", err)
					}
				}
				expectPhase(t, m, "k", "backoff")
				good = true
				time.Sleep(time.Second)
				get(t, m, "k")
				get(t, m, "other")
			})
		})
	}
}

func TestNilOfEveryKind(t *testing.T) {
	neither := func(t *testing.T, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), "neither") {
			t.Errorf("a nil connection gave %v", err)
		}
	}
	neither(t, getOnce(func() (io.Closer, error) { return nil, nil }))
	neither(t, getOnce(func() (io.Closer, error) { return (*fake)(nil), nil }))
	neither(t, getOnce(func() (map[int]int, error) { return nil, nil }))
	neither(t, getOnce(func() (func(), error) { return nil, nil }))
	neither(t, getOnce(func() (chan int, error) { return nil, nil }))
	neither(t, getOnce(func() ([]int, error) { return nil, nil }))
	for _, err := range []error{getOnce(func() (int, error) { return 0, nil }), getOnce(func() (struct{}, error) { return struct{}{}, nil }),
		getOnce(func() (any, error) { return 1, nil })} {
		if err != nil {
			t.Error(err)
		}
	}
}

func getOnce[C any](f func() (C, error)) error {
	m := onceconn.New(func(context.Context, *onceconn.Attempt[int]) (C, error) { return f() }, nil)
	defer m.Close()
	_, err := m.Get(bg, 1)
	return err
}

// A key that is not equal to itself would make a record with each call.
func TestKeyNotEqualToItself(t *testing.T) {
	launches := 0
	m := onceconn.New(func(context.Context, *onceconn.Attempt[float64]) (*fake, error) { launches++; return &fake{}, nil }, nil)
	defer m.Close()
	nan := math.NaN()
	if _, err := m.Get(bg, nan); err == nil || !strings.Contains(err.Error(), "equal") {
		t.Error(err)
	}
	if _, err := m.Key(nan).Acquire(bg); err == nil {
		t.Error("acquired")
	}
	if err := m.Do(bg, nan, func(*fake) error { return nil }); err == nil {
		t.Error("done")
	}
	m.Start(nan)
	if _, ok := m.TryGet(nan); ok || m.Evict(nan, nil, nil) {
		t.Error("found")
	}
	m.ResetBackoff(nan)
	if n := m.Stats().Records; n != 0 || launches != 0 {
		t.Errorf("%d records, %d launches", n, launches)
	}
	if _, err := m.Get(bg, 1); err != nil {
		t.Error(err)
	}
	s := onceconn.NewIsolated[float64, tag](func(context.Context, *onceconn.Attempt[float64]) (*fake, error) { return &fake{}, nil }, nil)
	defer s.Close()
	if _, err := s.Get(bg, nan, "a"); err == nil {
		t.Error("isolated")
	}
}

// A key that cannot be hashed panics as in any map, in its caller, and leaves no
// lock behind.
func TestKeyThatCannotBeHashed(t *testing.T) {
	m := onceconn.New(func(context.Context, *onceconn.Attempt[any]) (*fake, error) { return &fake{}, nil }, nil)
	defer m.Close()
	for range 2 {
		for _, f := range []func(){func() { m.Get(bg, []int{}) }, func() { m.Start([]int{}) }, func() { m.TryGet([]int{}) },
			func() { m.Evict([]int{}, nil, nil) }} {
			func() {
				defer func() {
					if recover() == nil {
						t.Error("no panic")
					}
				}()
				f()
			}()
		}
		if _, err := m.Get(bg, 1); err != nil {
			t.Error(err)
		}
	}
}

func TestReentrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m *fmap
		m = onceconn.New(func(ctx context.Context, a *ftry) (*fake, error) {
			next := map[string]string{"self": "self", "a": "b", "b": "c", "c": "a", "long": "leaf"}[a.Key]
			if next != "" {
				ctx, cancel := context.WithCancel(ctx) // any descendant of the launch's context
				defer cancel()
				if _, err := m.Get(ctx, next); err != nil {
					return nil, err
				}
			}
			return &fake{}, nil
		}, nil)
		defer m.Close()
		for _, k := range []string{"self", "a"} {
			began := time.Now()
			if _, err := m.Get(bg, k); !errors.Is(err, onceconn.ErrReentrant) || time.Since(began) != 0 {
				t.Errorf("%s: %v after %v", k, err, time.Since(began))
			}
		}
		if _, err := m.Get(bg, "long"); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		errs, _ := crowd(3, func(i int) error { // all three edges of the circle at once
			_, err := m.Get(bg, string(rune('a'+i)))
			return err
		})
		for _, err := range errs {
			expectIs(t, err, onceconn.ErrReentrant)
		}
		if n := m.Stats().Waiters; n != 0 {
			t.Errorf("%d waiters left", n)
		}
	})
}

// TestReentrantLeavesNothing: who is refused waits no more, and who has stopped
// waiting may be waited for.
func TestReentrantLeavesNothing(t *testing.T) {
	t.Run("a waiter", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var m *fmap
			m = onceconn.New(func(ctx context.Context, a *ftry) (*fake, error) {
				_, err := m.Get(ctx, a.Key)
				expectIs(t, err, onceconn.ErrReentrant)
				<-ctx.Done() // abandoned, when its only caller leaves
				return nil, context.Cause(ctx)
			}, &fopts{Abandon: onceconn.AtOnce})
			defer m.Close()
			ctx, cancel := context.WithTimeout(bg, time.Second)
			defer cancel()
			began := time.Now()
			_, err := m.Get(ctx, "k")
			expectIs(t, err, context.DeadlineExceeded)
			synctest.Wait()
			if s := m.Stats(); s.Launching+s.Cancelling != 0 || time.Since(began) != time.Second {
				t.Errorf("after %v: %+v", time.Since(began), s)
			}
		})
	})
	t.Run("an edge", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var m *fmap
			m = onceconn.New(func(ctx context.Context, a *ftry) (*fake, error) {
				switch a.Key {
				case "a": // does not wait for b to the end
					short, cancel := context.WithTimeout(ctx, time.Second)
					defer cancel()
					_, err := m.Get(short, "b")
					expectIs(t, err, context.DeadlineExceeded)
					time.Sleep(2 * time.Second)
				case "b":
					time.Sleep(2 * time.Second)
					if _, err := m.Get(ctx, "a"); err != nil {
						t.Errorf("b cannot wait for a, which does not wait for b any more: %v", err)
					}
				}
				return &fake{}, nil
			}, &fopts{Abandon: onceconn.Never})
			defer m.Close()
			if _, err := m.Get(bg, "a"); err != nil {
				t.Error(err)
			}
			if _, err := m.Get(bg, "b"); err != nil {
				t.Error(err)
			}
		})
	})
}

// TestPanicsBesideALaunch: what is asked about a launch, or told of it, may panic
// as the launch may. Its waiters get a PanicError, the connection is closed, and
// the key works afterwards.
func TestPanicsBesideALaunch(t *testing.T) {
	for name, c := range map[string]struct {
		fail error
		with func(o *fopts, bad *atomic.Bool)
	}{
		"Local": {errRefused, func(o *fopts, bad *atomic.Bool) {
			o.Local = func(error) bool { boom(bad); return false }
		}},
		"Permanent": {errRefused, func(o *fopts, bad *atomic.Bool) {
			o.Permanent = func(error) bool { boom(bad); return false }
		}},
		"Watch": {nil, func(o *fopts, bad *atomic.Bool) {
			o.Watch = func(*fake, func(error)) func() { boom(bad); return func() {} }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var h host
				var bad atomic.Bool
				bad.Store(true)
				h.set(after(time.Second, c.fail))
				o := &fopts{}
				c.with(o, &bad)
				m := onceconn.New(h.launch, o)
				errs, _ := crowd(5, func(int) error {
					_, err := m.Get(bg, "k")
					return err
				})
				for _, err := range errs {
					var p *onceconn.PanicError
					if !errors.As(err, &p) || p.Value != "boom" {
						t.Errorf("a waiter got %v", err)
					}
				}
				bad.Store(false)
				h.set(nil)
				m.ResetBackoff("k")
				if _, err := m.Get(bg, "k"); err != nil {
					t.Error(err)
				}
				m.Close()
				h.settled(t)
			})
		})
	}
}

func boom(bad *atomic.Bool) {
	if bad.Load() {
		panic("boom")
	}
}

func TestEvictCompares(t *testing.T) {
	evicts := func(t *testing.T, ok bool, want bool) {
		t.Helper()
		if ok != want {
			t.Errorf("Evict: %v, want %v", ok, want)
		}
	}
	m := onceconn.New(func(context.Context, *onceconn.Attempt[int]) (any, error) { return []int{1, 2}, nil }, nil)
	defer m.Close()
	c, _ := m.Get(bg, 1)
	evicts(t, m.Evict(1, []int{1, 2}, nil), false)
	evicts(t, m.Evict(1, 7, nil), false)
	evicts(t, m.Evict(1, nil, nil), false)
	_ = c

	s := onceconn.New(func(context.Context, *onceconn.Attempt[int]) ([]int, error) { return []int{1, 2}, nil }, nil)
	defer s.Close()
	sc, _ := s.Get(bg, 1)
	evicts(t, s.Evict(1, []int{1, 2}, nil), false)
	evicts(t, s.Evict(1, sc[:1], nil), false)
	evicts(t, s.Evict(1, sc, nil), true)

	f := onceconn.New(func(context.Context, *onceconn.Attempt[int]) (map[int]int, error) { return map[int]int{}, nil }, nil)
	defer f.Close()
	fc, _ := f.Get(bg, 1)
	evicts(t, f.Evict(1, map[int]int{}, nil), false)
	evicts(t, f.Evict(1, fc, nil), true)

	i := onceconn.New(func(context.Context, *onceconn.Attempt[int]) (int, error) { return 5, nil }, nil)
	defer i.Close()
	i.Get(bg, 1)
	evicts(t, i.Evict(1, 4, nil), false)
	evicts(t, i.Evict(1, 5, nil), true)
}
