package waitmap_test

import (
	"context"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/interlock/waitmap"
)

func TestAwaitParks(t *testing.T) {
	for what, end := range map[string]func(m *imap, tk iticket, cancel context.CancelCauseFunc){
		"Wake":   func(m *imap, tk iticket, cancel context.CancelCauseFunc) { m.Wake(1, 7) },
		"Fail":   func(m *imap, tk iticket, cancel context.CancelCauseFunc) { m.Fail(1, errTest) },
		"Close":  func(m *imap, tk iticket, cancel context.CancelCauseFunc) { m.Close() },
		"Cancel": func(m *imap, tk iticket, cancel context.CancelCauseFunc) { tk.Cancel() },
		"ctx":    func(m *imap, tk iticket, cancel context.CancelCauseFunc) { cancel(errTest) },
		"both":   func(m *imap, tk iticket, cancel context.CancelCauseFunc) { m.Wake(1, 7); cancel(errTest) },
	} {
		for _, how := range []string{"pooled", "owned", "pooled watched", "owned watched", "endless", "endless owned", "endless watched"} {
			synctest.Test(t, func(t *testing.T) {
				var m imap
				var w iwaiter
				ctx, cancel := context.WithCancelCause(background)
				defer cancel(nil)
				if how[0] == 'e' {
					ctx = background
				}
				for range 3 { // waiters, parkers and channels are used again
					var tk iticket
					if how[0] == 'o' || how == "endless owned" {
						tk, _ = m.ReserveIn(&w, 1)
					} else {
						tk, _ = m.Reserve(1)
					}
					if how[len(how)-1] == 'd' && how != "pooled" && how != "owned" && how != "endless owned" {
						tk.Done()
					}
					var v uint64
					var err error
					returned := false
					go func() {
						v, err = tk.Await(ctx)
						returned = true
					}()
					synctest.Wait()
					if returned {
						t.Fatalf("%s, %s: Await returned %d, %v at once", what, how, v, err)
					}
					// A second Await has no business here.
					if _, err := tk.Await(ctx); err != waitmap.ErrConsumed {
						t.Errorf("%s, %s: a second Await: %v", what, how, err)
					}
					done := tk.Done()
					end(&m, tk, cancel)
					if what == "ctx" && ctx == background {
						m.Wake(1, 0)
					}
					synctest.Wait()
					if !returned {
						t.Fatalf("%s, %s: Await did not return", what, how)
					}
					var wantV uint64
					var wantE error
					switch {
					case what == "Wake" || what == "both":
						wantV = 7
					case what == "Fail", what == "ctx" && ctx != background:
						wantE = errTest
					case what == "Close":
						wantE = waitmap.ErrClosed
					case what == "Cancel":
						wantE = waitmap.ErrConsumed
					}
					if v != wantV || err != wantE {
						t.Errorf("%s, %s: Await = %d, %v; want %d, %v", what, how, v, err, wantV, wantE)
					}
					<-done
					wantSpent(t, what+", "+how, tk)
					if m.Len() != 0 || m.Waiting(1) {
						t.Errorf("%s, %s: the wait is still there", what, how)
					}
					if what == "Close" {
						m = imap{}
					}
					if ctx != background && ctx.Err() != nil {
						cancel(nil)
						ctx, cancel = context.WithCancelCause(background)
						defer cancel(nil)
					}
				}
			})
		}
	}
}

// TestResultTakesFromAParkedAwait: exactly one of them gets the value.
func TestResultTakesFromAParkedAwait(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			var m imap
			var w iwaiter
			ctx, cancel := context.WithCancel(background)
			defer cancel()
			pooled, _ := m.Reserve(1)
			owned, _ := m.ReserveIn(&w, 2)
			for k, tk := range []iticket{1: pooled, 2: owned} {
				if k == 0 {
					continue
				}
				got := make(chan int, 3)
				go func() {
					if _, err := tk.Await(ctx); err == nil {
						got <- 1
					} else if err != waitmap.ErrConsumed {
						t.Error(err)
					}
				}()
				synctest.Wait()
				go m.Wake(k, 1)
				go func() {
					if _, _, ok := tk.Result(); ok {
						got <- 1
					}
				}()
				go func() {
					if _, arrived := tk.Cancel(); arrived {
						got <- 1
					}
				}()
				synctest.Wait()
				if len(got) > 1 || m.Len() > 1 {
					t.Error("value taken", len(got), "times")
				}
			}
		})
	}
}

