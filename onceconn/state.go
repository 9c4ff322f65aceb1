package onceconn

import (
	"iter"
	"time"
)

// Phase is what a key is doing.
type Phase uint8

const (
	PhaseClosed     Phase = iota // no connection, and nothing happens
	PhaseLaunching               // a launch runs, or is queued by MaxLaunches
	PhaseCancelling              // a launch that nobody wanted runs still
	PhaseBackoff                 // it rests after a failure
	PhaseOpen                    // there is a connection
)

// String returns the phase's name in lower case.
func (p Phase) String() string {
	switch p {
	case PhaseClosed:
		return "closed"
	case PhaseLaunching:
		return "launching"
	case PhaseCancelling:
		return "cancelling"
	case PhaseBackoff:
		return "backoff"
	case PhaseOpen:
		return "open"
	}
	return "unknown"
}

// State is what [Map.All] tells of a key: a copy, true at the moment when it was
// made.
type State struct {
	Phase    Phase     // what the key is doing
	Attempts int       // launches since the last stable connection
	Waiters  int       // callers that wait for a launch, a Ping or the end of Backoff
	Leases   int       // of the open connection
	Opened   time.Time // when the open connection opened
	Err      error     // last failure since the last stable connection
	RetryAt  time.Time // in PhaseBackoff: its end; zero if only ResetBackoff ends it
}

// Stats counts what is in a [Map]: each key is counted at one moment, but not all
// at the same.
type Stats struct {
	Records    int // keys that the Map knows
	Open       int // of these, by phase
	Launching  int // a launch runs, or is queued by MaxLaunches
	Cancelling int // a launch that nobody wanted has not returned yet
	Backoff    int // they rest after a failure
	Retiring   int // connections that are closed when their last user goes
	Waiters    int // callers that wait
	Leases     int // leases held, of open and retiring connections
	Orphans    int // launches that outlived their context by Grace and have not returned
	Panics     int // panics in hooks, Close, Busy and watch's stop since New
}

// All returns every key that the Map knows with its state, in no order. Keys may
// come and go while the loop runs; the loop may use the Map.
func (m *Map[K, C]) All() iter.Seq2[K, State] {
	return func(yield func(K, State) bool) {
		for _, e := range m.table.values() {
			if s, ok := e.state(); ok && !yield(e.key, s) {
				return
			}
		}
	}
}

// Stats looks at every key.
func (m *Map[K, C]) Stats() Stats {
	n := Stats{Orphans: int(m.orphans.Load()), Panics: int(m.panics.Load())}
	for _, e := range m.table.values() {
		s, ok := e.state()
		if !ok {
			continue
		}
		n.Records++
		n.Waiters += s.Waiters
		n.Leases += s.Leases
		switch s.Phase {
		case PhaseOpen:
			n.Open++
		case PhaseLaunching:
			n.Launching++
		case PhaseCancelling:
			n.Cancelling++
		case PhaseBackoff:
			n.Backoff++
		}
	}
	for _, l := range m.retiring.list() {
		n.Retiring++
		n.Leases += l.leases()
	}
	return n
}

// state looks at the entry; false if it was forgotten.
func (e *Entry[K, C]) state() (State, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := State{Phase: e.phase, Attempts: e.attempts, Err: e.lastErr}
	if f := e.flight; f != nil {
		s.Waiters += f.waiters
	}
	if e.gate != nil {
		s.Waiters += e.gate.waiters
	}
	if e.phase == PhaseBackoff {
		s.RetryAt = e.failure.RetryAt
	}
	if l := e.open.Load(); l != nil {
		s.Opened, s.Leases = l.opened, l.leases()
		if l.probe != nil {
			s.Waiters += l.probe.waiters
		}
	}
	return s, !e.gone
}
