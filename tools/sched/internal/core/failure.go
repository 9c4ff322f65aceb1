package core

import (
	"fmt"
	"runtime"
	"strings"
)

// The kinds of failures.
const (
	KindOfDeadlock = "deadlock"
	KindOfLivelock = "livelock"
	KindOfPanic    = "panic"
	KindOfFatal    = "fatal error"
	KindOfCheck    = "invariant violated"
	KindOfTest     = "test failed"
	KindOfRace     = "data race"
	KindOfRandom   = "non-deterministic body"
	KindOfMisuse   = "misuse"
)

// A Failure is what an exploration found wrong.
type Failure struct {
	Kind     string
	Message  string
	Schedule string // for Options.Replay
	Forced   int    // preemptions in the schedule
	Report   string // the schedule as steps, one a line

	text string // of the message, before positions were known
	at   string // what the replay found to say about positions
}

// A note is one line of a replayed schedule.
type note struct {
	task, op, at string
}

// fail records the first failure of an execution.
//
//go:norace
func (e *Exec) fail(kind string, t *Task, text string) {
	if e.failure != nil || e.killing {
		return
	}
	e.failure = &Failure{Kind: kind, text: text}
	if e.tracing && t != nil {
		e.failure.at = " (" + t.label() + ")"
	}
}

// Fail ends the execution, and with it the task, which it takes as failed.
//
//go:norace
func (t *Task) Fail(kind, text string) {
	e := E
	if e.tracing && e.failure == nil && !e.killing {
		var pcs [40]uintptr
		n := runtime.Callers(2, pcs[:])
		e.fail(kind, nil, text)
		e.failure.at = " (" + t.label() + " at " + position(pcs[:n]) + ")"
	} else {
		e.fail(kind, t, text)
	}
	runtime.Goexit()
}

//go:norace
func (e *Exec) panicked(t *Task, v any) {
	if e.killing || e.failure != nil {
		return
	}
	var text string
	switch v := v.(type) {
	case error:
		text = v.Error()
	case fmt.Stringer:
		text = v.String()
	default:
		text = fmt.Sprint(v)
	}
	e.fail(KindOfPanic, t, text)
	if e.tracing {
		var pcs [60]uintptr
		n := runtime.Callers(2, pcs[:])
		e.failure.at = " (" + t.label() + " at " + position(pcs[:n]) + ")"
	}
}

//go:norace
func (e *Exec) diverged(at int) {
	e.fail(KindOfRandom, nil, fmt.Sprintf("the same decisions led to another state at step %d: does the body use maps' order, time, randomness or objects of an earlier schedule?", at+1))
}

//go:norace
func (e *Exec) deadlock() {
	blocked := 0
	for _, t := range e.procs[:e.nprocs] {
		if t.timer == nil && t.state == stateParked {
			blocked++
		}
	}
	e.fail(KindOfDeadlock, nil, fmt.Sprintf("%d blocked for ever", blocked))
	if !e.tracing {
		return
	}
	e.failure.at = e.positions()
}

//go:norace
func (e *Exec) livelock() {
	e.fail(KindOfLivelock, nil, fmt.Sprintf("not over after %d steps", e.steps))
	if e.tracing {
		e.failure.at = e.positions()
	}
}

// positions says where each task is.
//
//go:norace
func (e *Exec) positions() string {
	var b strings.Builder
	for _, t := range e.procs[:e.nprocs] {
		if t.timer != nil || t.state == stateEnded {
			continue
		}
		fmt.Fprintf(&b, "\n    %s: %s at %s", t.label(), t.describe(), position(t.pcs[:t.npcs]))
		if t.nborn > 0 {
			fmt.Fprintf(&b, ", started at %s", position(t.born[:t.nborn]))
		}
	}
	return b.String()
}

//go:norace
func (t *Task) label() string {
	if t.name == "" {
		return fmt.Sprintf("%d", t.id)
	}
	return fmt.Sprintf("%d %s", t.id, t.name)
}

// describe says what the task's operation is, and on what.
//
//go:norace
func (t *Task) describe() string {
	s := t.kind.String()
	for i, u := range t.uses {
		if i == 0 {
			s += " "
		} else {
			s += ","
		}
		s += fmt.Sprintf("#%d", u.o.id)
	}
	return s
}

//go:norace
func (e *Exec) note(t *Task) {
	at := ""
	if t.timer == nil {
		at = position(t.pcs[:t.npcs])
	}
	e.notes = append(e.notes, note{t.label(), t.describe(), at})
}

//go:norace
func (e *Exec) noteChoice(i, n int) {
	e.notes = append(e.notes, note{op: fmt.Sprintf("choice %d of 0..%d", i, n-1)})
}

// Logf keeps a line for the report of a failing schedule.
//
//go:norace
func (t *Task) Logf(format string, args ...any) {
	if E.tracing && !E.killing {
		E.notes = append(E.notes, note{task: t.label(), op: "log: " + fmt.Sprintf(format, args...)})
	}
}

// report writes the steps of the execution that was just replayed.
func (e *Exec) report() string {
	wide, long := 0, 0
	for _, n := range e.notes {
		wide, long = max(wide, len(n.task)), max(long, len(n.op))
	}
	var b strings.Builder
	for i, n := range e.notes {
		if i > 0 {
			b.WriteByte('\n')
		}
		line := fmt.Sprintf("    %3d. %-*s  %-*s  %s", i+1, wide, n.task, min(long, 40), n.op, n.at)
		b.WriteString(strings.TrimRight(line, " "))
	}
	return b.String()
}

// Text is the message without positions.
func (f *Failure) Text() string { return f.text }