// TestStaleToken: a Waiter whose wait its context ended as it was woken has a
// token left, which must not end the next wait.
func TestStaleToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m imap
		var w iwaiter
		for range 300 {
			ctx, cancel := context.WithCancel(background)
			tk, _ := m.ReserveIn(&w, 1)
			go tk.Await(ctx)
			synctest.Wait()
			go cancel()
			m.Wake(1, 1)
			synctest.Wait()

			ctx, cancel = context.WithCancel(background)
			tk, _ = m.ReserveIn(&w, 1)
			var v uint64
			var err error
			go func() { v, err = tk.Await(ctx) }()
			synctest.Wait()
			if !m.Waiting(1) {
				t.Fatal("woken by nobody")
			}
			m.Wake(1, 2)
			synctest.Wait()
			if v != 2 || err != nil {
				t.Fatal(v, err)
			}
			cancel()
		}
	})
}

func TestDeadline(t *testing.T) {
	for _, tick := range []time.Duration{0, 10 * time.Millisecond, 7 * time.Second, 1} {
		real := tick
		if real == 0 {
			real = time.Millisecond
		}
		for _, d := range []time.Duration{1, real - 1, real, real + 1, 63 * real, 64 * real, 65 * real, 4097 * real, time.Hour, 1000 * time.Hour} {
			synctest.Test(t, func(t *testing.T) {
				m := waitmap.New[int, uint64](&waitmap.Options{Tick: tick})
				time.Sleep(12345 * time.Microsecond)
				tk, err := m.ReserveUntil(1, time.Now().Add(d))
				if d == 0 {
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				_, err = tk.Await(background)
				late := time.Since(start) - d
				if err != waitmap.ErrExpired || late < 0 || late >= real { // in a bubble nothing takes time
					t.Errorf("tick %v, deadline in %v: %v after %v", tick, d, err, late)
				}
				if pending, timer := m.Timed(); pending != 0 || timer {
					t.Error("pending:", pending, "timer:", timer)
				}
				if m.Waiting(1) || m.Wake(1, 1) != waitmap.NoMatch {
					t.Error("the expired wait is still there")
				}
			})
		}
	}
}

func TestDeadlineInThePast(t *testing.T) {
	m := waitmap.New[int, uint64](&waitmap.Options{Mailbox: 1})
	m.Post(1, 1)
	synctest.Test(t, func(t *testing.T) {
		for _, at := range []time.Time{{}, time.Now(), time.Now().Add(-1)} {
			tk, err := m.ReserveUntil(1, at)
			want(t, "ReserveUntil", err, waitmap.ErrExpired)
			want(t, "ticket", tk, iticket{})
		}
	})
	want(t, "stored", m.Stored(), 1)
	want(t, "Len", m.Len(), 0)
}

func TestDeadlineFarAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tick := range []time.Duration{1, time.Millisecond, time.Hour, math.MaxInt64} {
			m := waitmap.New[int, uint64](&waitmap.Options{Tick: tick})
			first, err := m.ReserveUntil(0, time.Now().Add(100*time.Hour))
			wantErr(t, "ReserveUntil", err)
			for k, d := range []time.Duration{math.MaxInt64, math.MaxInt64 - 1, math.MaxInt64 / 2} {
				tk, err := m.ReserveUntil(k+1, time.Now().Add(d))
				wantErr(t, "ReserveUntil", err)
				time.Sleep(50 * time.Hour)
				if _, _, ok := tk.Result(); ok {
					t.Errorf("a deadline in %v is over", d)
				}
				m.Wake(k+1, 1)
			}
			first.Cancel()
			if _, timer := m.Timed(); timer {
				t.Error("a timer for nothing")
			}
		}
	})
}

