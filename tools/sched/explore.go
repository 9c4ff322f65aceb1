package sched

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"example.com/interlock/tools/sched/internal/core"
)

// A Search says which orders an exploration tries.
type Search int

const (
	// DPOR tries every order, but one of those that differ only in the places
	// of operations that commute. It is the only search that proves something
	// about programs of more than a few steps.
	DPOR Search = iota
	// Bound tries every order with at most Options.Bound preemptions.
	Bound
	// PCT tries random priorities with Options.Depth-1 random changes.
	PCT
	// Random lets any task move that can, each equally likely.
	Random
	// Full tries every order. It is there to test DPOR.
	Full
)

func (s Search) String() string { return core.Search(s).String() }

// Options say how to explore. Nil, and the zero value of each field, is the
// default.
type Options struct {
	Search Search
	Bound  int // preemptions, for Bound; default 0

	Depth        int           // of the bugs that PCT aims at, 1 to 16; default 3
	MaxSchedules int           // default unlimited; 10,000 for PCT and Random
	MaxSteps     int           // of one schedule, after which it is a livelock; default 5,000, at most 30,000
	MaxTime      time.Duration // default five minutes, or $SCHED_TIME
	Seed         uint64        // for PCT and Random; default 1
	Spins        int           // fruitless rounds before a Gosched waits for a change; default 1

	Incomplete bool   // reaching a limit is no failure
	Replay     string // a schedule to follow instead of a search; default $SCHED_REPLAY
	Exact      bool   // report the first failing schedule rather than the shortest
}

// A Result is what an exploration came to.
type Result struct {
	Schedules int           // executions that ran to their end
	Cut       int           // executions given up where all that could follow was known
	Steps     int           // events of all executions
	Complete  bool          // every order was tried, or one equivalent to it
	Limit     string        // the limit that was reached, if any
	Elapsed   time.Duration // with the search for a shorter failing schedule
	Failure   *Failure      // nil: none was found
}

// Rate is the number of executions per second.
func (r Result) Rate() float64 {
	return float64(r.Schedules+r.Cut) / max(r.Elapsed.Seconds(), 1e-9)
}

func (r Result) String() string {
	s := fmt.Sprintf("%d schedules (and %d cut), complete=%t, %v, %.0f/s",
		r.Schedules, r.Cut, r.Complete, r.Elapsed.Round(time.Microsecond*10), r.Rate())
	if r.Limit != "" {
		s += ", stopped at " + r.Limit
	}
	return s
}

// A Failure is a schedule on which something went wrong.
type Failure struct {
	Kind        string // "deadlock", "panic", "invariant violated", "data race", …
	Message     string // with the positions of the tasks concerned
	Schedule    string // for Options.Replay
	Preemptions int    // in the schedule
	Steps       string // the schedule as text, one step a line
}

// Error gives the whole report.
func (f *Failure) Error() string {
	s := f.Kind + ": " + f.Message
	if f.Steps != "" {
		s += fmt.Sprintf("\nschedule (%d preemptions):\n%s", f.Preemptions, f.Steps)
	}
	if f.Schedule != "" {
		s += "\nreplay: " + f.Schedule
	}
	return s
}

// Explore runs body once for each schedule, from fresh state, and fails the
// test with a readable schedule if something goes wrong on one: a failed
// Check, a panic, a deadlock, tasks left blocked for ever, a livelock, a
// data race (in the race build), or a body that does not depend on the
// schedule alone. It also fails if a limit is reached before the search is
// complete, unless the Options allow it. It logs one line of figures.
//
// One exploration runs at a time in a process; while it runs nothing else in
// the process may use the modelled types.
func Explore(t testing.TB, o *Options, body func(s *S)) {
	t.Helper()
	c, err := o.core()
	if err != nil {
		t.Fatal(err)
	}
	c.Failed = t.Failed
	r := run(c, body)
	if r.Failure != nil {
		t.Fatalf("%s after %v\n%v", t.Name(), r, r.Failure)
	}
	t.Logf("%s: %v", t.Name(), r)
	if r.Limit != "" && !allowed(o) {
		t.Fatalf("%s: stopped at %s before the search was complete", t.Name(), r.Limit)
	}
}

// allowed reports whether reaching a limit is how the search ends.
func allowed(o *Options) bool {
	return o != nil && (o.Incomplete || o.Search == PCT || o.Search == Random)
}

// Run is Explore for those who judge the Result themselves: a property test
// that shrinks failing programs, for example.
func Run(o *Options, body func(s *S)) Result {
	c, err := o.core()
	if err != nil {
		panic(err)
	}
	return run(c, body)
}

func run(c core.Options, body func(s *S)) Result {
	r := core.Run(c, func(t *core.Task) { body(&S{t: t}) })
	res := Result{Schedules: r.Schedules, Cut: r.Cut, Steps: r.Steps, Complete: r.Complete, Limit: r.Limit, Elapsed: r.Elapsed}
	if f := r.Failure; f != nil {
		res.Failure = &Failure{Kind: f.Kind, Message: f.Message, Schedule: f.Schedule, Preemptions: f.Forced, Steps: f.Report}
		if res.Failure.Message == "" {
			res.Failure.Message = f.Text()
		}
	}
	return res
}

// core fills in the defaults.
func (o *Options) core() (core.Options, error) {
	var v Options
	if o != nil {
		v = *o
	}
	if v.Replay == "" {
		v.Replay = os.Getenv("SCHED_REPLAY")
	}
	c := core.Options{
		Search: core.Search(v.Search), Bound: v.Bound, Depth: min(orElse(v.Depth, 3), 16),
		MaxSchedules: v.MaxSchedules, MaxSteps: min(orElse(v.MaxSteps, 5000), 30000),
		MaxTime: v.MaxTime, Seed: orElse(v.Seed, 1), Spins: orElse(v.Spins, 1), Exact: v.Exact,
	}
	if c.MaxTime == 0 {
		c.MaxTime = 5 * time.Minute
		if s := os.Getenv("SCHED_TIME"); s != "" {
			d, err := time.ParseDuration(s)
			if err != nil {
				return c, fmt.Errorf("sched: SCHED_TIME: %w", err)
			}
			c.MaxTime = d
		}
	}
	if c.MaxSchedules == 0 {
		c.MaxSchedules = int(^uint(0) >> 1)
		if v.Search == PCT || v.Search == Random {
			c.MaxSchedules = 10_000
		}
	}
	if v.Replay != "" {
		steps, err := core.Parse(strings.TrimSpace(v.Replay))
		if err != nil {
			return c, err
		}
		c.Replay = steps
	}
	return c, nil
}

func orElse[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
