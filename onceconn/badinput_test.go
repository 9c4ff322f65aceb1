package onceconn_test

import (
	"context"
	"errors"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/interlock/onceconn"
)

// refused runs f, which must panic and name the package.
func refused(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if s, ok := recover().(string); !ok || !strings.HasPrefix(s, "onceconn: ") {
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
		"LaunchTimeout":         {LaunchTimeout: -1},
		"Grace":                 {Grace: -1},
		"IdleTimeout":           {IdleTimeout: -1},
		"MaxLifetime":           {MaxLifetime: -1},
		"DataTTL":               {DataTTL: -1},
		"PingAfterIdle":         {Ping: ping, PingAfterIdle: -1},
		"PingTimeout":           {Ping: ping, PingTimeout: -1},
		"no Ping":               {PingAfterIdle: 1},
		"no Ping for a timeout": {PingTimeout: 1},
		"MaxLaunches":           {MaxLaunches: -1},
		"Rechecks":              {Rechecks: -1},
		"Abandon":               {Abandon: -3},
		"OnBackoff":             {OnBackoff: 2},
		"OnRetire":              {OnRetire: 2},
		"Backoff.Base":          {Backoff: onceconn.Backoff{Base: -1}},
		"Backoff.Max":           {Backoff: onceconn.Backoff{Max: -1}},
		"Backoff.StableAfter":   {Backoff: onceconn.Backoff{StableAfter: -1}},
		"Backoff.Multiplier":    {Backoff: onceconn.Backoff{Multiplier: 0.9}},
		"Multiplier NaN":        {Backoff: onceconn.Backoff{Multiplier: math.NaN()}},
		"Multiplier Inf":        {Backoff: onceconn.Backoff{Multiplier: math.Inf(1)}},
		"Backoff.Jitter":        {Backoff: onceconn.Backoff{Jitter: 1.1}},
		"Jitter negative":       {Backoff: onceconn.Backoff{Jitter: -0.1}},
		"Jitter NaN":            {Backoff: onceconn.Backoff{Jitter: math.NaN()}},
		"idle, Close, no Busy":  {IdleTimeout: time.Minute, Close: closeIt},
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