// TestDeadlineIsNoMore: a wait that ended otherwise has no deadline, and the last
// one takes the timer along.
func TestDeadlineIsNoMore(t *testing.T) {
	for what, end := range map[string]func(*imap, iticket){
		"Wake":    func(m *imap, _ iticket) { m.Wake(1, 1) },
		"Fail":    func(m *imap, _ iticket) { m.Fail(1, errTest) },
		"Cancel":  func(_ *imap, tk iticket) { tk.Cancel() },
		"Await":   func(_ *imap, tk iticket) { tk.Await(cancelledContext()) },
		"Close":   func(m *imap, _ iticket) { m.Close() },
		"WakeAll": func(m *imap, _ iticket) { m.WakeAll(func(y func(int, uint64) bool) { y(1, 1) }, nil) },
	} {
		synctest.Test(t, func(t *testing.T) {
			var m imap
			tk, _ := m.ReserveUntil(1, time.Now().Add(time.Second))
			if pending, timer := m.Timed(); pending != 1 || !timer {
				t.Error(what, "pending:", pending, "timer:", timer)
			}
			end(&m, tk)
			if pending, timer := m.Timed(); pending != 0 || timer {
				t.Error(what, "pending:", pending, "timer:", timer)
			}
			again, err := m.Reserve(1)
			time.Sleep(time.Minute)
			if what != "Close" && (err != nil || !m.Waiting(1)) {
				t.Error(what, "the old deadline ended a new wait")
			}
			again.Cancel()
		})
	}
}

// TestDeadlinesInAnyOrder: many deadlines, some taken back, each in its time.
func TestDeadlinesInAnyOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := waitmap.New[int, uint64](nil)
		rnd := rand.New(rand.NewPCG(1, 2))
		var alive atomic.Int32
		for k := range 3000 {
			d := time.Duration(rnd.Int64N(int64(10 * time.Second)))
			if k%3 == 0 {
				d = 5 * time.Second // many in one slot
			}
			if k%100 == 0 {
				d *= 1000
			}
			at := time.Now().Add(d + 1)
			tk, err := m.ReserveUntil(k, at)
			if err != nil {
				t.Fatal(err)
			}
			if k%7 == 0 {
				time.Sleep(time.Duration(rnd.Int64N(int64(3 * time.Millisecond))))
				tk.Cancel()
				continue
			}
			alive.Add(1)
			done := tk.Done()
			go func() {
				<-done
				late := time.Since(at)
				if _, err, ok := tk.Result(); !ok || err != waitmap.ErrExpired || late < 0 || late >= time.Millisecond {
					t.Error(k, d, err, ok, late)
				}
				alive.Add(-1)
			}()
		}
		time.Sleep(4 * time.Hour)
		synctest.Wait()
		want(t, "alive", alive.Load(), 0)
		want(t, "Len", m.Len(), 0)
		if pending, timer := m.Timed(); pending != 0 || timer {
			t.Error("pending:", pending, "timer:", timer)
		}
	})
}

// TestDeadlinesTakenBackInAnyOrder: of many in one slot some are taken back, from
// all its places, and the others are kept.
func TestDeadlinesTakenBackInAnyOrder(t *testing.T) {
	const n = 60
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			var m imap
			at := time.Now().Add(5 * time.Second)
			var tickets []iticket
			for k := range n {
				tk, err := m.ReserveUntil(k, at)
				wantErr(t, "ReserveUntil", err)
				tickets = append(tickets, tk)
			}
			order := rand.New(rand.NewPCG(seed, 3)).Perm(n)
			for i, k := range order[:n/2] {
				tickets[k].Cancel()
				pending, _ := m.Timed()
				want(t, "pending", pending, n-1-i)
			}
			time.Sleep(4 * time.Second)
			want(t, "waits before the deadline", m.Len(), n/2)
			time.Sleep(1100 * time.Millisecond)
			synctest.Wait()
			for _, k := range order[n/2:] {
				if _, err, ok := tickets[k].Result(); err != waitmap.ErrExpired || !ok {
					t.Errorf("seed %d, key %d: %v, %v; want ErrExpired", seed, k, err, ok)
				}
			}
		})
	}
}

