package waitmap_test

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"example.com/interlock/waitmap"
	"pgregory.net/rapid"
)

// model is the specification of a Map, one goroutine at a time. Every value is
// a unique token, and at the end each is accounted for.
type model struct {
	waits   map[int]*fate  // key -> who waits for it
	mail    map[int]uint64 // what Post stored
	bound   int
	closed  error
	token   uint64
	sent    int // tokens that Wake, Post or WakeAll took: Woke or Stored
	arrived int // tokens that came out again
}

// fate is one registration.
type fate struct {
	key      int
	deadline time.Time // zero: none
	callback bool
	called   int // what the callback saw
	gotV     uint64
	gotErr   error
	waiter   *iwaiter

	// How it ended; spent says that the result was taken, too.
	ended, spent bool
	v            uint64
	err          error
}

func (f *fate) end(v uint64, err error) { f.ended, f.v, f.err = true, v, err }

// machine drives a Map and the model side by side.
type machine struct {
	t       *rapid.T
	m       *waitmap.Map[int, uint64]
	model   model
	tickets []iticket
	fates   []*fate // of tickets, same index
	waiters []*iwaiter
}

const keys = 6

func key(t *rapid.T) int { return rapid.IntRange(0, keys-1).Draw(t, "key") }

// register is what all ways to wait have in common: the outcome and the fate.
func (c *machine) register(f *fate, do func() (iticket, error)) {
	k := f.key
	var want error
	v, stored := c.model.mail[k]
	switch {
	case c.model.closed != nil:
		want = c.model.closed
	case c.model.waits[k] != nil:
		want = waitmap.ErrDuplicate
	case stored:
		delete(c.model.mail, k)
		f.end(v, nil)
	default:
		c.model.waits[k] = f
	}
	tk, err := do()
	if err != want {
		c.t.Fatalf("key %d: error %v, want %v", k, err, want)
	}
	if err != nil {
		if tk != (iticket{}) {
			c.t.Fatalf("a ticket with error %v", err)
		}
		return
	}
	c.tickets = append(c.tickets, tk)
	c.fates = append(c.fates, f)
	if f.callback && f.ended {
		c.called(f)
	}
}

// called checks a callback's fate after something ended it.
func (c *machine) called(f *fate) {
	if f.called != 1 || f.gotV != f.v || f.gotErr != f.err {
		c.t.Fatalf("callback of key %d ran %d times and got %d, %v; want %d, %v", f.key, f.called, f.gotV, f.gotErr, f.v, f.err)
	}
	c.take(f)
}

func (c *machine) take(f *fate) {
	f.spent = true
	if f.err == nil {
		c.model.arrived++
	}
}

func (c *machine) reserve(t *rapid.T) {
	f := &fate{key: key(t)}
	c.register(f, func() (iticket, error) { return c.m.Reserve(f.key) })
}

func (c *machine) reserveIn(t *rapid.T) {
	w := rapid.SampledFrom(c.waiters).Draw(t, "waiter")
	for _, f := range c.fates {
		if f.waiter == w && !f.spent {
			if f.ended && f.err != nil {
				f.spent = true // may be reused, and then the error is gone
				continue
			}
			if panicOf(func() { c.m.ReserveIn(w, 100) }) == nil {
				t.Fatal("ReserveIn with a Waiter in use did not panic")
			}
			return
		}
	}
	f := &fate{key: key(t), waiter: w}
	c.register(f, func() (iticket, error) { return c.m.ReserveIn(w, f.key) })
}

func (c *machine) reserveUntil(t *rapid.T) {
	d := time.Duration(rapid.Int64Range(1, int64(300*time.Millisecond)).Draw(t, "deadline"))
	f := &fate{key: key(t), deadline: time.Now().Add(d)}
	c.register(f, func() (iticket, error) { return c.m.ReserveUntil(f.key, f.deadline) })
}

func (c *machine) notify(t *rapid.T) {
	f := &fate{key: key(t), callback: true}
	c.register(f, func() (iticket, error) {
		return c.m.Notify(f.key, func(v uint64, err error) {
			f.called++
			f.gotV, f.gotErr = v, err
		})
	})
}

// wake updates the model for a wake of key and returns the outcome.
func (c *machine) wake(k int, v uint64, err error) (f *fate, o waitmap.Outcome) {
	f = c.model.waits[k]
	switch {
	case c.model.closed != nil:
		return nil, waitmap.Closed
	case f == nil:
		return nil, waitmap.NoMatch
	}
	delete(c.model.waits, k)
	f.end(v, err)
	if err == nil {
		c.model.sent++
	}
	return f, waitmap.Woke
}

func (c *machine) check(what string, got, want waitmap.Outcome, f *fate) {
	if got != want {
		c.t.Fatalf("%s: %v, want %v", what, got, want)
	}
	if f != nil && f.callback {
		c.called(f)
	}
}

func (c *machine) next() uint64 {
	c.model.token++
	return c.model.token
}

func (c *machine) wakeOne(t *rapid.T) {
	k, v := key(t), c.next()
	f, o := c.wake(k, v, nil)
	c.check("Wake", c.m.Wake(k, v), o, f)
}

