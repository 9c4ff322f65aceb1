package lin_test

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"example.com/interlock/tools/sched"
	"example.com/interlock/tools/sched/atomic"
	"example.com/interlock/tools/sched/lin"
	model "example.com/interlock/tools/sched/sync"
)

// A req is an operation on a register: a write, or a read.
type req struct {
	write bool
	v     int
}

var register = lin.Model[int, req, int]{Step: lin.Det(func(s int, in req) (int, int) {
	if in.write {
		return in.v, 0
	}
	return s, s
})}

// TestCheck: hand-made histories. Each string gives calls and returns by the
// names of the operations: w1 writes 1, r1 reads 1.
func TestCheck(t *testing.T) {
	for _, c := range []struct {
		events string
		want   bool
	}{
		{"", true},
		{"(w1 )w1 (r1 )r1", true},
		{"(w1 )w1 (r0 )r0", false}, // a stale read
		{"(w1 (r0 )r0 )w1", true},
		{"(w1 (r1 )r1 )w1", true},
		{"(w1 (r1 )r1 (r0 )r0 )w1", false}, // new, then old
		{"(w1 (w2 )w2 )w1 (r1 )r1", true},
		{"(w1 (w2 )w2 )w1 (r2 )r2", true},
		{"(w1 )w1 (w2 )w2 (r1 )r1", false},
		{"(w1 (r1 )r1", true}, // a pending write may have happened
		{"(w1 (r0 )r0", true}, // or not
		{"(r7 )r7", false},
		{"(w1 )w1 (r0", true}, // a pending read says nothing
	} {
		var h lin.History[req, int]
		ids := make(map[string]lin.ID)
		for _, e := range strings.Fields(c.events) {
			name := e[1:]
			in := req{write: name[0] == 'w', v: int(name[1] - '0')}
			switch e[0] {
			case '(':
				ids[name] = h.Call(in)
			case ')':
				out := in.v
				if in.write {
					out = 0
				}
				h.Return(ids[name], out)
			}
		}
		err := register.Check(&h)
		if (err == nil) != c.want || err != nil && !errors.Is(err, lin.ErrNotLinearizable) {
			t.Errorf("%q: %v", c.events, err)
		}
	}
}

// TestNonDeterministicModel: an operation that has several outcomes, or none.
func TestNonDeterministicModel(t *testing.T) {
	bag := lin.Model[[3]bool, int, int]{ // -1 takes any of 0..2 that is there
		Step: func(s [3]bool, in int) iter.Seq2[[3]bool, int] {
			return func(yield func([3]bool, int) bool) {
				if in >= 0 {
					s[in] = true
					yield(s, 0)
					return
				}
				for i := range s {
					if next := s; s[i] {
						next[i] = false
						if !yield(next, i) {
							return
						}
					}
				}
			}
		},
	}
	var h lin.History[int, int]
	h.Do(0, func() int { return 0 })
	h.Do(2, func() int { return 0 })
	h.Do(-1, func() int { return 2 })
	if err := bag.Check(&h); err != nil {
		t.Error(err)
	}
	h.Do(-1, func() int { return 2 })
	if err := bag.Check(&h); err == nil || !strings.Contains(err.Error(), "[7, 8] -1: 2") {
		t.Errorf("taken twice: %v", err)
	}
	var long lin.History[int, int]
	for range 65 {
		long.Call(0)
	}
	if err := bag.Check(&long); err == nil || errors.Is(err, lin.ErrNotLinearizable) {
		t.Errorf("65 operations: %v", err)
	}
}

// TestGoroutines: a history may be recorded outside an exploration.
func TestGoroutines(t *testing.T) {
	var h lin.History[req, int]
	var mu sync.Mutex
	var wg sync.WaitGroup
	v := 0
	for i := range 20 {
		wg.Go(func() {
			h.Do(req{i%2 == 0, i}, func() int {
				mu.Lock()
				defer mu.Unlock()
				if i%2 == 0 {
					v = i
					return 0
				}
				return v
			})
		})
	}
	wg.Wait()
	if err := register.Check(&h); err != nil {
		t.Error(err)
	}
}