// TestManyDeadlinesAtOnce: more than one visit takes out, on the lowest level and
// from a higher one.
func TestManyDeadlinesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m imap
		const n = 5000
		for k := range n {
			m.ReserveUntil(k, time.Now().Add(time.Duration(1+k%2*9999)*time.Millisecond))
		}
		time.Sleep(time.Second)
		synctest.Wait()
		want(t, "Len", m.Len(), n/2)
		m.ReserveUntil(-1, time.Now().Add(time.Hour))
		time.Sleep(10 * time.Second)
		synctest.Wait()
		want(t, "Len", m.Len(), 1)
		m.Wake(-1, 1)
	})
}

// TestEarlierDeadline: the timer is set forward for a deadline before all others.
func TestEarlierDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m imap
		for _, s := range []int{3600, 60, 600, 5, 6, 1} {
			m.ReserveUntil(s, time.Now().Add(time.Duration(s)*time.Second))
		}
		for i, s := range []int{1, 5, 6, 60, 600, 3600} {
			time.Sleep(time.Until(time.Date(2000, 1, 1, 0, 0, s, 0, time.UTC)) - time.Nanosecond)
			want(t, "Waiting before", m.Waiting(s), true)
			time.Sleep(time.Millisecond)
			synctest.Wait()
			want(t, "Waiting after", m.Waiting(s), false)
			want(t, "Len", m.Len(), 5-i)
		}
	})
}

// everywhere is a Map that tests in bubbles and code outside share.
var everywhere = waitmap.New[int, uint64](&waitmap.Options{Shards: 1, Mailbox: 4})

// TestPackageLevelMap uses one map in two bubbles and then outside: nothing that
// belongs to a bubble, no channel, no timer, may stay in it.
func TestPackageLevelMap(t *testing.T) {
	use := func(t *testing.T) {
		ctx, cancel := context.WithCancel(background)
		defer cancel()
		var tickets []iticket
		for k := range 4 {
			tk, err := everywhere.ReserveUntil(k, time.Now().Add(time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			tickets = append(tickets, tk)
		}
		done := make(chan uint64)
		for k, tk := range tickets {
			go func() {
				c := background
				if k%2 == 0 {
					c = ctx
				}
				v, err := tk.Await(c)
				if err != nil {
					t.Error(err)
				}
				done <- v
			}()
		}
		for k := range tickets {
			if k > 1 {
				tickets[k].Done()
			}
			time.Sleep(time.Millisecond)
			everywhere.Wake(k, 1)
			<-done
		}
		tk, err := everywhere.ReserveUntil(9, time.Now().Add(time.Millisecond))
		if err == nil { // else the machine is so slow that it is over already
			_, err = tk.Await(ctx)
		}
		want(t, "error of a short wait", err, waitmap.ErrExpired)
		everywhere.Post(7, 7)
		if v, err := everywhere.Wait(ctx, 7); v != 7 || err != nil {
			t.Error(v, err)
		}
		<-(iticket{}).Done()
	}
	for range 2 {
		synctest.Test(t, use)
		synctest.Test(t, use)
		use(t)
	}
}

// TestWaiterMoves: a caller's Waiter sleeps in one map after the other, and each
// time with the lock of the map where it is.
func TestWaiterMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w iwaiter
		for i := range 4 {
			var m imap
			tk, err := m.ReserveIn(&w, i)
			wantErr(t, "ReserveIn", err)
			done := make(chan bool)
			go func() {
				defer close(done)
				v, err := tk.Await(background)
				want(t, "value", v, 7)
				wantErr(t, "Await", err)
			}()
			synctest.Wait()
			want(t, "Wake", m.Wake(i, 7), waitmap.Woke)
			<-done
		}
	})
}

// TestCancelledSleeperKeepsItsWaiter: while an Await that somebody cancelled is on
// its way out, its memory serves no other wait.
func TestCancelledSleeperKeepsItsWaiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := waitmap.New[int, uint64](&waitmap.Options{Shards: 1})
		for range 300 {
			tk := reserve(t, m, 1)
			done := make(chan error)
			go func() {
				_, err := tk.Await(background)
				done <- err
			}()
			synctest.Wait()
			tk.Cancel()
			next := reserve(t, m, 2)
			want(t, "Wake", m.Wake(2, 5), waitmap.Woke)
			want(t, "Await", <-done, waitmap.ErrConsumed)
			wantResult(t, "the next wait", next, 5)
		}
	})
}