func (c *machine) fail(t *rapid.T) {
	k := key(t)
	f, o := c.wake(k, 0, errTest)
	c.check("Fail", c.m.Fail(k, errTest), o, f)
}

func (c *machine) post(t *rapid.T) {
	k, v := key(t), c.next()
	f, o := c.wake(k, v, nil)
	if o == waitmap.NoMatch && c.model.bound > 0 {
		_, there := c.model.mail[k]
		o = waitmap.Full
		if !there && len(c.model.mail) < c.model.bound {
			c.model.mail[k] = v
			c.model.sent++
			o = waitmap.Stored
		}
	}
	c.check("Post", c.m.Post(k, v), o, f)
}

func (c *machine) wakeAll(t *rapid.T) {
	ks := rapid.SliceOfN(rapid.IntRange(0, keys-1), 0, 8).Draw(t, "keys")
	vs := make([]uint64, len(ks))
	var woken []*fate
	type miss struct {
		k int
		v uint64
		o waitmap.Outcome
	}
	var missed, got []miss
	for i, k := range ks {
		vs[i] = c.next()
		if f, o := c.wake(k, vs[i], nil); o == waitmap.Woke {
			woken = append(woken, f)
		} else {
			missed = append(missed, miss{k, vs[i], o})
		}
	}
	n := c.m.WakeAll(func(yield func(int, uint64) bool) {
		for i, k := range ks {
			if !yield(k, vs[i]) {
				return
			}
		}
	}, func(k int, v uint64, o waitmap.Outcome) { got = append(got, miss{k, v, o}) })
	if n != len(woken) || !slices.Equal(got, missed) {
		t.Fatalf("WakeAll = %d, missed %v; want %d, %v", n, got, len(woken), missed)
	}
	for _, f := range woken {
		if f.callback {
			c.called(f)
		}
	}
}

// ticket draws a ticket, old or new.
func (c *machine) ticket(t *rapid.T) (iticket, *fate) {
	if len(c.tickets) == 0 {
		return iticket{}, &fate{ended: true, spent: true}
	}
	i := rapid.IntRange(0, len(c.tickets)-1).Draw(t, "ticket")
	return c.tickets[i], c.fates[i]
}

func (c *machine) result(t *rapid.T) {
	tk, f := c.ticket(t)
	v, err, ok := tk.Result()
	switch {
	case f.spent || f.callback:
		if v != 0 || err != waitmap.ErrConsumed || ok {
			t.Fatalf("Result of a spent ticket: %d, %v, %v", v, err, ok)
		}
	case !f.ended:
		if v != 0 || err != nil || ok {
			t.Fatalf("Result before the end: %d, %v, %v", v, err, ok)
		}
	default:
		if v != f.v || err != f.err || !ok {
			t.Fatalf("Result: %d, %v, %v; want %d, %v, true", v, err, ok, f.v, f.err)
		}
		c.take(f)
	}
}

// cancelled updates the model for a cancel of an unspent registration.
func (c *machine) cancelled(f *fate) (v uint64, arrived bool) {
	if !f.ended {
		delete(c.model.waits, f.key)
		f.end(0, waitmap.ErrConsumed)
		f.spent = true
		return 0, false
	}
	c.take(f)
	return f.v, f.err == nil
}

func (c *machine) cancel(t *rapid.T) {
	tk, f := c.ticket(t)
	var wantV uint64
	var want bool
	if !f.spent {
		wantV, want = c.cancelled(f)
	}
	if v, arrived := tk.Cancel(); v != wantV || arrived != want {
		t.Fatalf("Cancel = %d, %v; want %d, %v", v, arrived, wantV, want)
	}
}

// await awaits with an ended context, so that it never blocks.
func (c *machine) await(t *rapid.T) {
	tk, f := c.ticket(t)
	v, err := tk.Await(cancelledContext())
	switch {
	case f.spent || f.callback:
		if v != 0 || err != waitmap.ErrConsumed {
			t.Fatalf("Await of a spent ticket: %d, %v", v, err)
		}
	case f.ended:
		if v != f.v || err != f.err {
			t.Fatalf("Await: %d, %v; want %d, %v", v, err, f.v, f.err)
		}
		c.take(f)
	default:
		c.cancelled(f)
		if v != 0 || err != errTest {
			t.Fatalf("Await with an ended context: %d, %v", v, err)
		}
	}
}

func (c *machine) done(t *rapid.T) {
	tk, f := c.ticket(t)
	select {
	case <-tk.Done():
		if !f.ended {
			t.Fatal("Done is closed before the end")
		}
	default:
		if f.ended {
			t.Fatal("Done is open after the end")
		}
	}
}

func (c *machine) takeStored(t *rapid.T) {
	most := rapid.IntRange(1, 4).Draw(t, "most")
	for k, v := range c.m.TakeStored() {
		if c.model.mail[k] != v {
			t.Fatalf("TakeStored yields %d, %d; the model has %v", k, v, c.model.mail)
		}
		delete(c.model.mail, k)
		c.model.arrived++
		if most--; most == 0 {
			return
		}
	}
	if len(c.model.mail) != 0 {
		t.Fatalf("TakeStored left %v", c.model.mail)
	}
}

