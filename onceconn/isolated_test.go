package onceconn_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/interlock/onceconn"
	"pgregory.net/rapid"
)

// tag is the plainest isolation: only equals share.
type tag string

func (t tag) Join(o tag) (tag, bool) { return t, t == o }

// circuit is a richer one: a client address and a token, each "" if it does not
// matter. What does not matter is narrowed to what does.
type circuit struct{ addr, token string }

func (a circuit) Join(b circuit) (circuit, bool) {
	addr, ok1 := narrow(a.addr, b.addr)
	token, ok2 := narrow(a.token, b.token)
	return circuit{addr, token}, ok1 && ok2
}

func narrow(a, b string) (string, bool) {
	switch {
	case a == "":
		return b, true
	case b == "" || a == b:
		return a, true
	}
	return "", false
}

type sealed = onceconn.Isolated[string, circuit, *fake]

func sget(t testing.TB, s *sealed, k string, iso circuit) *fake {
	t.Helper()
	c, err := s.Get(bg, k, iso)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestIsolated(t *testing.T) {
	h := new(host)
	s := onceconn.NewIsolated[string, circuit](h.launch, nil)
	open := sget(t, s, "k", circuit{})
	if sget(t, s, "k", circuit{addr: "a"}) != open {
		t.Error("compatible users share")
	}
	if sget(t, s, "k", circuit{addr: "b"}) == open {
		t.Error("the record was narrowed to a, b must not share it")
	}
	if sget(t, s, "other", circuit{addr: "a"}) == open {
		t.Error("other key, other connection")
	}
	b := sget(t, s, "k", circuit{addr: "b"})
	if sget(t, s, "k", circuit{addr: "b", token: "t"}) != b || sget(t, s, "k", circuit{addr: "b", token: "u"}) == b {
		t.Error("narrowed by one, closed to the other")
	}
	// Best fit: the equal record, although the first would do.
	exact := sget(t, s, "k", circuit{addr: "b", token: "u"})
	if sget(t, s, "k", circuit{addr: "b", token: "u"}) != exact {
		t.Error("a user's record is the equal one")
	}
	l, err := s.Acquire(bg, "k", circuit{addr: "a"})
	if err != nil || l.Conn() != open {
		t.Error(err)
	}
	if s.Evict("k", &fake{}, nil) || !s.Evict("k", exact, nil) || s.Evict("nowhere", exact, nil) {
		t.Error("Evict goes by identity, over all records")
	}
	l.Release()
	if n := s.Stats(); n.Open != 3 || n.Records != 4 {
		t.Errorf("stats %+v", n)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Get(bg, "k", circuit{}); err != onceconn.ErrClosed {
		t.Error(err)
	}
	if _, err := s.Get(bg, "new", circuit{}); err != onceconn.ErrClosed {
		t.Error(err)
	}
	if _, err := s.Acquire(bg, "k", circuit{}); err != onceconn.ErrClosed {
		t.Error(err)
	}
	h.settled(t)
}

// A record that need not be narrowed is preferred to one that must be.
func TestIsolatedPrefersNotToNarrow(t *testing.T) {
	h := new(host)
	s := onceconn.NewIsolated[string, circuit](h.launch, nil)
	defer s.Close()
	a := sget(t, s, "k", circuit{addr: "a", token: "t"})
	if b := sget(t, s, "k", circuit{addr: "b"}); b == a {
		t.Fatal("shared")
	} else if c := sget(t, s, "k", circuit{addr: "c"}); c == a || c == b {
		t.Fatal("shared")
	} else if sget(t, s, "k", circuit{token: "t"}) != a {
		t.Error("b or c was narrowed for what a could serve")
	}
	sget(t, s, "k", circuit{addr: "d", token: "t"})
	if sget(t, s, "k", circuit{token: "t"}) != a {
		t.Error("of two that need not be narrowed the first is taken")
	}
	first := sget(t, s, "two", circuit{addr: "a"})
	sget(t, s, "two", circuit{addr: "b"})
	if sget(t, s, "two", circuit{token: "u"}) != first {
		t.Error("of two that must be narrowed the first is taken")
	}
}

func TestIsolatedShowsTheKey(t *testing.T) {
	var keys []any
	o := &fopts{Hooks: onceconn.Hooks{LaunchStart: func(k any, _ int) { keys = append(keys, k) }}}
	var learnt []int
	s := onceconn.NewIsolated[string, tag](onceconn.WithData(func(_ context.Context, a *ftry, n *int) (*fake, error) {
		*n++
		learnt = append(learnt, *n)
		if a.Key != "k" || a.Waiters() != 1 {
			t.Errorf("attempt %+v", a)
		}
		return nil, errRefused
	}), o)
	defer s.Close()
	_, err := s.Get(bg, "k", "x")
	if e := asError(t, err); e.Key != "k" || e.Err != errRefused {
		t.Errorf("%+v", e)
	}
	_, err = s.Get(bg, "k", "y") // learns for itself
	expectIs(t, err, errRefused)
	if !slices.Equal(keys, []any{"k", "k"}) || !slices.Equal(learnt, []int{1, 1}) {
		t.Errorf("keys %v, data %v", keys, learnt)
	}
	ctx, cancel := context.WithCancel(bg)
	cancel()
	if _, err := s.Acquire(ctx, "k", "z"); err != context.Canceled {
		t.Error(err)
	}
}

func TestIsolatedForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := new(host)
		s := onceconn.NewIsolated[string, circuit](h.launch, &fopts{IdleTimeout: time.Minute})
		for range 3 {
			for _, a := range []string{"a", "b", "c"} {
				sget(t, s, "k", circuit{addr: a})
			}
			time.Sleep(time.Hour)
			if n := s.Stats().Records; n != 0 {
				t.Errorf("%d records", n)
			}
			open := sget(t, s, "k", circuit{}) // nothing narrows it any more
			if sget(t, s, "k", circuit{addr: "d"}) != open {
				t.Error("a forgotten record narrows")
			}
			time.Sleep(time.Hour)
		}
		if err := s.Drain(bg); err != nil {
			t.Error(err)
		}
		h.settled(t)
	})
}