// A cell is a register; a torn one forgets to write at once.
type cell struct {
	mu   model.Mutex
	a, b atomic.Int32
	torn bool
}

func (c *cell) do(in req) int {
	switch {
	case c.torn && in.write: // readers look at b, then at a
		c.a.Store(int32(in.v))
		c.b.Store(int32(in.v))
		return 0
	case c.torn:
		if v := c.b.Load(); v != 0 {
			return int(v)
		}
		return int(c.a.Load())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if in.write {
		c.a.Store(int32(in.v))
		return 0
	}
	return int(c.a.Load())
}

// run explores a program of a few tasks on a cell.
func run(prog [][]req, torn bool) sched.Result {
	return sched.Run(nil, func(s *sched.S) {
		c := &cell{torn: torn}
		var h lin.History[req, int]
		for i, ops := range prog {
			s.Go(fmt.Sprint("client", i), func() {
				for _, in := range ops {
					h.Do(in, func() int { return c.do(in) })
				}
			})
		}
		s.Join()
		if err := register.Check(&h); err != nil {
			s.Fatalf("%v", err)
		}
	})
}

func drawProgram(t *rapid.T) [][]req {
	op := rapid.Custom(func(t *rapid.T) req {
		if rapid.Bool().Draw(t, "write") {
			return req{true, rapid.IntRange(1, 3).Draw(t, "v")}
		}
		return req{}
	})
	return rapid.SliceOfN(rapid.SliceOfN(op, 0, 2), 0, 3).Draw(t, "program")
}

// TestLinearizable: random programs on the sound cell, every order of each.
func TestLinearizable(t *testing.T) {
	programs, schedules := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		r := run(drawProgram(t), false)
		if r.Failure != nil || !r.Complete {
			t.Fatalf("%v: %v", r, r.Failure)
		}
		programs++
		schedules += r.Schedules
	})
	t.Logf("%d programs, %d schedules", programs, schedules)
}

// TestShrinks: a failing program can be shrunk, since what a program comes to
// depends on it alone. The torn cell needs two writers and two reads of one
// client.
func TestShrinks(t *testing.T) {
	bad := [][]req{{{true, 1}, {true, 2}}, {{}, {}}, {{true, 3}}}
	if r := run(bad, true); r.Failure == nil || !strings.Contains(r.Failure.Message, "not linearizable") {
		t.Fatalf("the torn cell passes: %v", r)
	}
	// What rapid does when it shrinks: drop what is not needed.
	for again := true; again; {
		again = false
		for i := range bad {
			for j := range bad[i] {
				small := make([][]req, len(bad))
				for k := range bad {
					small[k] = append(small[k], bad[k]...)
				}
				small[i] = append(small[i][:j:j], small[i][j+1:]...)
				if run(small, true).Failure != nil {
					bad, again = small, true
					break
				}
			}
			if again {
				break
			}
		}
	}
	n := 0
	for _, ops := range bad {
		n += len(ops)
	}
	if n > 4 {
		t.Errorf("%d operations are left of the failing program: %v", n, bad)
	}
	t.Logf("the smallest failing program: %v\n%v", bad, run(bad, true).Failure)
}

func Example() {
	counter := lin.Model[int, string, int]{Step: lin.Det(func(n int, op string) (int, int) { return n + 1, n + 1 })}
	r := sched.Run(nil, func(s *sched.S) {
		var n atomic.Int32
		var h lin.History[string, int]
		for range 2 {
			s.Go("adder", func() {
				h.Do("add", func() int { // not atomic
					v := n.Load() + 1
					n.Store(v)
					return int(v)
				})
			})
		}
		s.Join()
		if err := counter.Check(&h); err != nil {
			s.Fatalf("%v", err)
		}
	})
	fmt.Println(strings.Split(r.Failure.Message, " (")[0])
	// Output:
	// lin: not linearizable:
	// [1, 4] add: 1
	// [2, 3] add: 1
}
