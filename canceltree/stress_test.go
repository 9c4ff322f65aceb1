package canceltree_test

import (
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"example.com/interlock/canceltree"
)

// rounds returns how many rounds of a storm an ordinary run takes.
func rounds(n int) int {
	if testing.Short() {
		n /= 10
	}
	return n / stormPart
}

// TestStorm lets four goroutines at a tree of up to eight tokens. Winners check
// that everything that was below them has ended; whoever sees a token cancelled
// checks that the one above, from which the cause came, is seen cancelled, too;
// at the end every callback has run or was stopped.
func TestStorm(t *testing.T) {
	for round := range rounds(20000) {
		r := rand.New(rand.NewPCG(uint64(round), 7))
		s := newStorm(r)
		var wg sync.WaitGroup
		for range 4 {
			r := rand.New(rand.NewPCG(r.Uint64(), r.Uint64()))
			wg.Go(func() { s.run(t, r) })
		}
		wg.Wait()
		s.check(t, round)
		if t.Failed() {
			return
		}
	}
}

type storm struct {
	tokens []*canceltree.Token
	above  []int
	causes []error
	ran    []atomic.Int32
	stops  []atomic.Int32
	regs   []*canceltree.Registration
}

func newStorm(r *rand.Rand) *storm {
	n := 3 + r.IntN(6)
	s := &storm{ran: make([]atomic.Int32, n), stops: make([]atomic.Int32, n)}
	for i := range n {
		k, above := canceltree.New(), -1
		if i > 0 {
			above = r.IntN(i)
			k = s.tokens[above].Child()
		}
		if r.IntN(2) == 0 {
			k.Done()
		}
		s.tokens = append(s.tokens, k)
		s.above = append(s.above, above)
		s.causes = append(s.causes, errors.New("cause"))
		s.regs = append(s.regs, k.OnCancel(func(error) { s.ran[i].Add(1) }))
	}
	return s
}

// below reports whether i is j or was made below j.
func (s *storm) below(i, j int) bool {
	for ; i >= 0; i = s.above[i] {
		if i == j {
			return true
		}
	}
	return false
}

func (s *storm) run(t *testing.T, r *rand.Rand) {
	for range 4 {
		i := r.IntN(len(s.tokens))
		k := s.tokens[i]
		switch r.IntN(6) {
		case 0, 1:
			if k.Cancel(s.causes[i]) {
				for j, b := range s.tokens {
					if s.below(j, i) && b.Err() == nil {
						t.Errorf("token %d live after the Cancel of %d", j, i)
					}
				}
			} else if k.Err() == nil {
				t.Errorf("Cancel lost, but %d is live", i)
			}
		case 2:
			if i > 0 {
				k.Release()
			}
		case 3:
			if s.regs[i].Stop() {
				s.stops[i].Add(1)
			}
		case 4:
			if cause := k.Cause(); cause != nil && cause != canceltree.ErrReleased {
				for j := i; j >= 0; j = s.above[j] {
					if s.tokens[j].Err() == nil {
						t.Errorf("%d seen cancelled before %d above it", i, j)
					}
					if s.causes[j] == cause {
						break
					}
				}
			}
		case 5:
			panics(func() { k.Child() }) // released handles panic
		}
	}
}

func (s *storm) check(t *testing.T, round int) {
	for i, k := range s.tokens {
		if err := k.Check(); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
		ran, stopped := s.ran[i].Load(), s.stops[i].Load()
		cancelled := k.Err() != nil && k.Cause() != canceltree.ErrReleased
		if ran+stopped > 1 || cancelled && ran+stopped != 1 || !cancelled && ran != 0 {
			t.Errorf("round %d: callback of %d ran %d times, stopped %d times, cancelled %v", round, i, ran, stopped, cancelled)
		}
		if k.Err() != nil {
			select {
			case <-k.Done():
			default:
				t.Errorf("round %d: Done of %d open", round, i)
			}
		}
	}
	s.tokens[0].Cancel(nil)
	for i, k := range s.tokens {
		if k.Err() == nil {
			t.Errorf("round %d: token %d missed by the root", round, i)
		}
	}
}

// TestDoneAndErrAgree watches a token from both sides while it ends.
func TestDoneAndErrAgree(t *testing.T) {
	for round := range rounds(5000) {
		root := canceltree.New()
		k := root.Child()
		done := k.Done()
		c := k.Child()
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for {
					select {
					case <-done:
						if k.Err() == nil || k.Cause() == nil {
							t.Error("Done closed, Err nil")
						}
						return
					default:
					}
					if round%2 == 0 && c.Err() != nil && k.Err() == nil {
						t.Error("the child was seen cancelled first")
					}
					if k.Err() != nil {
						select {
						case <-done:
						default:
							t.Error("Err set, Done open")
						}
						return
					}
				}
			})
		}
		if round%2 == 0 {
			root.Cancel(nil)
		} else {
			c.Release()
			k.Release()
		}
		wg.Wait()
	}
}

// TestSiblingsComeAndGo has goroutines make and end children of one parent while
// it is cancelled, and of released nodes in between.
func TestSiblingsComeAndGo(t *testing.T) {
	for range rounds(500) {
		root := canceltree.New()
		mid := root.Child()
		var made sync.Map
		var wg sync.WaitGroup
		for g := range 4 {
			p := mid.Clone()
			wg.Go(func() {
				for i := range 30 {
					k := p.Child()
					made.Store(k, true)
					switch (i + g) % 4 {
					case 0:
						k.Release()
					case 1:
						k.Child().Done()
						k.Release()
					case 2:
						k.Cancel(errTest)
					case 3:
						stop := k.AfterFunc(func() {})
						stop()
					}
				}
				p.Release()
			})
		}
		wg.Go(func() { mid.Release() })
		wg.Go(func() {
			for range root.Tree() {
			}
			if !root.Cancel(nil) {
				t.Error("lost")
			}
		})
		wg.Wait()
		made.Range(func(k, _ any) bool {
			if k.(*canceltree.Token).Err() == nil {
				t.Error("a child outlived the root's Cancel")
			}
			return true
		})
		sound(t, root, mid)
	}
}
