package onceconn_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"example.com/interlock/onceconn"
)

// The hit path and the counted use allocate nothing.
func TestAllocs(t *testing.T) {
	m := onceconn.New(new(host).launch, nil)
	defer m.Close()
	for i := range 100 {
		get(t, m, fmt.Sprint(i))
	}
	for range 4 {
		for i := range 100 {
			get(t, m, fmt.Sprint(i)) // until every key is found without a lock
		}
	}
	e := m.Key("7")
	ctx := context.WithValue(bg, t, t)
	for name, f := range map[string]func(){
		"Get":    func() { m.Get(ctx, "7") },
		"TryGet": func() { m.TryGet("7") },
		"Acquire": func() {
			l, _ := m.Acquire(ctx, "7")
			l.Release()
		},
		"Do":            func() { m.Do(ctx, "7", nothing) },
		"Entry.Get":     func() { e.Get(ctx) },
		"Entry.Acquire": func() { l, _ := e.Acquire(ctx); l.Release() },
		"Key":           func() { m.Key("7") },
	} {
		if n := testing.AllocsPerRun(1000, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func nothing(*fake) error { return nil }

// A caller who waits costs no memory of ours: whatever the crowd, only the
// flight is allocated.
func TestAllocsOfWaiters(t *testing.T) {
	const callers = 2000
	n := allocsOfWaiters(callers)
	for range 4 { // a garbage collection takes away what the runtime keeps for blocked goroutines
		n = min(n, allocsOfWaiters(callers))
	}
	if n > callers/2 { // the runtime allocates what a blocked select needs, now and then
		t.Errorf("%v allocations for %d waiters", n, callers)
	}
}

func allocsOfWaiters(callers int) float64 {
	start, arrived := make(chan struct{}), make(chan struct{}, callers)
	release := make(chan struct{})
	m := onceconn.New(func(ctx context.Context, _ *ftry) (*fake, error) {
		<-release
		return &fake{}, nil
	}, nil)
	defer m.Close()
	m.Start("k")
	done := make(chan struct{}, callers)
	for range callers {
		go func() {
			<-start
			arrived <- struct{}{}
			m.Get(bg, "k")
			done <- struct{}{}
		}()
	}
	return testing.AllocsPerRun(1, func() {
		select {
		case <-start: // AllocsPerRun calls twice, to warm up
			return
		default:
		}
		close(start)
		for range callers {
			<-arrived
		}
		for m.Stats().Waiters < callers {
			runtime.Gosched()
		}
		close(release)
		for range callers {
			<-done
		}
	})
}
