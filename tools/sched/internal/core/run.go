package core

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"
)

// A Search says which orders are tried.
type Search int

const (
	DPOR Search = iota
	Bound
	PCT
	Random
	Full
)

func (s Search) String() string {
	return [...]string{"DPOR", "bound", "PCT", "random", "full"}[s]
}

// Options say how to search; all fields are set.
type Options struct {
	Search       Search
	Bound        int
	Depth        int
	MaxSchedules int
	MaxSteps     int
	MaxTime      time.Duration
	Seed         uint64
	Spins        int
	Replay       []Step // nil: search
	Exact        bool   // report the first failing schedule, not the shortest
	Failed       func() bool
	Each         func(*Failure) // called after each execution that was not cut; then no failure ends the search
}

// A Result is what an exploration came to.
type Result struct {
	Schedules int
	Cut       int // executions that ended where everything was known
	Steps     int
	Complete  bool // every order was tried, or an equivalent one
	Limit     string
	Elapsed   time.Duration
	Failure   *Failure
}

// one admits one exploration at a time.
var one sync.Mutex

// Run explores the body.
func Run(o Options, body func(*Task)) (r Result) {
	one.Lock()
	defer one.Unlock()
	if Now() != nil {
		panic("sched: an exploration inside an exploration")
	}
	if Race {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	}
	e := newExec(&o, body)
	defer e.close()
	start := time.Now()
	e.s = e.searcher(&o)
	e.deadline = start.Add(o.MaxTime)
	e.explore(&r)
	if r.Failure != nil && r.Failure.Kind != KindOfMisuse {
		e.explain(&r)
	}
	r.Elapsed = time.Since(start)
	return r
}

//go:norace
func newExec(o *Options, body func(*Task)) *Exec {
	e := &Exec{o: o, body: body}
	E = e
	return e
}

// close ends the coroutines and leaves the exploration.
//
//go:norace
func (e *Exec) close() {
	for _, w := range e.free {
		w.dismiss()
	}
	E, cur = nil, nil
}

//go:norace
func (e *Exec) searcher(o *Options) search {
	switch {
	case o.Replay != nil:
		return &replay{e: e, steps: o.Replay}
	case o.Search == PCT || o.Search == Random:
		return &walk{e: e, pct: o.Search == PCT, depth: o.Depth, rnd: random(o.Seed)}
	}
	return &dfs{e: e, mode: o.Search, bound: o.Bound}
}

// explore runs executions until the search ends, fails or meets a limit.
//
//go:norace
func (e *Exec) explore(r *Result) {
	races := raceErrors()
	for {
		e.run()
		r.Steps += e.steps
		switch {
		case e.restart:
			if d, ok := e.s.(*dfs); ok {
				d.reset()
			}
			continue
		case e.cut:
			r.Cut++
		default:
			r.Schedules++
		}
		e.judge(raceErrors() > races)
		if e.o.Each != nil && !e.cut {
			e.o.Each(e.failure)
		} else if e.failure != nil {
			r.Failure = e.failure
			return
		}
		if !e.s.advance() {
			r.Complete = e.o.Replay == nil
			return
		}
		if r.Schedules >= e.o.MaxSchedules {
			r.Limit = fmt.Sprintf("%d schedules", r.Schedules)
			return
		}
		if (r.Schedules+r.Cut)&15 == 0 && time.Now().After(e.deadline) {
			r.Limit = e.o.MaxTime.String()
			return
		}
	}
}

// judge looks for failures that no task reported.
//
//go:norace
func (e *Exec) judge(raced bool) {
	e.killing = false
	switch {
	case raced:
		e.failure = nil
		e.fail(KindOfRace, nil, "see the race detector's report above")
	case e.exits && e.failure == nil && e.o.Failed != nil && e.o.Failed():
		e.fail(KindOfTest, nil, "a task ended the test")
	}
	if e.failure != nil {
		e.failure.Schedule = Format(e.trace)
		e.failure.Forced = e.forced
	}
}

// explain looks for a failing schedule with fewer preemptions, and replays the
// best one to say where everything happens.
//
//go:norace
func (e *Exec) explain(r *Result) {
	f := r.Failure
	steps := append([]Step(nil), e.trace...)
	if f.Kind != KindOfRandom && f.Kind != KindOfRace && f.Kind != KindOfTest && !e.o.Exact && e.o.Replay == nil {
		if better := e.shorten(f); better != nil {
			steps = better
		}
	}
	if f.Kind == KindOfRandom {
		f.Message = f.text
		return
	}
	kept := *f
	e.s = &replay{e: e, steps: steps}
	e.tracing = true
	e.run()
	e.tracing = false
	e.judge(false)
	*f = kept
	if e.failure != nil && e.failure.Kind == f.Kind {
		f.text, f.at = e.failure.text, e.failure.at
	}
	f.Schedule, f.Forced = Format(steps), e.forced
	f.Message = f.text + f.at
	f.Report = strings.TrimRight(e.report(), "\n")
}

// shorten iterates the bound on preemptions up to that of the failure, each
// within a part of the time that is left to spend on it.
//
//go:norace
func (e *Exec) shorten(f *Failure) []Step {
	deadline := time.Now().Add(2 * time.Second)
	for k := 0; k < f.Forced; k++ {
		d := &dfs{e: e, mode: Bound, bound: k}
		e.s = d
		for n := 1; ; n++ {
			e.run()
			if e.restart {
				d.reset()
				continue
			}
			e.judge(false)
			if e.failure != nil && e.failure.Kind == f.Kind {
				return append([]Step{}, e.trace...)
			}
			if e.failure != nil && e.failure.Kind == KindOfRandom {
				return nil
			}
			if !d.advance() {
				break
			}
			if n&15 == 0 && time.Now().After(deadline) {
				return nil
			}
		}
	}
	return nil
}
