package waitmap_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/interlock/waitmap"
)

type (
	imap    = waitmap.Map[int, uint64]
	iticket = waitmap.Ticket[int, uint64]
	iwaiter = waitmap.Waiter[int, uint64]
)

var errTest = errors.New("test")

func want[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func wantErr(t *testing.T, what string, got error, want ...error) {
	t.Helper()
	for _, w := range want {
		if !errors.Is(got, w) {
			t.Errorf("%s: got error %v, want one that Is %v", what, got, w)
		}
	}
	if len(want) == 0 && got != nil {
		t.Errorf("%s: got error %v", what, got)
	}
}

func reserve(t *testing.T, m *imap, key int) iticket {
	t.Helper()
	tk, err := m.Reserve(key)
	if err != nil {
		t.Fatalf("Reserve(%d): %v", key, err)
	}
	return tk
}

func wantResult(t *testing.T, what string, tk iticket, value uint64) {
	t.Helper()
	v, err, ok := tk.Result()
	if v != value || err != nil || !ok {
		t.Errorf("%s: Result() = %d, %v, %v; want %d, nil, true", what, v, err, ok, value)
	}
}

// wantSpent checks what every use of a spent ticket gives.
func wantSpent(t *testing.T, what string, tk iticket) {
	t.Helper()
	if v, err, ok := tk.Result(); v != 0 || err != waitmap.ErrConsumed || ok {
		t.Errorf("%s: Result() = %d, %v, %v; want 0, ErrConsumed, false", what, v, err, ok)
	}
	for _, ctx := range []context.Context{background, cancelledContext()} {
		if v, err := tk.Await(ctx); v != 0 || err != waitmap.ErrConsumed {
			t.Errorf("%s: Await = %d, %v; want 0, ErrConsumed", what, v, err)
		}
	}
	if v, arrived := tk.Cancel(); v != 0 || arrived {
		t.Errorf("%s: Cancel() = %d, %v; want 0, false", what, v, arrived)
	}
	select {
	case <-tk.Done():
	default:
		t.Errorf("%s: Done is open", what)
	}
}

func cancelledContext() context.Context {
	ctx, cancel := context.WithCancelCause(background)
	cancel(errTest)
	return ctx
}

// panicOf returns what f panics with.
func panicOf(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

func TestZeroMap(t *testing.T) {
	var m imap
	want(t, "Len", m.Len(), 0)
	want(t, "Waiting", m.Waiting(1), false)
	wantErr(t, "Err", m.Err())
	want(t, "Wake", m.Wake(1, 1), waitmap.NoMatch)
	want(t, "Fail", m.Fail(1, errTest), waitmap.NoMatch)
	want(t, "Post without a mailbox", m.Post(1, 1), waitmap.NoMatch)
	for k := range m.Keys() {
		t.Errorf("key %d in an empty map", k)
	}
	tk := reserve(t, &m, 1)
	want(t, "Wake", m.Wake(1, 7), waitmap.Woke)
	wantResult(t, "woken", tk, 7)
	wantSpent(t, "zero ticket", iticket{})
}

func TestFirstUseOfZeroMapIsConcurrent(t *testing.T) {
	for range 100 {
		var m imap
		var wg sync.WaitGroup
		for k := range 4 {
			wg.Go(func() {
				if _, err := m.Reserve(k); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		want(t, "Len", m.Len(), 4)
	}
}

func TestWakeEndsExactlyTheWaitOfItsKey(t *testing.T) {
	var m imap
	var tickets []iticket
	for k := range 100 {
		tickets = append(tickets, reserve(t, &m, k))
	}
	want(t, "Len", m.Len(), 100)
	for k, tk := range tickets {
		if v, err, ok := tk.Result(); v != 0 || err != nil || ok {
			t.Fatalf("Result before Wake = %d, %v, %v", v, err, ok)
		}
		want(t, "Waiting", m.Waiting(k), true)
		want(t, "Wake", m.Wake(k, uint64(k)), waitmap.Woke)
		want(t, "Waiting", m.Waiting(k), false)
		want(t, "second Wake", m.Wake(k, 0), waitmap.NoMatch)
		want(t, "Len", m.Len(), 99-k)
		wantResult(t, "woken", tk, uint64(k))
		wantSpent(t, "taken", tk)
	}
}

func TestDuplicate(t *testing.T) {
	var m imap
	first := reserve(t, &m, 1)
	var w iwaiter
	for what, err := range map[string]error{
		"Reserve":      second(m.Reserve(1)),
		"ReserveIn":    second(m.ReserveIn(&w, 1)),
		"ReserveUntil": second(m.ReserveUntil(1, time.Now().Add(time.Hour))),
		"Notify":       second(m.Notify(1, func(uint64, error) { t.Error("callback of a refused Notify ran") })),
		"Wait":         second(m.Wait(background, 1)),
	} {
		want(t, what, err, waitmap.ErrDuplicate)
	}
	if _, timer := m.Timed(); timer {
		t.Error("the refused ReserveUntil left a timer")
	}
	want(t, "Len", m.Len(), 1)
	want(t, "Wake", m.Wake(1, 5), waitmap.Woke)
	wantResult(t, "first waiter", first, 5)
	if _, err := m.ReserveIn(&w, 1); err != nil { // free after the refusal
		t.Error(err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestKeyIsFreeAsSoonAsItsWaitEnded(t *testing.T) {
	var m imap
	for what, end := range map[string]func(iticket){
		"Wake":   func(iticket) { m.Wake(1, 1) },
		"Fail":   func(iticket) { m.Fail(1, errTest) },
		"Cancel": func(tk iticket) { tk.Cancel() },
		"Await":  func(tk iticket) { tk.Await(cancelledContext()) },
	} {
		old := reserve(t, &m, 1)
		end(old)
		again, err := m.Reserve(1)
		if err != nil {
			t.Errorf("after %s: %v", what, err)
		}
		old.Cancel() // touches nothing of the new wait
		want(t, what+": Waiting", m.Waiting(1), true)
		want(t, what+": Wake", m.Wake(1, 9), waitmap.Woke)
		wantResult(t, what, again, 9)
	}
}

func TestCancel(t *testing.T) {
	var m imap
	tk := reserve(t, &m, 1)
	if v, arrived := tk.Cancel(); v != 0 || arrived {
		t.Errorf("Cancel in time = %d, %v", v, arrived)
	}
	want(t, "Wake after it", m.Wake(1, 1), waitmap.NoMatch)
	wantSpent(t, "cancelled", tk)

	tk = reserve(t, &m, 1)
	m.Wake(1, 8)
	if v, arrived := tk.Cancel(); v != 8 || !arrived {
		t.Errorf("Cancel after Wake = %d, %v; want 8, true", v, arrived)
	}
	wantSpent(t, "cancelled late", tk)

	tk = reserve(t, &m, 1)
	m.Fail(1, errTest)
	if v, arrived := tk.Cancel(); v != 0 || arrived {
		t.Errorf("Cancel after Fail = %d, %v; want 0, false", v, arrived)
	}
	wantSpent(t, "cancelled after Fail", tk)
}

func TestFail(t *testing.T) {
	var m imap
	tk := reserve(t, &m, 1)
	want(t, "Fail", m.Fail(1, errTest), waitmap.Woke)
	want(t, "Fail again", m.Fail(1, errTest), waitmap.NoMatch)
	if v, err, ok := tk.Result(); v != 0 || err != errTest || !ok {
		t.Errorf("Result = %d, %v, %v; want 0, test, true", v, err, ok)
	}
	wantSpent(t, "failed and taken", tk)
	tk = reserve(t, &m, 1)
	m.Fail(1, errTest)
	_, err := tk.Await(cancelledContext())
	want(t, "Await", err, errTest)
	if panicOf(func() { m.Fail(1, nil) }) == nil {
		t.Error("Fail with a nil error did not panic")
	}
	m.Close()
	want(t, "Fail after Close", m.Fail(1, errTest), waitmap.Closed)
}

func TestAwaitOfAnEndedContext(t *testing.T) {
	var m imap
	ctx := cancelledContext()
	tk := reserve(t, &m, 1)
	_, err := tk.Await(ctx)
	want(t, "Await", err, errTest) // context.Cause
	want(t, "Waiting", m.Waiting(1), false)
	wantSpent(t, "ended", tk)

	tk = reserve(t, &m, 1)
	m.Wake(1, 3)
	v, err := tk.Await(ctx)
	want(t, "value", v, 3) // the value had come
	wantErr(t, "Await", err)

	_, err = m.Wait(ctx, 1)
	want(t, "Wait", err, errTest)
	want(t, "Len", m.Len(), 0)
}

// TestWaitWithAPanickingContext: a panic of the caller's context leaves no key
// behind.
func TestWaitWithAPanickingContext(t *testing.T) {
	var m imap
	//lint:ignore SA1012 any context that panics would do
	if panicOf(func() { m.Wait(nil, 1) }) == nil {
		t.Error("no panic")
	}
	want(t, "Waiting", m.Waiting(1), false)
}

func TestNaN(t *testing.T) {
	m := waitmap.New[float64, int](&waitmap.Options{Mailbox: 10})
	nan := math.NaN()
	var w waitmap.Waiter[float64, int]
	for what, err := range map[string]error{
		"Reserve":      second(m.Reserve(nan)),
		"ReserveIn":    second(m.ReserveIn(&w, nan)),
		"ReserveUntil": second(m.ReserveUntil(nan, time.Now().Add(time.Hour))),
		"Notify":       second(m.Notify(nan, func(int, error) { t.Error("called though refused") })),
		"Wait":         second(m.Wait(cancelledContext(), nan)),
	} {
		want(t, what, err, waitmap.ErrKey)
	}
	want(t, "Wake", m.Wake(nan, 1), waitmap.NoMatch)
	want(t, "Post", m.Post(nan, 1), waitmap.NoMatch)
	want(t, "Waiting", m.Waiting(nan), false)
	want(t, "Len", m.Len(), 0)
	for k := range m.TakeStored() {
		t.Error("stored", k)
	}
	// Zeros are equal, whatever their sign.
	if _, err := m.ReserveIn(&w, 0); err != nil {
		t.Fatal(err)
	}
	want(t, "Wake(-0)", m.Wake(math.Copysign(0, -1), 1), waitmap.Woke)
}

// TestUncomparableKey: the panic comes before any lock is taken.
func TestUncomparableKey(t *testing.T) {
	m := waitmap.New[any, int](&waitmap.Options{Mailbox: 1})
	defer m.LockAll()()
	bad := any([]int{1})
	var w waitmap.Waiter[any, int]
	for what, f := range map[string]func(){
		"Reserve":      func() { m.Reserve(bad) },
		"ReserveIn":    func() { m.ReserveIn(&w, bad) },
		"ReserveUntil": func() { m.ReserveUntil(bad, time.Now().Add(time.Hour)) },
		"Notify":       func() { m.Notify(bad, func(int, error) {}) },
		"Wait":         func() { m.Wait(background, bad) },
		"Wake":         func() { m.Wake(bad, 1) },
		"Fail":         func() { m.Fail(bad, errTest) },
		"Post":         func() { m.Post(bad, 1) },
		"Waiting":      func() { m.Waiting(bad) },
	} {
		if panicOf(f) == nil {
			t.Errorf("%s did not panic", what)
		}
	}
}

func TestUncomparableKeyInWakeAll(t *testing.T) {
	var m waitmap.Map[any, int]
	tk, _ := m.Reserve(1)
	r := panicOf(func() {
		m.WakeAll(func(yield func(any, int) bool) {
			_ = yield(1, 11) && yield([]int{}, 12)
		}, nil)
	})
	if r == nil {
		t.Error("no panic")
	}
	if v, arrived := tk.Cancel(); v != 11 || !arrived {
		t.Error("what was yielded before the panic was not delivered")
	}
}

func TestKeyTypes(t *testing.T) {
	keyType(t, "int", -5, 5)
	keyType(t, "uint64", uint64(0), uint64(math.MaxUint64))
	keyType(t, "string", "a", "b")
	keyType(t, "array", [2]int8{1, 2}, [2]int8{2, 1})
	keyType(t, "pointer", new(int), new(int))
	keyType[any](t, "interface", 1, "1")
	keyType(t, "empty struct", struct{}{}, struct{}{})
	type id uint64
	keyType(t, "named", id(1), id(2))
}

func keyType[K comparable](t *testing.T, what string, a, b K) {
	t.Helper()
	var m waitmap.Map[K, string]
	x, err := m.Reserve(a)
	wantErr(t, what, err)
	if a != b {
		want(t, what+": other key", m.Wake(b, "b"), waitmap.NoMatch)
	}
	want(t, what+": Wake", m.Wake(a, "a"), waitmap.Woke)
	v, _ := x.Await(background)
	want(t, what, v, "a")
}

func TestClose(t *testing.T) {
	type closer func(*imap)
	for what, c := range map[string]struct {
		close closer
		is    []error
	}{
		"Close":             {(*imap).Close, []error{waitmap.ErrClosed}},
		"CloseWith(nil)":    {func(m *imap) { m.CloseWith(nil) }, []error{waitmap.ErrClosed}},
		"CloseWith(test)":   {func(m *imap) { m.CloseWith(errTest) }, []error{waitmap.ErrClosed, errTest}},
		"the first one won": {func(m *imap) { m.CloseWith(errTest); m.Close() }, []error{errTest}},
	} {
		m := waitmap.New[int, uint64](&waitmap.Options{Mailbox: 1})
		m.Post(99, 99)
		waits := []iticket{reserve(t, m, 1), reserve(t, m, 2)}
		var called error
		m.Notify(3, func(_ uint64, err error) {
			called = err
			want(t, what+": Len in a callback", m.Len(), 0)
			wantErr(t, what+": Err in a callback", m.Err(), c.is...)
		})
		c.close(m)
		wantErr(t, what, m.Err(), c.is...)
		want(t, what+": callback", called, m.Err())
		want(t, what+": Len", m.Len(), 0)
		for _, tk := range waits {
			_, err, ok := tk.Result()
			want(t, what+": a wait", err, m.Err())
			want(t, what+": a wait", ok, true)
		}
		var w iwaiter
		for _, err := range []error{
			second(m.Reserve(1)), second(m.ReserveIn(&w, 1)), second(m.Wait(background, 1)),
			second(m.ReserveUntil(1, time.Now().Add(time.Hour))),
			second(m.Notify(1, func(uint64, error) { t.Error("callback of a refused Notify ran") })),
			second(m.Reserve(99)), // stored values stay for TakeStored
		} {
			want(t, what+": afterwards", err, m.Err())
		}
		want(t, what+": Wake", m.Wake(1, 1), waitmap.Closed)
		want(t, what+": Post", m.Post(1, 1), waitmap.Closed)
		n := 0
		for k, v := range m.TakeStored() {
			n++
			want(t, what+": stored", k, 99)
			want(t, what+": stored", v, 99)
		}
		want(t, what+": stored values", n, 1)
	}
}

func TestErrOfClose(t *testing.T) {
	var m imap
	m.Close()
	want(t, "Err after Close", m.Err(), waitmap.ErrClosed)
	var other imap
	other.CloseWith(m.Err()) // not wrapped again
	want(t, "Err", other.Err(), waitmap.ErrClosed)
	var third imap
	third.CloseWith(errTest)
	want(t, "text", third.Err().Error(), "waitmap: closed: test")
}

func TestPost(t *testing.T) {
	m := waitmap.New[int, uint64](&waitmap.Options{Mailbox: 2})
	tk := reserve(t, m, 1)
	want(t, "Post to a waiter", m.Post(1, 1), waitmap.Woke)
	wantResult(t, "waiter", tk, 1)

	want(t, "Post", m.Post(1, 11), waitmap.Stored)
	want(t, "Post of the same key", m.Post(1, 12), waitmap.Full)
	want(t, "Post", m.Post(2, 21), waitmap.Stored)
	want(t, "Post over the bound", m.Post(3, 31), waitmap.Full)
	want(t, "Len", m.Len(), 0)
	want(t, "Waiting", m.Waiting(1), false)
	want(t, "Wake", m.Wake(1, 13), waitmap.NoMatch)
	want(t, "Fail", m.Fail(1, errTest), waitmap.NoMatch)
	for k := range m.Keys() {
		t.Error("key of a stored value:", k)
	}

	tk = reserve(t, m, 1)
	want(t, "Waiting", m.Waiting(1), false) // over before it began
	wantResult(t, "Reserve of a stored key", tk, 11)
	wantSpent(t, "taken", tk)
	want(t, "Post into the room", m.Post(3, 32), waitmap.Stored)
	v, err := m.Wait(cancelledContext(), 3) // does not wait
	want(t, "Wait", v, 32)
	wantErr(t, "Wait", err)

	var w iwaiter
	tk, err = m.ReserveIn(&w, 2)
	wantErr(t, "ReserveIn", err)
	wantResult(t, "ReserveIn of a stored key", tk, 21)
	want(t, "stored", m.Stored(), 0)

	m.Post(4, 41)
	tk, err = m.ReserveUntil(4, time.Now().Add(time.Hour))
	wantErr(t, "ReserveUntil", err)
	if v, arrived := tk.Cancel(); v != 41 || !arrived {
		t.Errorf("Cancel of a stored value = %d, %v", v, arrived)
	}
	if _, timer := m.Timed(); timer {
		t.Error("a timer for a wait that never was")
	}

	m.Post(5, 51)
	calls := 0
	tk, err = m.Notify(5, func(v uint64, err error) {
		calls++
		want(t, "callback", v, 51)
		wantErr(t, "callback", err)
		want(t, "Post in the callback", m.Post(5, 52), waitmap.Stored)
	})
	wantErr(t, "Notify", err)
	want(t, "callbacks before Notify returned", calls, 1)
	wantSpent(t, "Notify of a stored key", tk)
	want(t, "stored", m.Stored(), 1)
}

func TestTakeStored(t *testing.T) {
	m := waitmap.New[int, uint64](&waitmap.Options{Mailbox: 100, Shards: 2})
	for k := range 50 {
		m.Post(k, uint64(k))
	}
	waiter := reserve(t, m, 1000)
	seen := map[int]bool{}
	for k, v := range m.TakeStored() {
		want(t, "value", v, uint64(k))
		seen[k] = true
		if len(seen) == 20 {
			break // the others stay
		}
	}
	want(t, "stored after a break", m.Stored(), 30)
	for k := range m.TakeStored() {
		if seen[k] {
			t.Errorf("key %d twice", k)
		}
		seen[k] = true
		m.Post(k, 1) // does not make the loop endless
	}
	want(t, "keys seen", len(seen), 50)
	want(t, "stored again", m.Stored(), 30)
	reserve(t, m, 0) // takes one, or begins a wait: either way the loop goes on
	turns := 0
	for range m.TakeStored() {
		turns++
		m.TakeStored()(func(int, uint64) bool { return true })
	}
	want(t, "turns of a loop that takes all in its first", turns, 1)
	want(t, "stored", m.Stored(), 0)
	m.Wake(1000, 5)
	wantResult(t, "a waiter among them", waiter, 5)
	for range m.TakeStored() {
		t.Error("nothing is stored")
	}
}

// TestTakeStoredOfAKeyThatTurnedIntoAWait: a key listed for the iteration has a
// waiter when its turn comes, or nothing at all.
func TestTakeStoredOfAKeyThatTurnedIntoAWait(t *testing.T) {
	m := waitmap.New[int, uint64](&waitmap.Options{Mailbox: 10, Shards: 1})
	for k := range 6 {
		m.Post(k, uint64(k))
	}
	n, waits := 0, 0
	for k := range m.TakeStored() {
		n++
		if n > 1 {
			t.Fatal("yielded a key whose value was taken by others")
		}
		for other := range 6 {
			if other == k {
				continue
			}
			reserve(t, m, other).Cancel() // takes the value
			if other%2 == 0 {
				reserve(t, m, other)
				waits++
			}
		}
		m.Post(100, 100)
	}
	want(t, "Len", m.Len(), waits)
	want(t, "stored", m.Stored(), 1)
}

func TestKeys(t *testing.T) {
	m := waitmap.New[int, uint64](&waitmap.Options{Mailbox: 10})
	for k := range 100 {
		reserve(t, m, k)
	}
	m.Post(1000, 1)
	var keys []int
	for k := range m.Keys() {
		m.Waiting(k) // no lock is held
		keys = append(keys, k)
	}
	slices.Sort(keys)
	want(t, "keys", len(keys), 100)
	for i, k := range keys {
		want(t, "key", k, i)
	}
	for range m.Keys() {
		break
	}
}

func TestWakeAll(t *testing.T) {
	var m imap
	const n = 3*waitmap.BatchSize + 7
	tickets := make([]iticket, n)
	for k := range n {
		if k%3 != 0 {
			tickets[k] = reserve(t, &m, k)
		}
	}
	calls := 0
	m.Notify(0, func(v uint64, err error) { calls++; want(t, "callback", v, 0); m.Len() })
	missed := map[int]uint64{}
	woken := m.WakeAll(func(yield func(int, uint64) bool) {
		for k := range n {
			m.Len() // no lock is held
			if !yield(k, uint64(k)) {
				t.Error("WakeAll stopped the iterator")
			}
			if k == 255 && m.Waiting(1) {
				t.Error("after 256 values the first is not delivered")
			}
		}
	}, func(k int, v uint64, o waitmap.Outcome) {
		want(t, "outcome", o, waitmap.NoMatch)
		missed[k] = v
		m.Len()
	})
	want(t, "woken + missed", woken+len(missed), n)
	want(t, "callbacks", calls, 1)
	for k := range n {
		if k%3 != 0 {
			wantResult(t, "woken", tickets[k], uint64(k))
		} else if v, ok := missed[k]; k != 0 && (!ok || v != uint64(k)) {
			t.Errorf("key %d was not reported", k)
		}
	}

	one := func(yield func(int, uint64) bool) { _ = yield(5, 1) && yield(5, 2) && yield(6, 3) }
	tk := reserve(t, &m, 5)
	want(t, "woken, nil missed", m.WakeAll(one, nil), 1)
	wantResult(t, "the first of a key's values", tk, 1)

	m.Close()
	var outcomes []waitmap.Outcome
	want(t, "woken", m.WakeAll(one, func(_ int, _ uint64, o waitmap.Outcome) { outcomes = append(outcomes, o) }), 0)
	if !slices.Equal(outcomes, []waitmap.Outcome{waitmap.Closed, waitmap.Closed, waitmap.Closed}) {
		t.Error("outcomes after Close:", outcomes)
	}
	want(t, "no values", m.WakeAll(func(func(int, uint64) bool) {}, nil), 0)
}

// TestWakeAllPanics: whoever panics, what was yielded is delivered or reported.
func TestWakeAllPanics(t *testing.T) {
	const n = 2*waitmap.BatchSize + 10
	for _, who := range []string{"iterator", "callback", "missed", "callback ends the goroutine", "missed ends the goroutine"} {
		var m imap
		var tickets []iticket
		for k := 1; k < n; k += 2 {
			tickets = append(tickets, reserve(t, &m, k))
		}
		m.Notify(2, func(uint64, error) {
			switch who {
			case "callback":
				panic(who)
			case "callback ends the goroutine":
				runtime.Goexit()
			}
		})
		missed := 0
		values := func(yield func(int, uint64) bool) {
			for k := range n {
				if !yield(k, 100) {
					return
				}
			}
			if who == "iterator" {
				panic(who)
			}
		}
		var r any
		done := make(chan bool)
		go func() {
			defer close(done)
			r = panicOf(func() {
				m.WakeAll(values, func(int, uint64, waitmap.Outcome) {
					missed++
					switch {
					case who == "missed" && missed == 3:
						panic(who)
					case who == "missed" && missed == n/2-1:
						panic("a later one")
					case who == "missed ends the goroutine" && missed == n/2-1:
						runtime.Goexit()
					}
				})
			})
		}()
		<-done
		if strings.Contains(who, "ends") {
			// The rest of the run was delivered, once, what was never yielded was not.
			want(t, who+": missed", missed, map[bool]int{false: waitmap.BatchSize/2 - 1, true: n/2 - 1}[strings.HasPrefix(who, "missed")])
			for _, tk := range tickets[:waitmap.BatchSize/2] {
				wantResult(t, who, tk, 100)
			}
			continue
		}
		want(t, who, r, any(who))
		want(t, who+": missed", missed, n/2-1)
		for _, tk := range tickets {
			wantResult(t, who, tk, 100)
		}
	}
}

func TestNotify(t *testing.T) {
	var m imap
	type call struct {
		v   uint64
		err error
	}
	var calls []call
	fn := func(v uint64, err error) { calls = append(calls, call{v, err}) }

	tk, _ := m.Notify(1, fn)
	want(t, "Waiting", m.Waiting(1), true)
	want(t, "Wake", m.Wake(1, 5), waitmap.Woke)
	wantSpent(t, "called", tk)
	m.Notify(1, fn)
	want(t, "Fail", m.Fail(1, errTest), waitmap.Woke)
	m.Notify(1, fn)
	m.Close()
	if !slices.Equal(calls, []call{{5, nil}, {0, errTest}, {0, waitmap.ErrClosed}}) {
		t.Error("calls:", calls)
	}
	if panicOf(func() { m.Notify(1, nil) }) == nil {
		t.Error("nil callback did not panic")
	}
}

func TestNotifyTicketServesCancel(t *testing.T) {
	var m imap
	tk, _ := m.Notify(1, func(uint64, error) { t.Error("ran after Cancel") })
	done := tk.Done()
	select {
	case <-done:
		t.Error("Done is closed too early")
	default:
	}
	_, err := tk.Await(background)
	want(t, "Await", err, waitmap.ErrConsumed)
	_, err = tk.Await(cancelledContext())
	want(t, "Await", err, waitmap.ErrConsumed)
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	_, err = tk.Await(ctx)
	want(t, "Await", err, waitmap.ErrConsumed)
	_, err, ok := tk.Result()
	want(t, "Result", err, waitmap.ErrConsumed)
	want(t, "Result", ok, false)
	want(t, "Waiting", m.Waiting(1), true)
	if v, arrived := tk.Cancel(); v != 0 || arrived {
		t.Error("Cancel:", v, arrived)
	}
	<-done
	want(t, "Wake", m.Wake(1, 1), waitmap.NoMatch)
	m.Close()
}

// TestReentrantCallbacks: no lock is held while a callback runs.
func TestReentrantCallbacks(t *testing.T) {
	m := waitmap.New[int, uint64](&waitmap.Options{Shards: 1, Mailbox: 4})
	var order []string
	m.Notify(1, func(v uint64, _ error) {
		order = append(order, "1")
		m.Notify(1, func(uint64, error) { order = append(order, "1 again") })
		want(t, "Wake of another callback", m.Wake(2, v), waitmap.Woke)
		want(t, "Wake of itself", m.Wake(1, v), waitmap.Woke)
		tk := reserve(t, m, 3)
		want(t, "Wake", m.Wake(3, 33), waitmap.Woke)
		wantResult(t, "reserved in a callback", tk, 33)
		m.Notify(4, func(_ uint64, err error) {
			order = append(order, "4")
			wantErr(t, "closed", err, errTest)
			m.Close()
		})
		m.CloseWith(errTest)
	})
	m.Notify(2, func(uint64, error) { order = append(order, "2") })
	want(t, "Wake", m.Wake(1, 7), waitmap.Woke)
	want(t, "order", strings.Join(order, ","), "1,2,1 again,4")
}

// TestCallbackPanics: every other wait of the call is ended, then the panic goes
// on in the closer.
func TestCallbackPanics(t *testing.T) {
	for _, exit := range []bool{false, true} {
		var m imap
		ran := 0
		var tickets []iticket
		for k := range 100 {
			if k%2 == 0 {
				tickets = append(tickets, reserve(t, &m, k))
				continue
			}
			m.Notify(k, func(uint64, error) {
				ran++
				switch {
				case exit && ran%10 == 3:
					runtime.Goexit()
				case ran%10 == 5:
					panic(ran)
				}
			})
		}
		var r any
		done := make(chan bool)
		go func() {
			defer close(done)
			r = panicOf(m.Close)
		}()
		<-done
		if !exit {
			want(t, "panic", r, any(5))
		}
		want(t, "callbacks", ran, 50)
		for _, tk := range tickets {
			_, err, _ := tk.Result()
			want(t, "wait", err, waitmap.ErrClosed)
		}
		want(t, "Len", m.Len(), 0)
	}

	var m imap
	m.Notify(1, func(uint64, error) { panic("boom") })
	want(t, "panic of Wake", panicOf(func() { m.Wake(1, 1) }), any("boom"))
	if _, err := m.Reserve(1); err != nil {
		t.Error("the key is wedged:", err)
	}
}

func TestReserveIn(t *testing.T) {
	var m, other imap
	var w iwaiter
	tk, err := m.ReserveIn(&w, 1)
	wantErr(t, "ReserveIn", err)
	inUse := func(what string) {
		t.Helper()
		if r := panicOf(func() { other.ReserveIn(&w, 2) }); r == nil {
			t.Errorf("%s: ReserveIn did not panic", what)
		}
		want(t, what+": Len", other.Len(), 0)
	}
	inUse("waiting")
	m.Wake(1, 5)
	inUse("with a value that nobody took")
	wantResult(t, "woken", tk, 5)
	old := tk

	tk, err = other.ReserveIn(&w, 2) // another map, another key
	wantErr(t, "reuse", err)
	wantSpent(t, "ticket of the first use", old)
	want(t, "Waiting", other.Waiting(2), true)
	tk.Cancel()
	tk, err = m.ReserveIn(&w, 3)
	wantErr(t, "reuse after Cancel", err)
	m.Fail(3, errTest) // ended: nothing can be lost any more
	next, err := m.ReserveIn(&w, 4)
	wantErr(t, "reuse after Fail", err)
	wantSpent(t, "ticket of the failed use", tk)
	m.Close()
	_, err, _ = next.Result()
	want(t, "closed", err, waitmap.ErrClosed)
	_, err = m.ReserveIn(&w, 4)
	want(t, "ReserveIn of a closed map", err, waitmap.ErrClosed)
	_, err = other.ReserveIn(&w, 4)
	wantErr(t, "reuse after the refusal", err)
	if _, err := (&imap{}).ReserveIn(new(iwaiter), 1); err != nil {
		t.Error(err)
	}
}

func TestDone(t *testing.T) {
	m := waitmap.New[int, uint64](&waitmap.Options{Mailbox: 1})
	var w iwaiter
	for what, end := range map[string]func(iticket){
		"Wake":   func(iticket) { m.Wake(1, 1) },
		"Post":   func(iticket) { m.Post(1, 1) },
		"Fail":   func(iticket) { m.Fail(1, errTest) },
		"Cancel": func(tk iticket) { tk.Cancel() },
		"Await":  func(tk iticket) { tk.Await(cancelledContext()) },
		"WakeAll": func(iticket) {
			m.WakeAll(func(yield func(int, uint64) bool) { yield(1, 1) }, nil)
		},
		"Close": func(iticket) { m.Close(); m = new(imap) },
	} {
		for range 2 {
			tk := reserve(t, m, 1)
			in, err := m.ReserveIn(&w, 2)
			wantErr(t, "ReserveIn", err)
			done := tk.Done()
			want(t, what+": the same channel", tk.Done(), done)
			inDone := in.Done()
			select {
			case <-done:
				t.Errorf("%s: Done closed too early", what)
			case <-inDone:
				t.Errorf("%s: Done closed too early", what)
			default:
			}
			end(tk)
			<-done
			<-tk.Done()
			tk.Cancel()
			<-tk.Done()
			in.Cancel()
			<-inDone
		}
	}
}

func TestOutcomeString(t *testing.T) {
	for o, s := range map[waitmap.Outcome]string{
		waitmap.Woke: "Woke", waitmap.NoMatch: "NoMatch", waitmap.Closed: "Closed",
		waitmap.Stored: "Stored", waitmap.Full: "Full", 0: "Outcome(0)", 9: "Outcome(9)",
	} {
		want(t, "String", o.String(), s)
	}
	want(t, "the first outcome", waitmap.Woke, 1) // and 0 is none
}

func TestOptions(t *testing.T) {
	for shards, n := range map[int]int{1: 1, 2: 2, 3: 4, 64: 64, 65: 128, 1 << 20: 1 << 16} {
		want(t, "shards", waitmap.New[int, int](&waitmap.Options{Shards: shards}).ShardCount(), n)
	}
	least := max(64, 32*runtime.GOMAXPROCS(0))
	if n := waitmap.New[int, int](nil).ShardCount(); n < least || n >= 2*least || n&(n-1) != 0 {
		t.Errorf("default shards: %d, want the first power of two from %d on", n, least)
	}
	for _, o := range []waitmap.Options{{Shards: -1}, {Mailbox: -1}, {Tick: -1}} {
		if panicOf(func() { waitmap.New[int, int](&o) }) == nil {
			t.Errorf("New(%+v) did not panic", o)
		}
	}
}

// TestOneShard has all keys in one table, and more than a few.
func TestOneShard(t *testing.T) {
	m := waitmap.New[string, int](&waitmap.Options{Shards: 1})
	tickets := map[string]waitmap.Ticket[string, int]{}
	for i := range 1000 {
		k := strings.Repeat("x", i)
		tickets[k], _ = m.Reserve(k)
	}
	for k, tk := range tickets {
		if len(k)%2 == 0 {
			tk.Cancel()
		}
	}
	for k, tk := range tickets {
		want(t, "Waiting", m.Waiting(k), len(k)%2 == 1)
		if len(k)%2 == 1 {
			want(t, "Wake", m.Wake(k, len(k)), waitmap.Woke)
			v, err := tk.Await(background)
			want(t, "value", v, len(k))
			wantErr(t, "Await", err)
		}
	}
	want(t, "Len", m.Len(), 0)
}

// TestTableSizes: a table doubles before more than three quarters of it are taken,
// and halves, down to 128 slots, when less than an eighth is.
func TestTableSizes(t *testing.T) {
	m := waitmap.New[int, uint64](&waitmap.Options{Shards: 1})
	size := 8
	var tickets []iticket
	for n := 1; n <= 2000; n++ {
		if 4*n > 3*size {
			size *= 2
		}
		tickets = append(tickets, reserve(t, m, n))
		want(t, "slots of "+strconv.Itoa(n), m.Slots(), size)
	}
	for n := len(tickets) - 1; n >= 0; n-- {
		tickets[n].Cancel()
		if 8*n < size && size > 128 {
			size /= 2
		}
		want(t, "slots when left are "+strconv.Itoa(n), m.Slots(), size)
	}
	want(t, "slots in the end", size, 128)
}

// TestNeighbours: a block of integer keys shares a few shards, which neighbours
// take in turns.
func TestNeighbours(t *testing.T) {
	for _, c := range []struct{ shards, lanes int }{{1, 1}, {2, 1}, {16, 2}, {64, 4}, {1024, 16}} {
		m := waitmap.New[uint64, int](&waitmap.Options{Shards: c.shards})
		seen := make(map[int]int)
		homes := make(map[uint64]bool)
		block := uint64(c.lanes * 16)
		for k := block; k < 2*block; k++ {
			shard, home := m.ShardOf(k)
			first, _ := m.ShardOf(block + k%uint64(c.lanes))
			want(t, "shard of a neighbour", shard, first)
			seen[shard]++
			homes[home] = true
		}
		want(t, "shards of a block", len(seen), c.lanes)
		want(t, "places of a block", len(homes), int(block))
		for _, k := range []uint64{block - 1, 2 * block} { // of the next blocks
			if shard, _ := m.ShardOf(k); c.shards > c.lanes && seen[shard] > 0 {
				t.Errorf("%d shards: two blocks that follow each other share shard %d", c.shards, shard)
			}
		}
	}
}

// TestSpread: keys in sequence, with any stride, or at random fill all shards
// alike, and so do their places in a table, whatever the type.
func TestSpread(t *testing.T) {
	for name, key := range map[string]func(i uint64) uint64{
		"sequence": func(i uint64) uint64 { return i },
		"downward": func(i uint64) uint64 { return -i },
		"odd":      func(i uint64) uint64 { return 2*i + 1 },
		"by 10":    func(i uint64) uint64 { return 10 * i },
		"by 64":    func(i uint64) uint64 { return 64 * i },
		"by 1000":  func(i uint64) uint64 { return 1000 * i },
		"by 2^16":  func(i uint64) uint64 { return i << 16 },
		"by 2^20":  func(i uint64) uint64 { return i << 20 },
		"random":   func(i uint64) uint64 { return i * 0xd1342543de82ef95 >> 8 },
	} {
		spread(t, name+" uint64", func(i uint64) uint64 { return key(i) })
		spread(t, name+" int", func(i uint64) int { return int(key(i)) })
		spread(t, name+" int32", func(i uint64) int32 { return int32(key(i)) })
		spread(t, name+" uint32", func(i uint64) uint32 { return uint32(key(i)) })
		spread(t, name+" uintptr", func(i uint64) uintptr { return uintptr(key(i)) })
		spread(t, name+" named", func(i uint64) time.Duration { return time.Duration(key(i)) })
		spread(t, name+" string", func(i uint64) string { return strconv.FormatUint(key(i), 10) })
	}
	for shift := range 52 {
		spread(t, "by a power of 2", func(i uint64) uint64 { return i << shift })
	}
}

func spread[K comparable](t *testing.T, what string, key func(i uint64) K) {
	t.Helper()
	const shards, places, each = 64, 4096, 40
	m := waitmap.New[K, int](&waitmap.Options{Shards: shards})
	load := make([]int, shards)
	taken := make([]bool, places)
	distinct := 0
	for i := range uint64(shards * each) {
		shard, home := m.ShardOf(key(i))
		load[shard]++
		if p := &taken[home%places]; !*p {
			*p = true
			distinct++
		}
	}
	if n := slices.Max(load); n > 4*each {
		t.Errorf("%s: a shard has %d of %d keys", what, n, shards*each)
	}
	if n := slices.Min(load); n == 0 {
		t.Errorf("%s: a shard has no key", what)
	}
	if distinct < places*2/5 { // at random: 46 %
		t.Errorf("%s: %d keys have %d places of %d", what, shards*each, distinct, places)
	}
}

// TestIntegersHaveBlocks: so do those of 32 bits and of named types, other keys
// have none.
func TestIntegersHaveBlocks(t *testing.T) {
	type id uint64
	blocks(t, "int", true, func(i int) int { return i })
	blocks(t, "uint", true, func(i int) uint { return uint(i) })
	blocks(t, "int32", true, func(i int) int32 { return int32(i) })
	blocks(t, "uint32", true, func(i int) uint32 { return uint32(i) })
	blocks(t, "int64", true, func(i int) int64 { return int64(i) })
	blocks(t, "uint64", true, func(i int) uint64 { return uint64(i) })
	blocks(t, "uintptr", true, func(i int) uintptr { return uintptr(i) })
	blocks(t, "named", true, func(i int) id { return id(i) })
	blocks(t, "int16", false, func(i int) int16 { return int16(i) })
	blocks(t, "uint8", false, func(i int) uint8 { return uint8(i) })
	blocks(t, "float64", false, func(i int) float64 { return float64(i) })
	blocks(t, "array", false, func(i int) [2]uint32 { return [2]uint32{0, uint32(i)} })
	blocks(t, "string", false, func(i int) string { return string(rune(i)) })
}

func blocks[K comparable](t *testing.T, what string, has bool, key func(i int) K) {
	t.Helper()
	m := waitmap.New[K, int](&waitmap.Options{Shards: 1024})
	seen := map[int]bool{}
	for i := range 256 { // a block of 16 lanes
		shard, _ := m.ShardOf(key(i))
		seen[shard] = true
	}
	if (len(seen) == 16) != has || len(seen) < 16 {
		t.Errorf("%s: 256 keys in sequence have %d shards", what, len(seen))
	}
}
