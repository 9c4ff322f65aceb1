package suites

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/interlock/onceconn"
	"example.com/interlock/tools/bench"
	"github.com/jackc/puddle/v2"
	"golang.org/x/sync/singleflight"
)

func onceConn(r *bench.Runner) error {
	onceLaunches(r)
	onceHit(r)
	if err := onceLease(r); err != nil {
		return err
	}
	onceStorm(r)
	if err := onceHangUp(r); err != nil {
		return err
	}
	return onceDial(r)
}

// fake is a connection that costs nothing.
type fake struct{ n int }

func (*fake) Close() error { return nil }

func fakeMap(took time.Duration, fail error, opts *onceconn.Options[string, *fake]) (*onceconn.Map[string, *fake], *atomic.Int64) {
	var launches atomic.Int64
	return onceconn.New(func(ctx context.Context, a *onceconn.Attempt[string]) (*fake, error) {
		launches.Add(1)
		select {
		case <-time.After(took):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		return &fake{a.N}, fail
	}, opts), &launches
}

func onceLaunches(r *bench.Runner) {
	ctx := context.Background()
	crowd := func(m *onceconn.Map[string, *fake], n int, each func(i int) context.Context) (served int64) {
		var wg sync.WaitGroup
		var ok atomic.Int64
		for i := range n {
			wg.Go(func() {
				if _, err := m.Get(each(i), "k"); err == nil {
					ok.Add(1)
				}
			})
		}
		wg.Wait()
		return ok.Load()
	}
	always := func(int) context.Context { return ctx }

	m, launches := fakeMap(50*time.Millisecond, nil, nil)
	crowd(m, 100, always)
	r.Value("launches: 100 callers of one key", bench.AtMost(1), "", float64(launches.Load()))
	m.Close()

	m, launches = fakeMap(200*time.Millisecond, nil, nil)
	early, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	served := crowd(m, 10, func(i int) context.Context {
		if i == 0 {
			return early
		}
		return ctx
	})
	cancel()
	r.Value("launches: one of ten callers gives up", bench.AtMost(1), "", float64(launches.Load()))
	r.Value("the others that were served", bench.AtLeast(9), "of 9", float64(served))
	m.Close()

	m, launches = fakeMap(200*time.Millisecond, nil, nil)
	for range 4 {
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		m.Get(short, "k")
		cancel()
	}
	_, err := m.Get(ctx, "k")
	if err != nil {
		launches.Add(100) // a caller that fails here breaks the promise as well
	}
	r.Value("launches: callers of 50 ms against a launch of 200 ms", bench.AtMost(1), "", float64(launches.Load()))
	m.Close()

	m, launches = fakeMap(50*time.Millisecond, errors.New("no"), nil)
	crowd(m, 100, always)
	r.Value("launches: a launch that fails, 100 callers", bench.AtMost(1), "", float64(launches.Load()))
	m.Close()

	m, _ = fakeMap(500*time.Millisecond, nil, nil)
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	r.Value("a waiter of 50 ms on a launch of 500 ms returns after", bench.AtMost(80), "ms", us(func() { m.Get(short, "k") })/1e3)
	cancel()
	m.Close()

	m, launches = fakeMap(0, errors.New("refused"), nil)
	for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); time.Sleep(time.Millisecond) {
		m.Get(ctx, "k")
	}
	r.Value("launches: a host that refuses, a call each ms for 300 ms", bench.AtMost(3), "", float64(launches.Load()))
	m.Close()
}

func onceHit(r *bench.Runner) {
	ctx := context.Background()
	m, _ := fakeMap(0, nil, nil)
	defer m.Close()
	c, _ := m.Get(ctx, "k")
	entry := m.Key("k")
	var mu sync.RWMutex
	plain := map[string]*fake{"k": c}
	get := func(k int) bench.Side {
		return bench.Side{Name: "onceconn", Run: func(n int) {
			spread(k, n, func(_, n int) {
				for range n {
					m.Get(ctx, "k")
				}
			})
		}}
	}
	load := bench.Side{Name: "RWMutex+map load", Run: func(n int) {
		var got *fake
		for range n {
			mu.RLock()
			got = plain["k"]
			mu.RUnlock()
		}
		runtime.KeepAlive(got)
	}}
	r.Pair("Get, open connection", bench.AtMost(1.25), get(1), load)
	r.Pair("Entry.Get, open connection", bench.AtMost(0.4), bench.Side{Name: "onceconn", Run: func(n int) {
		for range n {
			entry.Get(ctx)
		}
	}}, load)
	one := get(1)
	one.Name = "one goroutine"
	r.Pair("Get, 16 goroutines, per operation", bench.AtMost(1), get(16), one)
	r.Value("allocations of Get", bench.AtMost(0), "allocs", testing.AllocsPerRun(1000, func() { m.Get(ctx, "k") }))
}

func onceLease(r *bench.Runner) error {
	ctx := context.Background()
	m, _ := fakeMap(0, nil, nil)
	defer m.Close()
	m.Get(ctx, "k")
	pool, err := puddle.NewPool(&puddle.Config[*fake]{
		Constructor: func(context.Context) (*fake, error) { return &fake{}, nil },
		Destructor:  func(*fake) {},
		MaxSize:     1,
	})
	if err != nil {
		return err
	}
	defer pool.Close()
	r.Pair("Acquire + Release", bench.AtMost(0.4), bench.Side{Name: "onceconn", Run: func(n int) {
		for range n {
			l, _ := m.Acquire(ctx, "k")
			l.Release()
		}
	}}, bench.Side{Name: "puddle", Run: func(n int) {
		for range n {
			res, _ := pool.Acquire(ctx)
			res.Release()
		}
	}})
	r.Value("allocations of Acquire + Release", bench.AtMost(0), "allocs", testing.AllocsPerRun(1000, func() {
		l, _ := m.Acquire(ctx, "k")
		l.Release()
	}))
	return nil
}

// onceStorm lets 10,000 callers meet one launch that ends when the last of them
// has come, and measures from the first start until the last has its answer. A
// collection in the midst of it, with ten thousand stacks to scan, would be all that
// is seen: so there is none, and both sides begin with the stacks of those that
// were here before.
func onceStorm(r *bench.Runner) {
	const callers = 10_000
	var come atomic.Int64
	storm := func(open chan struct{}, get func()) float64 { // get counts itself: a frame more could double its stack
		runtime.GC()
		come.Store(0)
		defer debug.SetGCPercent(debug.SetGCPercent(-1))
		var wg sync.WaitGroup
		start := time.Now()
		for range callers {
			wg.Go(get)
		}
		for come.Load() < callers {
			runtime.Gosched()
		}
		close(open)
		wg.Wait()
		return float64(time.Since(start)) / callers
	}
	ours := func() float64 {
		open := make(chan struct{})
		m := onceconn.New(func(context.Context, *onceconn.Attempt[string]) (*fake, error) {
			<-open
			return &fake{}, nil
		}, nil)
		defer m.Close()
		return storm(open, func() { come.Add(1); m.Get(context.Background(), "k") })
	}
	ref := func() float64 {
		open := make(chan struct{})
		var g singleflight.Group
		return storm(open, func() { come.Add(1); g.Do("k", func() (any, error) { <-open; return &fake{}, nil }) })
	}
	ours()
	ref()
	r.Versus("storm of 10,000 callers of one key, per caller", bench.AtMost(0.6), "ns", "singleflight.Do", alternate(ours, ref))
}