// sleep lets deadlines pass, and stays out of the two ticks in which a deadline
// may or may not have been noticed.
func (c *machine) sleep(t *rapid.T) {
	time.Sleep(time.Duration(rapid.Int64Range(0, int64(100*time.Millisecond)).Draw(t, "time")))
	synctest.Wait()
	for near := true; near; {
		near = false
		for _, f := range c.model.waits {
			if late := time.Since(f.deadline); !f.deadline.IsZero() && late >= 0 && late <= 2*time.Millisecond {
				near = true
			}
		}
		if near {
			time.Sleep(time.Millisecond)
			synctest.Wait()
		}
	}
	for k, f := range c.model.waits {
		if !f.deadline.IsZero() && time.Now().After(f.deadline) {
			delete(c.model.waits, k)
			f.end(0, waitmap.ErrExpired)
		}
	}
}

func (c *machine) close(t *rapid.T) {
	if rapid.IntRange(0, 9).Draw(t, "really") > 0 {
		return
	}
	if c.model.closed == nil {
		// The error is the map's own: only what it Is, is known.
		c.m.CloseWith(errTest)
		c.model.closed = c.m.Err()
		if !errors.Is(c.model.closed, errTest) || !errors.Is(c.model.closed, waitmap.ErrClosed) {
			t.Fatal("Err:", c.model.closed)
		}
	} else {
		c.m.Close()
	}
	for k, f := range c.model.waits {
		delete(c.model.waits, k)
		f.end(0, c.model.closed)
		if f.callback {
			c.called(f)
		}
	}
}

// invariants holds the map against the model after each step.
func (c *machine) invariants(t *rapid.T) {
	if err := c.m.Err(); err != c.model.closed {
		t.Fatal("Err:", err)
	}
	if n := c.m.Len(); n != len(c.model.waits) {
		t.Fatalf("Len: %d, want %d", n, len(c.model.waits))
	}
	if got, want := slices.Sorted(c.m.Keys()), slices.Sorted(maps.Keys(c.model.waits)); !slices.Equal(got, want) {
		t.Fatalf("Keys: %v, want %v", got, want)
	}
	deadlines := 0
	for k := range keys {
		f := c.model.waits[k]
		if c.m.Waiting(k) != (f != nil) {
			t.Fatalf("Waiting(%d): %v", k, f == nil)
		}
		if f != nil && !f.deadline.IsZero() {
			deadlines++
		}
	}
	if pending, timer := c.m.Timed(); pending != deadlines || timer != (deadlines > 0) {
		t.Fatalf("%d deadlines, timer %v; want %d", pending, timer, deadlines)
	}
	if n := c.m.Stored(); n != len(c.model.mail) {
		t.Fatalf("stored: %d, want %d", n, len(c.model.mail))
	}
}

// account ends the run: every token that was taken has come out.
func (c *machine) account(t *rapid.T) {
	for i, tk := range c.tickets {
		f := c.fates[i]
		v, arrived := tk.Cancel()
		if !f.spent && f.ended {
			if arrived != (f.err == nil) || v != f.v {
				t.Fatalf("at the end: Cancel = %d, %v; want %d, %v", v, arrived, f.v, f.err)
			}
			c.take(f)
		} else if arrived {
			t.Fatalf("at the end a spent ticket gives %d", v)
		}
	}
	for range c.m.TakeStored() {
		c.model.arrived++
	}
	if c.model.sent != c.model.arrived {
		t.Fatalf("%d values were taken in, %d came out", c.model.sent, c.model.arrived)
	}
}

// TestModel runs random programs on the map and on the model.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var failure any // rapid's own, which must not end the bubble's goroutine
		synctest.Test(t, func(*testing.T) {
			defer func() { failure = recover() }()
			program(rt)
		})
		if failure != nil {
			panic(failure)
		}
	})
}

func program(t *rapid.T) {
	bound := rapid.IntRange(0, 3).Draw(t, "mailbox")
	shards := rapid.SampledFrom([]int{0, 1, 2}).Draw(t, "shards")
	c := &machine{
		t: t,
		m: waitmap.New[int, uint64](&waitmap.Options{Shards: shards, Mailbox: bound}),
		model: model{
			waits: map[int]*fate{}, mail: map[int]uint64{}, bound: bound,
		},
		waiters: []*iwaiter{new(iwaiter), new(iwaiter)},
	}
	defer c.m.Close() // a timer must not outlive the bubble
	t.Repeat(map[string]func(*rapid.T){
		"Reserve": c.reserve, "ReserveIn": c.reserveIn, "ReserveUntil": c.reserveUntil, "Notify": c.notify,
		"Wake": c.wakeOne, "Fail": c.fail, "Post": c.post, "WakeAll": c.wakeAll,
		"Result": c.result, "Cancel": c.cancel, "Await": c.await, "Done": c.done,
		"TakeStored": c.takeStored, "Sleep": c.sleep, "Close": c.close,
		"": c.invariants,
	})
	c.account(t)
}
