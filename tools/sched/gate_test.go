package sched_test

import (
	"strings"
	"testing"

	"example.com/interlock/tools/sched"
	"example.com/interlock/tools/sched/atomic"
	"example.com/interlock/tools/sched/sync"
)

// A Gate is the worked example of the README; a sound one looks again under
// the lock, and opens under it.
type Gate struct {
	open  atomic.Bool
	mu    sync.Mutex
	cond  *sync.Cond
	sound bool
}

func NewGate(sound bool) *Gate {
	g := &Gate{sound: sound}
	g.cond = sync.NewCond(&g.mu)
	return g
}

func (g *Gate) Wait() {
	if g.open.Load() {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for !g.sound || !g.open.Load() {
		g.cond.Wait()
		if !g.sound {
			return
		}
	}
}

func (g *Gate) Open() {
	if g.sound {
		g.mu.Lock()
		defer g.mu.Unlock()
	}
	g.open.Store(true)
	g.cond.Broadcast()
}

func passGate(sound bool) func(s *sched.S) {
	return func(s *sched.S) {
		g := NewGate(sound)
		s.Go("waiter", g.Wait)
		s.Go("opener", g.Open)
		s.Join()
	}
}

func TestGate(t *testing.T) {
	sched.Explore(t, nil, passGate(true))
	f := sched.Run(nil, passGate(false)).Failure
	if f == nil || f.Kind != "deadlock" || f.Schedule != "1x2.2x2.1x2" || !strings.Contains(f.Message, "1 waiter: wait on cond #3 at gate_test.go:") {
		t.Errorf("the broken gate: %v", f)
	}
}