// A Join that panics does so in its caller and leaves nothing locked.
type explosive int

func (e explosive) Join(o explosive) (explosive, bool) {
	if e != o {
		panic("join")
	}
	return e, true
}

func TestIsolatedJoinPanics(t *testing.T) {
	s := onceconn.NewIsolated[string, explosive](new(host).launch, nil)
	defer s.Close()
	s.Get(bg, "k", 1)
	func() {
		defer func() {
			if v, _ := recover().(string); v != "join" {
				t.Errorf("panic %v", v)
			}
		}()
		s.Get(bg, "k", 2)
	}()
	if _, err := s.Get(bg, "k", 1); err != nil {
		t.Error(err)
	}
	s.Close()
	if _, err := s.Get(bg, "k", 2); err != onceconn.ErrClosed { // makes no record, so nothing is joined
		t.Error(err)
	}
}

// Many users at once: nobody shares a connection with somebody incompatible.
func TestIsolatedNeverMixes(t *testing.T) {
	h := new(host)
	s := onceconn.NewIsolated[string, circuit](h.launch, nil)
	var mu sync.Mutex
	users := map[*fake]map[circuit]bool{}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 200 {
				iso := circuit{addr: strings.Repeat("x", (i+n)%4), token: strings.Repeat("y", (i*n)%3)}
				c := sget(t, s, "k", iso)
				mu.Lock()
				if users[c] == nil {
					users[c] = map[circuit]bool{}
				}
				users[c][iso] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for c, isos := range users {
		var all circuit
		for iso := range isos {
			var ok bool
			if all, ok = all.Join(iso); !ok {
				t.Errorf("connection %d was shared by %v", c.id, isos)
				break
			}
		}
	}
	if n := len(users); n > 12 {
		t.Errorf("%d connections for 12 isolations", n)
	}
	s.Close()
	h.settled(t)
}

// The laws that Joiner asks for hold for the types above: also a recipe for
// testing one's own.
func TestJoinerLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gen := rapid.Custom(func(t *rapid.T) circuit {
			part := rapid.SampledFrom([]string{"", "1", "2"})
			return circuit{part.Draw(t, "addr"), part.Draw(t, "token")}
		})
		a, b := gen.Draw(t, "a"), gen.Draw(t, "b")
		if j, ok := a.Join(a); !ok || j != a {
			t.Fatal("not reflexive")
		}
		ab, ok1 := a.Join(b)
		ba, ok2 := b.Join(a)
		if ok1 != ok2 || ok1 && ab != ba {
			t.Fatal("not commutative")
		}
		if again, ok := ab.Join(b); ok1 && (!ok || again != ab) {
			t.Fatal("not idempotent")
		}
	})
}
