package suites

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"
	"unsafe"

	il "example.com/interlock/line"
	"example.com/interlock/tools/bench"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"
)

func line(r *bench.Runner) error {
	lineUncontended(r)
	lineRefused(r)
	lineHerd(r)
	r.Value("size of a Line", bench.AtMost(24), "B", float64(unsafe.Sizeof(il.Line{})))
	return nil
}

// hold acquires and releases a line that nobody waits for.
func hold(l *il.Line) {
	t, _ := l.TryAcquire().Token()
	t.Release()
}

func lineUncontended(r *bench.Runner) {
	var (
		l   il.Line
		mu  sync.Mutex
		sem = semaphore.NewWeighted(1)
		sf  singleflight.Group
	)
	ours := bench.Side{Name: "line", Run: func(n int) {
		for range n {
			if t, ok := l.TryAcquire().Token(); ok {
				t.Release()
			}
		}
	}}
	r.Pair("acquire + release, nobody waiting", bench.AtMost(1.3), ours, tryLock(&mu))
	r.Pair("acquire + release, nobody waiting", bench.Bound{}, ours, bench.Side{Name: "semaphore.Weighted", Run: func(n int) {
		for range n {
			if sem.TryAcquire(1) {
				sem.Release(1)
			}
		}
	}})
	repair := func(context.Context) error { return nil }
	r.Pair("Do, nobody waiting", bench.Bound{}, bench.Side{Name: "line", Run: func(n int) {
		for range n {
			l.Do(context.Background(), l.Epoch(), repair)
		}
	}}, bench.Side{Name: "singleflight.Do", Run: func(n int) {
		for range n {
			sf.Do("", func() (any, error) { return nil, nil })
		}
	}})
	r.Value("allocations of acquire + release", bench.AtMost(0), "allocs", testing.AllocsPerRun(1000, func() { hold(&l) }))
}

// tryLock is the cheapest thing that the standard library has to refuse
// instead of waiting.
func tryLock(mu *sync.Mutex) bench.Side {
	return bench.Side{Name: "Mutex TryLock+Unlock", Run: func(n int) {
		for range n {
			if mu.TryLock() {
				mu.Unlock()
			}
		}
	}}
}

func lineRefused(r *bench.Runner) {
	var mu sync.Mutex
	var busy, moved il.Line
	held, _ := busy.TryAcquire().Token()
	hold(&moved)
	enter := func(l *il.Line) bench.Side {
		return bench.Side{Name: "line", Run: func(n int) {
			acquired := 0
			for range n {
				if l.Enter(0).Outcome() == il.Acquired {
					acquired++
				}
			}
			runtime.KeepAlive(acquired)
		}}
	}
	r.Pair("Enter on a busy line", bench.AtMost(1), enter(&busy), tryLock(&mu))
	r.Pair("Enter on a line that moved on", bench.AtMost(1), enter(&moved), tryLock(&mu))
	r.Value("allocations of a refused Enter", bench.AtMost(0), "allocs", testing.AllocsPerRun(1000, func() { busy.Enter(0); moved.Enter(0) }))
	held.Release()
}

// lineHerd measures the end of a hold that 10,000 goroutines wait for, from
// the release until the last of them has run on, against close(chan).
func lineHerd(r *bench.Runner) {
	const waiters = 10_000
	var l il.Line
	var gone sync.WaitGroup
	parked := func() float64 {
		t, _ := l.TryAcquire().Token()
		park(&gone, waiters, func() { l.TryAcquire().Wait(context.Background()) })
		return us(func() { t.Release(); gone.Wait() })
	}
	closed := func() float64 {
		c := make(chan struct{})
		park(&gone, waiters, func() { <-c })
		return us(func() { close(c); gone.Wait() })
	}
	r.VersusN(9, "end of a hold, 10,000 parked waiters", bench.AtMost(1.1), "us", "close(chan)", alternate(parked, closed))
	r.Value("allocations of a busy period with a waiter", bench.AtMost(2), "allocs", busyPeriodAllocs(&l))
}

// busyPeriodAllocs counts what one hold with one Done channel allocates.
func busyPeriodAllocs(l *il.Line) float64 {
	return testing.AllocsPerRun(1000, func() {
		t, _ := l.TryAcquire().Token()
		done := l.TryAcquire().Done()
		t.Release()
		<-done
	})
}

// park starts n goroutines that call wait and returns when all of them can be
// expected to be parked in it.
func park(gone *sync.WaitGroup, n int, wait func()) {
	var started sync.WaitGroup
	started.Add(n)
	for range n {
		gone.Go(func() {
			started.Done()
			wait()
		})
	}
	started.Wait()
	for range 100 { // they are one step from parking: let them take it
		runtime.Gosched()
	}
	time.Sleep(2 * time.Millisecond)
}

func us(f func()) float64 {
	start := time.Now()
	f()
	return float64(time.Since(start)) / 1e3
}
