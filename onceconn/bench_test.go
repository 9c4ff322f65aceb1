package onceconn_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"example.com/interlock/onceconn"
)

// rwmap is what a user would write: a map of open connections under a lock.
type rwmap struct {
	mu sync.RWMutex
	m  map[string]*fake
}

func (r *rwmap) get(k string) *fake {
	r.mu.RLock()
	c := r.m[k]
	r.mu.RUnlock()
	return c
}

var sink *fake

// BenchmarkHit is the hit path against a load from a map under an RWMutex and
// from a sync.Map, in turn: go test -bench Hit -cpu 1,2,16.
func BenchmarkHit(b *testing.B) {
	for _, keys := range []int{1, 1024} {
		m := onceconn.New(new(host).launch, nil)
		defer m.Close()
		rw := &rwmap{m: map[string]*fake{}}
		var sm sync.Map
		names := make([]string, keys)
		for i := range names {
			names[i] = fmt.Sprintf("host-%d.example:5432", i)
		}
		for range 4 {
			for _, k := range names {
				c := get(b, m, k)
				rw.m[k] = c
				sm.Store(k, c)
			}
		}
		each := func(name string, f func(k string) *fake) {
			b.Run(fmt.Sprintf("%s/keys=%d", name, keys), func(b *testing.B) {
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					i := 0
					var c *fake
					for pb.Next() {
						c = f(names[i&(keys-1)])
						i++
					}
					if i > 0 && c == nil {
						b.Error("no connection")
					}
				})
			})
		}
		each("RWMutex", rw.get)
		each("Get", func(k string) *fake { c, _ := m.Get(bg, k); return c })
		each("syncMap", func(k string) *fake { c, _ := sm.Load(k); return c.(*fake) })
		each("Acquire", func(k string) *fake {
			l, _ := m.Acquire(bg, k)
			c := l.Conn()
			l.Release()
			return c
		})
		if keys == 1 {
			e := m.Key(names[0])
			each("Entry", func(string) *fake { c, _ := e.Get(bg); return c })
		}
	}
}

// BenchmarkEntry is one goroutine in a plain loop.
func BenchmarkEntry(b *testing.B) {
	m := onceconn.New(new(host).launch, nil)
	defer m.Close()
	rw := &rwmap{m: map[string]*fake{"k": get(b, m, "k")}}
	e := m.Key("k")
	b.Run("RWMutex", func(b *testing.B) {
		for b.Loop() {
			rw.get("k")
		}
	})
	b.Run("Get", func(b *testing.B) {
		for b.Loop() {
			m.Get(bg, "k")
		}
	})
	b.Run("Entry", func(b *testing.B) {
		for b.Loop() {
			e.Get(bg)
		}
	})
	b.Run("Acquire", func(b *testing.B) {
		for b.Loop() {
			l, _ := m.Acquire(bg, "k")
			l.Release()
		}
	})
}

// BenchmarkLaunch is a launch that costs nothing, so that what remains is ours;
// against a goroutine that makes a result and a channel that tells of it.
func BenchmarkLaunch(b *testing.B) {
	b.Run("onceconn", func(b *testing.B) {
		m := onceconn.New(func(context.Context, *ftry) (*fake, error) { return &fake{}, nil }, nil)
		defer m.Close()
		b.ReportAllocs()
		for b.Loop() {
			c, _ := m.Get(bg, "k")
			m.Evict("k", c, nil)
		}
	})
	b.Run("goroutine", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ctx, cancel := context.WithCancel(bg)
			done := make(chan *fake, 1)
			go func() { done <- &fake{} }()
			select {
			case sink = <-done:
			case <-ctx.Done():
			}
			cancel()
		}
	})
}

// BenchmarkStorm is 10,000 callers of one key, all waiting for one launch;
// against the same with a WaitGroup, as singleflight has it, and with a channel, the
// least that it can cost.
func BenchmarkStorm(b *testing.B) {
	const callers = 10_000
	storm := func(b *testing.B, wait func(), open func(), begin func()) {
		b.ReportAllocs()
		for b.Loop() {
			begin()
			var ready, done sync.WaitGroup
			ready.Add(callers)
			for range callers {
				done.Go(func() {
					ready.Done()
					wait()
				})
			}
			ready.Wait()
			open()
			done.Wait()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/callers, "ns/caller")
	}
	b.Run("onceconn", func(b *testing.B) {
		var release chan struct{}
		var c *fake
		m := onceconn.New(func(context.Context, *ftry) (*fake, error) { <-release; c = &fake{}; return c, nil }, nil)
		defer m.Close()
		storm(b, func() { m.Get(bg, "k") }, func() { close(release) }, func() {
			if c != nil {
				m.Evict("k", c, nil)
			}
			release = make(chan struct{})
		})
	})
	b.Run("channel", func(b *testing.B) {
		var c chan struct{}
		storm(b, func() { <-c }, func() { close(c) }, func() { c = make(chan struct{}) })
	})
	b.Run("WaitGroup", func(b *testing.B) {
		var wg *sync.WaitGroup
		storm(b, func() { wg.Wait() }, func() { wg.Done() }, func() { wg = new(sync.WaitGroup); wg.Add(1) })
	})
}
