package sched_test

import (
	"fmt"
	"os"
	"os/exec"
	realruntime "runtime"
	"strings"
	"testing"
	"time"

	"example.com/interlock/tools/sched"
	"example.com/interlock/tools/sched/atomic"
	"example.com/interlock/tools/sched/internal/core"
	"example.com/interlock/tools/sched/runtime"
	"example.com/interlock/tools/sched/sync"
)

// TestMain checks that nothing is left of the explorations.
func TestMain(m *testing.M) {
	before := realruntime.NumGoroutine()
	code := m.Run()
	for range 2000 {
		if realruntime.NumGoroutine() <= before {
			os.Exit(code)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if code == 0 {
		buf := make([]byte, 1<<20)
		fmt.Fprintf(os.Stderr, "%d goroutines left, %d before\n%s", realruntime.NumGoroutine(), before, buf[:realruntime.Stack(buf, true)])
		code = 1
	}
	os.Exit(code)
}

// TestReclaim: tasks that stay blocked, in any mood, are put to rest after
// each schedule; their deferred calls run.
func TestReclaim(t *testing.T) {
	before := realruntime.NumGoroutine()
	ran := 0
	o := core.Options{MaxSteps: 100, MaxSchedules: 2000, MaxTime: time.Minute, Spins: 1, Search: core.Random, Seed: 1}
	o.Each = func(f *core.Failure) {
		if f == nil || f.Kind != core.KindOfDeadlock {
			t.Fatalf("no deadlock: %v", f)
		}
	}
	core.Run(o, func(task *core.Task) {
		c := sched.MakeChan[int](0)
		var mu sync.Mutex
		for range 3 {
			sched.Go(func() {
				defer func() { ran++ }()
				for { // as a robust worker does: it must not live on
					func() {
						defer mu.Unlock()
						defer func() { recover() }()
						mu.Lock()
						c.Recv()
					}()
				}
			})
		}
		task.Join()
	})
	if ran != 3*2000 {
		t.Errorf("deferred calls ran %d times, want %d", ran, 3*2000)
	}
	for range 2000 {
		if realruntime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", realruntime.NumGoroutine(), before)
}

// A fakeT records what Explore tells the test.
type fakeT struct {
	testing.TB
	log, fatal string
	failed     bool
}

func (f *fakeT) Helper()      {}
func (f *fakeT) Name() string { return "TestFake" }
func (f *fakeT) Failed() bool { return f.failed }
func (f *fakeT) Logf(format string, args ...any) {
	f.log += fmt.Sprintf(format, args...)
}
func (f *fakeT) Fatal(args ...any) { f.Fatalf("%s", fmt.Sprint(args...)) }
func (f *fakeT) Fatalf(format string, args ...any) {
	f.fatal += fmt.Sprintf(format, args...)
	realruntime.Goexit()
}

func explore(o *sched.Options, body func(t *fakeT, s *sched.S)) *fakeT {
	f := new(fakeT)
	done := make(chan bool)
	go func() {
		defer close(done)
		sched.Explore(f, o, func(s *sched.S) { body(f, s) })
	}()
	<-done
	return f
}

func TestExploreReports(t *testing.T) {
	racy := func(_ *fakeT, s *sched.S) {
		var n atomic.Int32
		for i := range 2 {
			s.Go(fmt.Sprintf("adder%d", i), func() { v := n.Load(); s.Logf("saw %d", v); n.Store(v + 1) })
		}
		s.Join()
		s.Check(n.Load() == 2, "n is %d", n.Load())
	}
	f := explore(nil, racy)
	for _, want := range []string{"invariant violated: n is 1", "1 adder0", "atomic load #0", "log: saw 0", "sched_test.go:", "replay: ", "schedule (1 preemptions)"} {
		if !strings.Contains(f.fatal, want) {
			t.Errorf("no %q in\n%s", want, f.fatal)
		}
	}
	if f := explore(&sched.Options{Search: sched.Bound}, racy); f.fatal != "" || !strings.Contains(f.log, "complete=true") {
		t.Errorf("%q, %q", f.log, f.fatal)
	}
	busy := func(_ *fakeT, s *sched.S) {
		var n atomic.Int32
		for range 3 {
			s.Go("", func() { n.Add(1); n.Add(1) })
		}
		s.Join()
	}
	if f := explore(&sched.Options{MaxSchedules: 3}, busy); !strings.Contains(f.fatal, "stopped at 3 schedules before") {
		t.Errorf("%q", f.fatal)
	}
	if f := explore(&sched.Options{MaxTime: 1}, busy); !strings.Contains(f.fatal, "stopped at 1ns before") {
		t.Errorf("%q", f.fatal)
	}
	if f := explore(&sched.Options{MaxSchedules: 3, Incomplete: true}, busy); f.fatal != "" || !strings.Contains(f.log, "3 schedules") {
		t.Errorf("%q, %q", f.log, f.fatal)
	}
	if f := explore(&sched.Options{Replay: "1.x"}, busy); !strings.Contains(f.fatal, "no part of a schedule") {
		t.Errorf("%q", f.fatal)
	}
	if f := explore(&sched.Options{Replay: "7"}, busy); !strings.Contains(f.fatal, "non-deterministic") {
		t.Errorf("%q", f.fatal)
	}
	if f := explore(nil, func(f *fakeT, s *sched.S) { f.failed = true; f.Fatalf("in the body") }); !strings.Contains(f.fatal, "test failed") {
		t.Errorf("%q", f.fatal)
	}
	if f := explore(nil, func(f *fakeT, s *sched.S) { s.Fatalf("no %d", 1) }); !strings.Contains(f.fatal, "no 1 (0 main") {
		t.Errorf("%q", f.fatal)
	}
	t.Setenv("SCHED_TIME", "1ns")
	if f := explore(nil, busy); !strings.Contains(f.fatal, "stopped at 1ns") {
		t.Errorf("%q", f.fatal)
	}
	t.Setenv("SCHED_TIME", "soon")
	if f := explore(nil, busy); !strings.Contains(f.fatal, "SCHED_TIME") {
		t.Errorf("%q", f.fatal)
	}
}

func TestReplayFromEnvironment(t *testing.T) {
	f := sched.Run(nil, checkThenAct).Failure
	t.Setenv("SCHED_REPLAY", f.Schedule)
	r := sched.Run(nil, checkThenAct)
	if r.Schedules != 1 || r.Failure == nil || r.Failure.Message != f.Message || r.Failure.Steps != f.Steps {
		t.Errorf("%v: %v", r, r.Failure)
	}
}

func TestNonDeterminism(t *testing.T) {
	n := 0
	r := sched.Run(nil, func(s *sched.S) {
		n++
		var x, y atomic.Int32
		s.Go("a", func() { x.Store(1); y.Store(1) })
		if n%2 == 0 {
			s.Go("b", func() { x.Store(2) })
		}
		x.Load()
		s.Join()
	})
	if r.Failure == nil || r.Failure.Kind != "non-deterministic body" {
		t.Errorf("%v: %v", r, r.Failure)
	}
}

func TestSeeds(t *testing.T) {
	order := func(seed uint64) string {
		out := ""
		sched.Run(&sched.Options{Search: sched.Random, Seed: seed, MaxSchedules: 20}, func(s *sched.S) {
			var mu sync.Mutex
			for i := range 3 {
				s.Go("", func() { mu.Lock(); out += fmt.Sprint(i); mu.Unlock() })
			}
			s.Join()
		})
		return out
	}
	//lint:ignore SA4000 it must do the same twice
	if order(5) != order(5) || order(5) == order(6) {
		t.Error("a seed must decide the orders")
	}
}

func TestNested(t *testing.T) {
	r := sched.Run(nil, func(s *sched.S) {
		s.Go("", func() { runtime.Gosched() })
		s.Go("", func() { s.Go("grandchild", func() { s.Yield() }); s.Join() })
		s.Join()
	})
	if r.Failure != nil || !r.Complete {
		t.Errorf("%v: %v", r, r.Failure)
	}
	defer func() {
		if recover() == nil {
			t.Error("S works outside its exploration")
		}
	}()
	var s sched.S
	s.Join()
}

// TestRaceBuildFindsIt: the plain write after publish is found by the race
// build, and the report names the schedule.
func TestRaceBuildFindsIt(t *testing.T) {
	if os.Getenv("SCHED_TEST_RACE") != "" {
		sched.Explore(t, nil, writeAfterPublish)
		return
	}
	cmd := exec.Command("go", "test", "-race", "-count=1", "-run", "^TestRaceBuildFindsIt$", ".")
	cmd.Env = append(os.Environ(), "SCHED_TEST_RACE=1")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "DATA RACE") || !strings.Contains(string(out), "data race: see the race detector") || !strings.Contains(string(out), "replay: ") {
		t.Errorf("%v\n%s", err, out)
	}
}
