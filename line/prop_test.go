package line_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"example.com/interlock/line"
	"pgregory.net/rapid"
)

// model is a line as the documentation has it, for callers that never park.
type model struct {
	epoch    line.Epoch
	holder   int // 0 = free; holds are numbered from 1
	holds    int
	verdicts map[line.Epoch]error // by the epoch that the hold ended
}

// holdOf is what the model knows of a Busy Pass.
type busyPass struct {
	pass  line.Pass
	epoch line.Epoch
	hold  int
}

func (m *model) enter(since line.Epoch) (line.Outcome, error) {
	switch {
	case m.holder != 0:
		return line.Busy, nil
	case m.epoch > since:
		return line.Stale, m.verdicts[m.epoch-1]
	}
	m.holds++
	m.holder = m.holds
	return line.Acquired, nil
}

func (m *model) end(err error) {
	m.verdicts[m.epoch] = err
	m.epoch++
	m.holder = 0
}

// next is what a Busy Pass has become. Its verdict is remembered until one
// hold more has ended.
func (m *model) next(b busyPass) (line.Outcome, error) {
	switch {
	case m.holder == b.hold:
		return line.Busy, nil
	case m.epoch > b.epoch+2:
		return line.Stale, m.verdicts[m.epoch-1]
	case m.epoch > b.epoch:
		return line.Stale, m.verdicts[b.epoch]
	}
	return m.enter(b.epoch)
}

func TestLineFollowsTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := new(line.Line)
		m := &model{verdicts: make(map[line.Epoch]error)}
		var token line.Token
		var spent []line.Token
		var busy []busyPass

		// settle holds a Pass against what the model says and remembers it.
		settle := func(p line.Pass, want line.Outcome, verdict error) {
			if p.Outcome() != want || p.Err() != verdict {
				t.Fatalf("%v, %v; want %v, %v", p.Outcome(), p.Err(), want, verdict)
			}
			switch want {
			case line.Acquired:
				token, _ = p.Token()
			case line.Busy:
				busy = append(busy, busyPass{p, m.epoch, m.holder})
			}
		}
		end := func(f func(line.Token)) {
			if m.holder == 0 {
				t.Skip("free")
			}
			f(token)
			spent = append(spent, token)
		}
		t.Repeat(map[string]func(*rapid.T){
			"Enter": func(t *rapid.T) {
				since := line.Epoch(rapid.Uint64Range(0, uint64(m.epoch)+1).Draw(t, "since"))
				want, verdict := m.enter(since)
				settle(l.Enter(since), want, verdict)
			},
			"TryAcquire": func(t *rapid.T) {
				want, verdict := m.enter(m.epoch)
				settle(l.TryAcquire(), want, verdict)
			},
			"Release": func(t *rapid.T) { end(func(tok line.Token) { m.end(nil); tok.Release() }) },
			"Fail": func(t *rapid.T) {
				end(func(tok line.Token) {
					err := fmt.Errorf("verdict of epoch %d", m.epoch)
					m.end(err)
					tok.Fail(err)
				})
			},
			"Yield": func(t *rapid.T) { end(func(tok line.Token) { m.holder = 0; tok.Yield() }) },
			"Next": func(t *rapid.T) {
				if len(busy) == 0 {
					t.Skip("no Pass")
				}
				b := rapid.SampledFrom(busy).Draw(t, "pass")
				want, verdict := m.next(b)
				settle(b.pass.Next(), want, verdict)
			},
			"Done": func(t *rapid.T) {
				if len(busy) == 0 {
					t.Skip("no Pass")
				}
				b := rapid.SampledFrom(busy).Draw(t, "pass")
				if got, want := closed(b.pass.Done()), m.holder != b.hold; got != want {
					t.Fatalf("Done is closed: %v, want %v", got, want)
				}
			},
			"end a spent token": func(t *rapid.T) {
				if len(spent) == 0 {
					t.Skip("none")
				}
				tok := rapid.SampledFrom(spent).Draw(t, "token")
				if tok.Valid() {
					t.Fatal("a spent token is valid")
				}
				defer func() {
					if recover() == nil {
						t.Fatal("a spent token was ended again")
					}
				}()
				rapid.SampledFrom([]func(line.Token){
					line.Token.Release, line.Token.Yield, func(tok line.Token) { tok.Fail(errNo) },
				}).Draw(t, "verb")(tok)
			},
			"": func(t *rapid.T) {
				if l.Epoch() != m.epoch || l.Busy() != (m.holder != 0) {
					t.Fatalf("epoch %d, busy %v; want %d, %v", l.Epoch(), l.Busy(), m.epoch, m.holder != 0)
				}
				if m.holder != 0 && !token.Valid() {
					t.Fatal("the holder's token is not valid")
				}
			},
		})
	})
}

func TestCellFollowsTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := line.NewCell(0)
		value, epoch := 0, line.Epoch(0)
		verdicts := map[line.Epoch]error{}
		t.Repeat(map[string]func(*rapid.T){
			"Renew": func(t *rapid.T) {
				since := line.Epoch(rapid.Uint64Range(0, uint64(epoch)).Draw(t, "since"))
				var fail error
				if rapid.Bool().Draw(t, "fails") {
					fail = errors.New("no")
				}
				called := false
				v, e, err := c.Renew(context.Background(), since, func(_ context.Context, old int) (int, error) {
					called = true
					if old != value {
						t.Fatalf("old value %d, want %d", old, value)
					}
					return old + 1, fail
				})
				if called != (since == epoch) {
					t.Fatalf("called %v with since %d at epoch %d", called, since, epoch)
				}
				if called {
					if fail == nil {
						value++
					}
					verdicts[epoch] = fail
					epoch++
				}
				if v != value || e != epoch || err != verdicts[epoch-1] {
					t.Fatalf("%d, %d, %v; want %d, %d, %v", v, e, err, value, epoch, verdicts[epoch-1])
				}
			},
			"": func(t *rapid.T) {
				if v, e := c.Load(); v != value || e != epoch {
					t.Fatalf("%d, %d; want %d, %d", v, e, value, epoch)
				}
			},
		})
	})
}

// A Group may answer Stale too often, but never Acquired for a key that was
// repaired since, and its epochs never fall, however many keys come and go.
func TestGroupFollowsItsPromise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var g line.Group[int]
		held := map[int]line.Token{}
		seen := map[int]line.Epoch{}  // the highest epoch seen of a key
		clean := map[int]line.Epoch{} // what was noted of a key after its last repair, at least
		key := rapid.IntRange(0, 300)
		see := func(k int, e line.Epoch) {
			if e < seen[k] {
				t.Fatalf("the epoch of key %d fell from %d to %d", k, seen[k], e)
			}
			seen[k] = e
		}
		end := func(k int) {
			held[k].Release()
			delete(held, k)
			clean[k] = g.Epoch(k)
			see(k, clean[k])
		}
		t.Repeat(map[string]func(*rapid.T){
			"Enter": func(t *rapid.T) {
				k := key.Draw(t, "key")
				since := line.Epoch(rapid.Uint64Range(0, uint64(seen[k])).Draw(t, "since"))
				p := g.Enter(k, since)
				switch _, busy := held[k]; {
				case busy && p.Outcome() != line.Busy, !busy && p.Outcome() == line.Busy:
					t.Fatalf("held %v and %v", busy, p.Outcome())
				case p.Outcome() == line.Acquired && since < clean[k]:
					t.Fatalf("Acquired for epoch %d of a key repaired before %d", since, clean[k])
				}
				if tok, ok := p.Token(); ok {
					held[k] = tok
				}
				see(k, p.Epoch())
			},
			"end": func(t *rapid.T) {
				for k := range held {
					end(k)
					return
				}
				t.Skip("none")
			},
			"burst": func(t *rapid.T) {
				first := key.Draw(t, "first")
				for k := first; k < first+140; k++ {
					if tok, ok := g.TryAcquire(k).Token(); ok {
						held[k] = tok
						end(k)
					}
				}
			},
			"": func(t *rapid.T) {
				if g.Len() != len(held) {
					t.Fatalf("Len %d, want %d", g.Len(), len(held))
				}
			},
		})
	})
}
