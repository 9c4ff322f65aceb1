package waitmap_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"example.com/interlock/waitmap"
	"pgregory.net/rapid"
)

// An operation of a random program on one key: what it did, what it returned, and
// when it was called and returned by a common clock.
type operation struct {
	kind       byte // r Reserve, w Wake, p Post, c Cancel, t Result, x Close
	task       int
	value      uint64 // w, p
	ok         bool   // r: accepted; c, t: got
	got        uint64 // c, t
	outcome    waitmap.Outcome
	call, done int64
}

func (o operation) String() string {
	return fmt.Sprintf("%d:%c(%d)=%v,%d,%v [%d,%d]", o.task, o.kind, o.value, o.ok, o.got, o.outcome, o.call, o.done)
}

const linTasks = 3

// keyState is the specification: one key and the last ticket of each task.
type keyState struct {
	waiting int // the task that waits, +1; 0: none
	mail    uint64
	closed  bool
	value   [linTasks]uint64 // came and was not taken
}

// apply says whether o may happen now with the result it had.
func (s *keyState) apply(o *operation) bool {
	switch o.kind {
	case 'r':
		ok := !s.closed && s.waiting == 0
		if ok {
			if s.value[o.task] = s.mail; s.mail == 0 {
				s.waiting = o.task + 1
			}
			s.mail = 0
		}
		return o.ok == ok
	case 'w', 'p':
		want := waitmap.NoMatch
		switch {
		case s.closed:
			want = waitmap.Closed
		case s.waiting != 0:
			s.value[s.waiting-1] = o.value
			s.waiting = 0
			want = waitmap.Woke
		case o.kind == 'p' && s.mail != 0:
			want = waitmap.Full
		case o.kind == 'p':
			s.mail = o.value
			want = waitmap.Stored
		}
		return o.outcome == want
	case 'c', 't':
		if o.kind == 'c' && s.waiting == o.task+1 {
			s.waiting = 0
		}
		v := s.value[o.task]
		s.value[o.task] = 0
		return o.ok == (v != 0) && o.got == v
	case 'x':
		s.closed = true
		s.waiting = 0
		return true
	}
	panic(o.kind)
}

// linearizable looks for an order of the history that the specification allows
// and that keeps to the clock (Wing and Gong, 1993).
func linearizable(history []operation) bool {
	type node struct {
		left  uint32
		state keyState
	}
	seen := map[node]bool{}
	var search func(node) bool
	search = func(n node) bool {
		if n.left == 0 {
			return true
		}
		if seen[n] {
			return false
		}
		seen[n] = true
		first := int64(1) << 62 // nothing may go before what returned by then
		for i := range history {
			if n.left&(1<<i) != 0 {
				first = min(first, history[i].done)
			}
		}
		for i := range history {
			if n.left&(1<<i) == 0 || history[i].call > first {
				continue
			}
			next := node{n.left &^ (1 << i), n.state}
			if next.state.apply(&history[i]) && search(next) {
				return true
			}
		}
		return false
	}
	return search(node{left: 1<<len(history) - 1})
}

// execute runs a program, one string of kinds for each task, and records what
// happened.
func execute(program []string) (history []operation) {
	m := waitmap.New[int, uint64](&waitmap.Options{Shards: 1, Mailbox: 1})
	var clock atomic.Int64
	var start, wg sync.WaitGroup
	records := make([][]operation, len(program))
	start.Add(1)
	for task, kinds := range program {
		wg.Go(func() {
			var tk iticket
			start.Wait()
			for i, kind := range []byte(kinds) {
				o := operation{kind: kind, task: task, value: uint64(100*task + i + 1)}
				o.call = clock.Add(1)
				switch kind {
				case 'r':
					if next, err := m.Reserve(1); err == nil {
						tk, o.ok = next, true
					}
				case 'w':
					o.outcome = m.Wake(1, o.value)
				case 'p':
					o.outcome = m.Post(1, o.value)
				case 'c':
					o.got, o.ok = tk.Cancel()
				case 't':
					var err error
					if o.got, err, o.ok = tk.Result(); err != nil {
						o.ok = false
					}
				case 'x':
					m.Close()
				}
				o.done = clock.Add(1)
				records[task] = append(records[task], o)
			}
		})
	}
	start.Done()
	wg.Wait()
	for _, r := range records {
		history = append(history, r...)
	}
	return history
}

// TestLinearizable runs random programs of three tasks on one key, as goroutines,
// and demands that each operation took effect at one moment between its call and
// its return.
func TestLinearizable(t *testing.T) {
	// A task takes what it reserved before it reserves again, so that one value
	// for each task is enough in the model.
	piece := rapid.SampledFrom([]string{"rc", "rtc", "w", "p", "ww", "rwc", "wrc", "pc", "rpc"})
	rapid.Check(t, func(t *rapid.T) {
		program := make([]string, linTasks)
		for i := range program {
			program[i] = strings.Join(rapid.SliceOfN(piece, 1, 2).Draw(t, "task"), "")
		}
		if rapid.IntRange(0, 3).Draw(t, "close") == 0 {
			program[0] += "x"
		}
		for range 20 {
			if history := execute(program); !linearizable(history) {
				t.Fatalf("no order explains %v", history)
			}
		}
	})
}

// TestLinearizableCanFail: the search refuses histories that no order explains.
func TestLinearizableCanFail(t *testing.T) {
	woken := operation{kind: 'w', task: 1, value: 7, outcome: waitmap.Woke, call: 3, done: 4}
	reserved := operation{kind: 'r', ok: true, call: 1, done: 2}
	for what, bad := range map[string][]operation{
		"a lost value":              {reserved, woken, {kind: 'c', call: 5, done: 6}},
		"a value from nowhere":      {reserved, {kind: 'c', ok: true, got: 7, call: 3, done: 4}},
		"woken before the wait":     {woken, {kind: 'r', ok: true, call: 5, done: 6}},
		"a waiter that was missed":  {reserved, {kind: 'w', task: 1, value: 7, outcome: waitmap.NoMatch, call: 3, done: 4}},
		"a second waiter":           {reserved, {kind: 'r', task: 1, ok: true, call: 3, done: 4}},
		"open again after a close":  {{kind: 'x', call: 1, done: 2}, {kind: 'r', ok: true, call: 3, done: 4}},
		"a value delivered and not": {reserved, woken, {kind: 'c', ok: true, got: 8, call: 5, done: 6}},
	} {
		if linearizable(bad) {
			t.Errorf("%s is accepted", what)
		}
	}
	if !linearizable([]operation{reserved, woken, {kind: 'c', ok: true, got: 7, call: 5, done: 6}}) {
		t.Error("an honest history is refused")
	}
}
