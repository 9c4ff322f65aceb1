package onceconn_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/interlock/onceconn"
)

// TestAgenda: each of many connections is retired in its own time, wherever
// others stood on the agenda that have a later one now, or none.
func TestAgenda(t *testing.T) {
	const keys, idle, tick = 64, 32 * time.Second, time.Second
	var retired sync.Map // times, by key
	o := &fopts{IdleTimeout: idle, LaunchTimeout: onceconn.Forever, Backoff: onceconn.Backoff{StableAfter: time.Hour}, Hooks: onceconn.Hooks{
		Evict: func(key any, _ error) { retired.Store(key, time.Now()) },
	}}
	bubble(t, o, func(t *testing.T, m *fmap, h *host) {
		opened := map[string]time.Time{}
		var order []string
		for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(keys) {
			k := fmt.Sprint("k", i)
			get(t, m, k)
			order, opened[k] = append(order, k), time.Now()
			time.Sleep(idle / keys / 2)
		}
		h.set(func(ctx context.Context, a *ftry) error {
			<-ctx.Done()
			return context.Cause(ctx)
		})
		for i, k := range order {
			if i%3 < 2 { // remembered for two days
				m.Evict(k, h.conns[i], nil)
				delete(opened, k)
			}
			if i%3 == 0 { // launched, and nothing is due
				m.Start(k)
			}
		}
		time.Sleep(2 * idle)
		for k, since := range opened {
			at, _ := retired.Load(k)
			if at == nil {
				t.Errorf("%s is not retired", k)
			} else if d := at.(time.Time).Sub(since); d < idle || d > idle+3*tick {
				t.Errorf("%s was retired %v after it was used", k, d)
			}
		}
	})
}

// TestPingNotTooOften: the clock is fine enough to know a connection that is in
// use from one that is idle.
func TestPingNotTooOften(t *testing.T) {
	var pings atomic.Int32
	o := &fopts{PingAfterIdle: time.Second, Ping: func(context.Context, *fake) error { pings.Add(1); return nil }}
	bubble(t, o, func(t *testing.T, m *fmap, h *host) {
		for range 100 {
			get(t, m, "k")
			time.Sleep(700 * time.Millisecond)
		}
		if n := pings.Load(); n != 0 {
			t.Errorf("%d pings of a connection in use", n)
		}
		time.Sleep(time.Second)
		get(t, m, "k")
		if n := pings.Load(); n != 1 {
			t.Errorf("%d pings after a rest", n)
		}
	})
}

// TestClockStandsStill: a Map without a connection does nothing, for however long.
func TestClockStandsStill(t *testing.T) {
	bubble(t, &fopts{IdleTimeout: 32 * time.Millisecond, DataTTL: onceconn.Forever}, func(t *testing.T, m *fmap, h *host) {
		for _, k := range []string{"a", "b"} {
			get(t, m, k)
		}
		time.Sleep(time.Second)
		if n := m.Stats().Open; n != 0 {
			t.Fatalf("%d connections are open", n)
		}
		if n := testing.AllocsPerRun(1, func() { time.Sleep(10 * time.Second) }); n > 100 { // a tick takes a millisecond
			t.Errorf("%v allocations in ten seconds in which nothing is open", n)
		}
	})
}
