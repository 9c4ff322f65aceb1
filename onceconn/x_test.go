package onceconn_test

import (
	"context"
	"errors"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/interlock/onceconn"
)

func asError(t testing.TB, err error) *onceconn.Error {
	t.Helper()
	var e *onceconn.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is not an *onceconn.Error", err)
	}
	return e
}

func TestGetKeepsTheConnection(t *testing.T) {
	bubble(t, nil, func(t *testing.T, m *fmap, h *host) {
		a, b := get(t, m, "a"), get(t, m, "b")
		if a == b || get(t, m, "a") != a || get(t, m, "b") != b {
			t.Error("each key has its connection")
		}
		expectLaunches(t, h, 2)
		ctx, cancel := context.WithCancel(bg)
		cancel()
		if c, err := m.Get(ctx, "a"); c != a || err != nil {
			t.Error("a hit does not look at the context")
		}
		_, err := m.Get(ctx, "c")
		expectIs(t, err, context.Canceled)
		expectLaunches(t, h, 2)
		s := m.Stats()
		if s.Records != 3 || s.Open != 2 || s.Waiters != 0 || s.Leases != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestTryGet(t *testing.T) {
	bubble(t, nil, func(t *testing.T, m *fmap, h *host) {
		if c, ok := m.TryGet("k"); c != nil || ok {
			t.Error("TryGet found what is not there")
		}
		c := get(t, m, "k")
		if got, ok := m.TryGet("k"); got != c || !ok {
			t.Error("TryGet missed the connection")
		}
		if got, ok := m.Key("k").TryGet(); got != c || !ok {
			t.Error("Entry.TryGet missed the connection")
		}
		c.dead(errHungUp)
		if _, ok := m.TryGet("k"); ok {
			t.Error("TryGet gave a dead connection")
		}
		expectLaunches(t, h, 1)
		if s := m.Stats(); s.Records != 1 {
			t.Errorf("%d records", s.Records)
		}
	})
}

func TestCause(t *testing.T) {
	bubble(t, nil, func(t *testing.T, m *fmap, h *host) {
		h.set(after(time.Minute, nil))
		mine := errors.New("mine")
		ctx, cancel := context.WithCancelCause(bg)
		time.AfterFunc(time.Second, func() { cancel(mine) })
		if _, err := m.Get(ctx, "k"); err != mine {
			t.Errorf("got %v, want the context's cause", err)
		}
		if _, err := m.Acquire(ctx, "k"); err != mine {
			t.Errorf("got %v, want the context's cause", err)
		}
	})
}

func TestDeadIsReplaced(t *testing.T) {
	var evicted []error
	o := &fopts{Hooks: onceconn.Hooks{Evict: func(_ any, cause error) { evicted = append(evicted, cause) }}}
	bubble(t, o, func(t *testing.T, m *fmap, h *host) {
		c := get(t, m, "k")
		time.Sleep(time.Minute)
		c.dead(errHungUp)
		c.dead(errors.New("again"))
		d := get(t, m, "k") // before the janitor had a chance
		if c == d {
			t.Fatal("got the dead connection")
		}
		synctest.Wait()
		if c.closed.Load() != 1 || c.stopped.Load() != 1 {
			t.Errorf("dead connection closed %d times, watch stopped %d times", c.closed.Load(), c.stopped.Load())
		}
		if len(evicted) != 1 || evicted[0] != errHungUp {
			t.Errorf("hook got %v", evicted)
		}
		d.dead(nil)
		synctest.Wait()
		expectPhase(t, m, "k", "closed") // the first early death costs nothing
		get(t, m, "k")
		expectLaunches(t, h, 3)
	})
}

func TestEvict(t *testing.T) {
	bubble(t, nil, func(t *testing.T, m *fmap, h *host) {
		if m.Evict("k", &fake{}, nil) {
			t.Error("evicted from nothing")
		}
		c := get(t, m, "k")
		if m.Evict("k", &fake{}, nil) || m.Evict("other", c, nil) {
			t.Error("evicted a stranger")
		}
		if !m.Evict("k", c, errHungUp) {
			t.Error("could not evict the connection")
		}
		if c.closed.Load() != 1 {
			t.Error("not closed when Evict returned")
		}
		for range 20 { // an eviction is no failure, however often it happens
			d := get(t, m, "k")
			if m.Evict("k", c, nil) {
				t.Fatal("an old connection evicted the new one")
			}
			if !m.Key("k").Evict(d, nil) {
				t.Fatal("could not evict the connection")
			}
		}
		expectLaunches(t, h, 21)
		if s := m.Stats(); s.Records != 1 {
			t.Errorf("Evict made records: %d", s.Records)
		}
	})
}

func TestLeases(t *testing.T) {
	bubble(t, nil, func(t *testing.T, m *fmap, h *host) {
		var zero onceconn.Lease[*fake]
		zero.Release()
		if zero.Conn() != nil {
			t.Error("the zero lease has a connection")
		}
		l1, err := m.Acquire(bg, "k")
		if err != nil {
			t.Fatal(err)
		}
		l2, _ := m.Key("k").Acquire(bg)
		c := l1.Conn()
		if l2.Conn() != c {
			t.Fatal("two leases, two connections")
		}
		if s := m.Stats(); s.Leases != 2 {
			t.Errorf("%d leases, want 2", s.Leases)
		}
		if !m.Evict("k", c, nil) {
			t.Fatal("not evicted")
		}
		if s := m.Stats(); s.Leases != 2 || s.Retiring != 1 || s.Open != 0 {
			t.Errorf("stats %+v", s)
		}
		l3, _ := m.Acquire(bg, "k")
		if l3.Conn() == c {
			t.Error("a retired connection was handed out")
		}
		l1.Release()
		if c.closed.Load() != 0 {
			t.Error("closed under a holder")
		}
		l2.Release()
		if c.closed.Load() != 1 {
			t.Error("not closed by the last Release")
		}
		if l2.Conn() != nil {
			t.Error("a released lease has a connection")
		}
		l3.Release()
		if l3.Conn(); h.conns[1].closed.Load() != 0 {
			t.Error("the open connection was closed by a Release")
		}
		func() {
			defer func() {
				if v, _ := recover().(string); !strings.HasPrefix(v, "onceconn:") {
					t.Errorf("second Release: %v", v)
				}
			}()
			l3.Release()
		}()
		if s := m.Stats(); s.Leases != 0 || s.Retiring != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestDeathUnderLease(t *testing.T) {
	bubble(t, nil, func(t *testing.T, m *fmap, h *host) {
		l, _ := m.Acquire(bg, "k")
		c := l.Conn()
		c.dead(errHungUp)
		synctest.Wait()
		if c.closed.Load() != 0 {
			t.Error("closed under a holder")
		}
		if get(t, m, "k") == c {
			t.Error("got the dead connection")
		}
		l.Release()
		if c.closed.Load() != 1 {
			t.Error("not closed by the last Release")
		}
	})
}

func TestStart(t *testing.T) {
	bubble(t, nil, func(t *testing.T, m *fmap, h *host) {
		h.set(after(5*time.Second, nil)) // longer than the linger
		m.Start("k")
		m.Start("k")
		synctest.Wait()
		expectPhase(t, m, "k", "launching")
		ctx, cancel := within(time.Second)
		defer cancel()
		if _, err := m.Get(ctx, "k"); err != context.DeadlineExceeded {
			t.Error(err)
		}
		time.Sleep(10 * time.Second)
		expectPhase(t, m, "k", "open")
		m.Start("k")
		expectLaunches(t, h, 1)
		h.set(after(0, errRefused))
		m.Start("bad")
		synctest.Wait()
		m.Start("bad")
		synctest.Wait()
		expectLaunches(t, h, 2)
		time.Sleep(time.Second)
		m.Start("bad")
		synctest.Wait()
		expectLaunches(t, h, 3)
	})
}

// Start while a launch is being cancelled: the launch is made again at its end.
func TestStartWhileCancelling(t *testing.T) {
	bubble(t, &fopts{Abandon: onceconn.AtOnce}, func(t *testing.T, m *fmap, h *host) {
		h.set(func(ctx context.Context, a *ftry) error {
			if a.N > 1 {
				return nil
			}
			<-ctx.Done()
			time.Sleep(time.Second) // slow to end
			return ctx.Err()
		})
		ctx, cancel := within(time.Second)
		defer cancel()
		m.Get(ctx, "k")
		expectPhase(t, m, "k", "cancelling")
		if s := m.Stats(); s.Cancelling != 1 || s.Launching != 0 {
			t.Errorf("stats %+v", s)
		}
		m.Start("k")
		time.Sleep(2 * time.Second)
		expectPhase(t, m, "k", "open")
		expectLaunches(t, h, 2)
	})
}

// A caller who comes while a launch is being cancelled never sees that
// cancellation, and the launches do not overlap.
func TestJoinWhileCancelling(t *testing.T) {
	bubble(t, &fopts{Abandon: onceconn.AtOnce}, func(t *testing.T, m *fmap, h *host) {
		h.set(func(ctx context.Context, a *ftry) error {
			if a.N == 1 {
				<-ctx.Done()
				time.Sleep(time.Second)
				return ctx.Err()
			}
			return after(100*time.Millisecond, nil)(ctx, a)
		})
		ctx, cancel := within(time.Second)
		defer cancel()
		_, err := m.Get(ctx, "k")
		expectIs(t, err, context.DeadlineExceeded)
		errs, _ := crowd(20, func(int) error {
			_, err := m.Get(bg, "k")
			return err
		})
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
		expectLaunches(t, h, 2)
	})
}

// A launch that succeeds although it was cancelled is not wasted.
func TestLateSuccessIsAdopted(t *testing.T) {
	bubble(t, &fopts{Abandon: onceconn.AtOnce}, func(t *testing.T, m *fmap, h *host) {
		h.set(func(ctx context.Context, a *ftry) error { time.Sleep(2 * time.Second); return nil })
		ctx, cancel := within(time.Second)
		defer cancel()
		m.Get(ctx, "k")
		expectPhase(t, m, "k", "cancelling")
		get(t, m, "k")
		expectLaunches(t, h, 1)
	})
}

func TestAbandonNever(t *testing.T) {
	bubble(t, &fopts{Abandon: onceconn.Never}, func(t *testing.T, m *fmap, h *host) {
		h.set(after(20*time.Second, nil))
		ctx, cancel := within(time.Second)
		defer cancel()
		m.Get(ctx, "k")
		time.Sleep(20 * time.Second)
		expectPhase(t, m, "k", "open")
	})
}

func TestAbandonAtOnce(t *testing.T) {
	bubble(t, &fopts{Abandon: onceconn.AtOnce}, func(t *testing.T, m *fmap, h *host) {
		var cause error
		h.set(func(ctx context.Context, _ *ftry) error {
			<-ctx.Done()
			cause = context.Cause(ctx)
			return ctx.Err()
		})
		began := time.Now()
		ctx, cancel := within(time.Second)
		defer cancel()
		m.Get(ctx, "k")
		synctest.Wait()
		expectPhase(t, m, "k", "closed")
		expectIs(t, cause, context.Canceled)
		if d := time.Since(began); d != time.Second {
			t.Errorf("ended after %v", d)
		}
		// No penalty: the next launch is made at once.
		h.set(nil)
		get(t, m, "k")
	})
}

// A newcomer within the linger takes the launch over, and the linger begins
// anew when it leaves.
func TestLingerIsRestarted(t *testing.T) {
	bubble(t, &fopts{Abandon: onceconn.AfterLast(100 * time.Millisecond)}, func(t *testing.T, m *fmap, h *host) {
		h.set(after(350*time.Millisecond, nil))
		for range 3 {
			ctx, cancel := within(50 * time.Millisecond)
			m.Get(ctx, "k")
			cancel()
			time.Sleep(80 * time.Millisecond)
		}
		expectLaunches(t, h, 1)
		expectPhase(t, m, "k", "open")
		m.Evict("k", get(t, m, "k"), nil)
		ctx, cancel := within(50 * time.Millisecond)
		defer cancel()
		m.Get(ctx, "k")
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		expectPhase(t, m, "k", "closed")
	})
}

// Start during the linger takes the launch over, too, and for good.
func TestStartEndsTheLinger(t *testing.T) {
	bubble(t, &fopts{Abandon: onceconn.AfterLast(time.Second)}, func(t *testing.T, m *fmap, h *host) {
		h.set(after(5*time.Second, nil))
		ctx, cancel := within(100 * time.Millisecond)
		defer cancel()
		_, err := m.Get(ctx, "k")
		expectIs(t, err, context.DeadlineExceeded)
		m.Start("k")
		time.Sleep(10 * time.Second)
		expectLaunches(t, h, 1)
		expectPhase(t, m, "k", "open")
	})
}

func TestLaunchTimeout(t *testing.T) {
	bubble(t, &fopts{LaunchTimeout: time.Second}, func(t *testing.T, m *fmap, h *host) {
		h.set(func(ctx context.Context, _ *ftry) error {
			if d, ok := ctx.Deadline(); !ok || time.Until(d) != time.Second {
				t.Errorf("deadline %v %v", d, ok)
			}
			<-ctx.Done()
			expectIs(t, context.Cause(ctx), context.DeadlineExceeded)
			return ctx.Err()
		})
		began := time.Now()
		_, err := m.Get(bg, "k")
		if d := time.Since(began); d != time.Second {
			t.Errorf("took %v", d)
		}
		expectIs(t, err, context.DeadlineExceeded)
		expectIs(t, err, os.ErrDeadlineExceeded)
		if e := asError(t, err); !e.Timeout() || e.Cached || e.Attempt != 1 || e.Waiters != 1 || e.Ended.Sub(e.Started) != time.Second || e.Key != "k" {
			t.Errorf("error %+v", e)
		}
		expectPhase(t, m, "k", "backoff")
	})
}

// A launch that ignores its context cannot wedge its key.
func TestOrphan(t *testing.T) {
	bubble(t, &fopts{LaunchTimeout: time.Second, MaxLaunches: 1}, func(t *testing.T, m *fmap, h *host) {
		release := make(chan struct{})
		h.set(func(ctx context.Context, a *ftry) error {
			if a.N == 1 {
				<-release
			}
			return nil
		})
		began := time.Now()
		_, err := m.Get(bg, "k")
		expectIs(t, err, context.DeadlineExceeded)
		if d := time.Since(began); d != 6*time.Second {
			t.Errorf("took %v, want LaunchTimeout and Grace", d)
		}
		if n := m.Stats().Orphans; n != 1 {
			t.Errorf("%d orphans", n)
		}
		time.Sleep(time.Second)
		h.mu.Lock()
		h.running["k"] = 0 // an orphan does not count
		h.mu.Unlock()
		c := get(t, m, "k")
		close(release)
		synctest.Wait()
		if n := m.Stats().Orphans; n != 0 {
			t.Errorf("%d orphans", n)
		}
		if late := h.conns[1]; late == c || late.closed.Load() != 1 {
			t.Error("the orphan's connection was not closed")
		}
		if get(t, m, "k") != c {
			t.Error("the orphan replaced the connection")
		}
	})
}

// The same when the launch was cancelled for want of waiters.
func TestOrphanOfCancelling(t *testing.T) {
	bubble(t, &fopts{Abandon: onceconn.AtOnce, Grace: 3 * time.Second}, func(t *testing.T, m *fmap, h *host) {
		release := make(chan struct{})
		h.set(func(ctx context.Context, a *ftry) error {
			if a.N == 1 {
				<-release
				return errRefused
			}
			return nil
		})
		ctx, cancel := within(time.Second)
		defer cancel()
		m.Get(ctx, "k")
		began := time.Now()
		h.mu.Lock()
		h.running["k"] = -1 // an orphan does not count
		h.mu.Unlock()
		get(t, m, "k") // waits for the old launch until that is given up
		if d := time.Since(began); d != 3*time.Second {
			t.Errorf("took %v, want Grace", d)
		}
		close(release)
		synctest.Wait()
		expectPhase(t, m, "k", "open")
	})
}

func TestBackoffGrowsAndResets(t *testing.T) {
	var hooked []time.Duration
	o := &fopts{Backoff: onceconn.Backoff{Base: time.Second, Multiplier: 2, Jitter: 1e-9, Max: 5 * time.Second}}
	o.Hooks.Backoff = func(key any, err error, at time.Time) {
		if key != "k" || err != errRefused {
			t.Errorf("hook got %v, %v", key, err)
		}
		hooked = append(hooked, time.Until(at).Round(time.Millisecond))
	}
	bubble(t, o, func(t *testing.T, m *fmap, h *host) {
		var tries []int
		var last []error
		h.set(func(_ context.Context, a *ftry) error {
			tries = append(tries, a.N)
			last = append(last, a.LastErr)
			if a.LastErr != nil && a.LastFailure.IsZero() {
				t.Error("no LastFailure")
			}
			return errRefused
		})
		for _, rest := range []time.Duration{1, 2, 4, 5, 5} {
			_, err := m.Get(bg, "k")
			e := asError(t, err)
			if d := time.Until(e.RetryAt).Round(time.Millisecond); e.Cached || d != rest*time.Second {
				t.Errorf("rests for %v, want %v", d, rest*time.Second)
			}
			time.Sleep(rest*time.Second - 10*time.Millisecond)
			_, err = m.Get(bg, "k")
			if e := asError(t, err); !e.Cached {
				t.Error("launched too early")
			}
			time.Sleep(20 * time.Millisecond)
		}
		if !slices.Equal(tries, []int{1, 2, 3, 4, 5}) || last[0] != nil || last[4] != errRefused {
			t.Errorf("attempts %v, last errors %v", tries, last)
		}
		if want := []time.Duration{1, 2, 4, 5, 5}; len(hooked) != 5 || hooked[2] != want[2]*time.Second {
			t.Errorf("hook saw %v", hooked)
		}
		m.Get(bg, "k")
		m.ResetBackoff("k")
		m.ResetBackoff("other")
		_, err := m.Get(bg, "k")
		if e := asError(t, err); e.Cached || time.Until(e.RetryAt).Round(time.Millisecond) != time.Second {
			t.Errorf("after ResetBackoff: %+v", e)
		}
		m.ResetAllBackoff()
		h.set(nil)
		get(t, m, "k")
		time.Sleep(time.Minute) // stable
		m.Evict("k", get(t, m, "k"), nil)
		h.set(after(0, errRefused))
		_, err = m.Get(bg, "k")
		if e := asError(t, err); e.Attempt != 1 || time.Until(e.RetryAt).Round(time.Millisecond) != time.Second {
			t.Errorf("after a stable connection: %+v", e)
		}
	})
}

// A connection that did not live for StableAfter does not end the series.
func TestBackoffNeedsStability(t *testing.T) {
	o := &fopts{Backoff: onceconn.Backoff{Base: time.Second, Multiplier: 2, Jitter: 1e-9}}
	bubble(t, o, func(t *testing.T, m *fmap, h *host) {
		fail := func(want time.Duration) {
			t.Helper()
			h.set(after(0, errRefused))
			_, err := m.Get(bg, "k")
			if d := time.Until(asError(t, err).RetryAt).Round(time.Millisecond); d != want {
				t.Errorf("rests for %v, want %v", d, want)
			}
			time.Sleep(want + time.Millisecond)
			h.set(nil)
		}
		fail(1 * time.Second)
		fail(2 * time.Second)
		m.Evict("k", get(t, m, "k"), nil)
		fail(4 * time.Second)
		c := get(t, m, "k")
		time.Sleep(9 * time.Second)
		m.Evict("k", c, nil)
		fail(8 * time.Second)
		c = get(t, m, "k")
		time.Sleep(10 * time.Second)
		m.Evict("k", c, nil)
		fail(1 * time.Second)
	})
}

func TestBackoffWait(t *testing.T) {
	o := &fopts{OnBackoff: onceconn.Wait, Backoff: onceconn.Backoff{Base: time.Second, Jitter: 1e-9}}
	bubble(t, o, func(t *testing.T, m *fmap, h *host) {
		h.set(after(0, errRefused))
		_, err := m.Get(bg, "k")
		expectIs(t, err, errRefused)
		ctx, cancel := within(500 * time.Millisecond)
		defer cancel()
		began := time.Now()
		_, err = m.Get(ctx, "k")
		if e := asError(t, err); !e.Cached || time.Since(began) != 0 {
			t.Errorf("a caller who cannot live to see RetryAt waited: %v", e)
		}
		h.set(nil)
		errs, took := crowd(10, func(i int) error {
			ctx, cancel := within(2 * time.Second)
			if i == 0 {
				ctx, cancel = context.WithCancel(bg)
				time.AfterFunc(300*time.Millisecond, cancel)
			}
			defer cancel()
			_, err := m.Get(ctx, "k")
			return err
		})
		expectIs(t, errs[0], context.Canceled)
		if took[0] != 300*time.Millisecond {
			t.Errorf("left after %v", took[0])
		}
		if err := errors.Join(errs[1:]...); err != nil {
			t.Error(err)
		}
		if d := took[9].Round(time.Millisecond); d != time.Second {
			t.Errorf("waited for %v, want 1 s", d)
		}
		expectLaunches(t, h, 2)
	})
}

func TestResetBackoffWakesWaiters(t *testing.T) {
	o := &fopts{OnBackoff: onceconn.Wait, Backoff: onceconn.Backoff{Base: time.Minute, Max: time.Hour}}
	bubble(t, o, func(t *testing.T, m *fmap, h *host) {
		h.set(after(0, errRefused))
		m.Get(bg, "k")
		h.set(nil)
		var wg sync.WaitGroup
		began := time.Now()
		for range 5 {
			wg.Go(func() { get(t, m, "k") })
		}
		synctest.Wait()
		if n := m.Stats().Waiters; n != 5 {
			t.Errorf("%d waiters", n)
		}
		m.Key("k").ResetBackoff()
		wg.Wait()
		if time.Since(began) != 0 {
			t.Errorf("waited for %v", time.Since(began))
		}
		expectLaunches(t, h, 2)
	})
}

func TestPermanent(t *testing.T) {
	o := &fopts{OnBackoff: onceconn.Wait, Permanent: func(err error) bool { return errors.Is(err, errRefused) }}
	bubble(t, o, func(t *testing.T, m *fmap, h *host) {
		h.set(after(0, errRefused))
		_, err := m.Get(bg, "k")
		if e := asError(t, err); !e.RetryAt.IsZero() || e.Cached {
			t.Errorf("%+v", e)
		}
		time.Sleep(24 * time.Hour)
		_, err = m.Get(bg, "k")
		if e := asError(t, err); !e.Cached || e.Err != errRefused {
			t.Errorf("%+v", e)
		}
		expectLaunches(t, h, 1)
		h.set(nil)
		m.ResetBackoff("k")
		get(t, m, "k")
	})
}

// Own exhaustion: the launch is repeated after a pause, and is never charged to
// the key.
func TestLocalExhaustion(t *testing.T) {
	bubble(t, nil, func(t *testing.T, m *fmap, h *host) {
		emfile := &os.SyscallError{Syscall: "socket", Err: errEMFILE}
		h.set(func(_ context.Context, a *ftry) error {
			if a.N != 1 {
				t.Errorf("attempt %d, but none was charged to the key", a.N)
			}
			return emfile
		})
		began := time.Now()
		_, err := m.Get(bg, "k")
		if e := asError(t, err); e.Cached || !e.RetryAt.IsZero() || e.Attempt != 1 || !errors.Is(err, errEMFILE) {
			t.Errorf("%+v", e)
		}
		if d := time.Since(began); d != 100*time.Millisecond {
			t.Errorf("paused for %v", d)
		}
		expectLaunches(t, h, 2)
		expectPhase(t, m, "k", "closed")
		h.set(func(_ context.Context, a *ftry) error {
			if a.N != 1 {
				t.Errorf("attempt %d, but none was charged to the key", a.N)
			}
			return nil
		})
		get(t, m, "other") // waits for the pause that follows a second failure
		get(t, m, "k")
		if d := time.Since(began); d != 200*time.Millisecond {
			t.Errorf("both opened after %v", d)
		}
	})
}

// Own exhaustion closes the connection that was idle for longest instead, if
// there is one without lease.
func TestLocalExhaustionMakesRoom(t *testing.T) {
	var causes []any
	o := &fopts{Hooks: onceconn.Hooks{Evict: func(k any, err error) { causes = append(causes, k) }}}
	bubble(t, o, func(t *testing.T, m *fmap, h *host) {
		l, _ := m.Acquire(bg, "leased")
		time.Sleep(time.Minute)
		get(t, m, "old")
		time.Sleep(time.Minute)
		get(t, m, "new")
		time.Sleep(time.Minute)
		fails := 1
		h.set(func(context.Context, *ftry) error {
			if fails--; fails >= 0 {
				return errEMFILE
			}
			return nil
		})
		began := time.Now()
		get(t, m, "k")
		if time.Since(began) != 0 {
			t.Errorf("waited for %v", time.Since(began))
		}
		if h.conns[1].closed.Load() != 1 || h.conns[0].closed.Load()+h.conns[2].closed.Load() != 0 {
			t.Error("the wrong connection was closed")
		}
		if len(causes) != 1 || causes[0] != "old" {
			t.Errorf("hook saw %v", causes)
		}
		l.Release()
		m.Close()
	})
}

func TestMaxLaunches(t *testing.T) {
	bubble(t, &fopts{MaxLaunches: 3, LaunchTimeout: 1500 * time.Millisecond}, func(t *testing.T, m *fmap, h *host) {
		var mu sync.Mutex
		now, most := 0, 0
		h.set(func(context.Context, *ftry) error {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			now--
			mu.Unlock()
			return nil
		})
		began := time.Now()
		errs, _ := crowd(10, func(i int) error {
			_, err := m.Get(bg, string(rune('a'+i)))
			return err
		})
		if err := errors.Join(errs...); err != nil {
			t.Error(err) // time in the queue is not the launch's
		}
		if d := time.Since(began); d != 4*time.Second || most != 3 {
			t.Errorf("took %v with %d at once", d, most)
		}
	})
}

// An orphan gives its place up once: when it returns after all, that makes no room
// for a second launch.
func TestMaxLaunchesAfterAnOrphan(t *testing.T) {
	bubble(t, &fopts{MaxLaunches: 1, LaunchTimeout: time.Second, Grace: time.Second}, func(t *testing.T, m *fmap, h *host) {
		h.set(func(context.Context, *ftry) error { time.Sleep(5 * time.Second); return errRefused })
		m.Get(bg, "orphan")
		time.Sleep(10 * time.Second)
		var now, most atomic.Int32
		h.set(func(context.Context, *ftry) error {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(500 * time.Millisecond)
			now.Add(-1)
			return nil
		})
		crowd(4, func(i int) error {
			_, err := m.Get(bg, string(rune('a'+i)))
			return err
		})
		if n := most.Load(); n != 1 {
			t.Errorf("%d launches at once", n)
		}
	})
}

func TestQueueKeepsOrder(t *testing.T) {
	bubble(t, &fopts{MaxLaunches: 1}, func(t *testing.T, m *fmap, h *host) {
		h.set(after(time.Second, nil))
		for i := range 10 {
			m.Start(string(rune('a' + i)))
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		for i, c := range h.conns {
			if c.key != string(rune('a'+i)) {
				t.Errorf("launch %d was that of %s", i+1, c.key)
			}
		}
	})
}

// A launch that waits in the queue ends without ever being called when nobody
// wants it any more.
func TestMaxLaunchesAbandonedInQueue(t *testing.T) {
	bubble(t, &fopts{MaxLaunches: 1, Abandon: onceconn.AtOnce}, func(t *testing.T, m *fmap, h *host) {
		h.set(after(10*time.Second, nil))
		m.Start("first")
		synctest.Wait()
		ctx, cancel := within(time.Second)
		defer cancel()
		_, err := m.Get(ctx, "queued")
		expectIs(t, err, context.DeadlineExceeded)
		expectPhase(t, m, "queued", "closed")
		time.Sleep(time.Minute)
		expectLaunches(t, h, 1)
		get(t, m, "queued")
	})
}

func TestFlapping(t *testing.T) {
	o := &fopts{Rechecks: 5, Backoff: onceconn.Backoff{Base: time.Second, Multiplier: 2, Jitter: 1e-9, StableAfter: time.Minute}}
	o.Watch = func(c *fake, dead func(error)) func() {
		c.dead = dead
		dead(errHungUp) // accepted and hung up
		return func() { c.stopped.Add(1) }
	}
	bubble(t, o, func(t *testing.T, m *fmap, h *host) {
		h.set(after(time.Millisecond, nil))
		began := time.Now()
		errs, _ := crowd(100, func(int) error {
			_, err := m.Get(bg, "k")
			return err
		})
		for _, err := range errs {
			expectIs(t, err, onceconn.ErrFlapping)
			expectIs(t, err, errHungUp)
		}
		expectLaunches(t, h, 5)
		// The first death is free; then the pauses grow: 1 + 2 + 4 s.
		if d := time.Since(began).Round(100 * time.Millisecond); d != 7*time.Second {
			t.Errorf("five launches took %v", d)
		}
		synctest.Wait()
		expectPhase(t, m, "k", "backoff")
		ctx, cancel := within(time.Second)
		defer cancel()
		_, err := m.Get(ctx, "k")
		expectIs(t, err, onceconn.ErrFlapping)
		if e := asError(t, err); !e.Cached {
			t.Errorf("%+v", e)
		}
		expectLaunches(t, h, 5)
	})
}

func TestHealthy(t *testing.T) {
	sick := map[*fake]bool{}
	bubble(t, &fopts{Healthy: func(c *fake) bool { return !sick[c] }}, func(t *testing.T, m *fmap, h *host) {
		c := get(t, m, "k")
		if get(t, m, "k") != c {
			t.Error("replaced a healthy connection")
		}
		sick[c] = true
		l, err := m.Acquire(bg, "k")
		if err != nil || l.Conn() == c {
			t.Error("got a sick connection", err)
		}
		l.Release()
		synctest.Wait()
		if c.closed.Load() != 1 {
			t.Error("sick connection not closed")
		}
	})
}

func TestPing(t *testing.T) {
	var pings int
	var behave func(ctx context.Context) error
	o := &fopts{PingAfterIdle: time.Minute, PingTimeout: 3 * time.Second, Ping: func(ctx context.Context, c *fake) error {
		pings++
		return behave(ctx)
	}}
	bubble(t, o, func(t *testing.T, m *fmap, h *host) {
		behave = func(context.Context) error { time.Sleep(time.Second); return nil }
		c := get(t, m, "k")
		for range 10 {
			time.Sleep(20 * time.Second)
			get(t, m, "k")
		}
		if pings != 0 {
			t.Errorf("%d pings of a busy connection", pings)
		}
		time.Sleep(61 * time.Second)
		errs, took := crowd(20, func(i int) error {
			ctx, cancel := within(time.Minute)
			if i == 0 {
				cancel()
				ctx, cancel = within(100 * time.Millisecond)
			}
			defer cancel()
			got, err := m.Get(ctx, "k")
			if err == nil && got != c {
				t.Error("replaced a healthy connection")
			}
			return err
		})
		expectIs(t, errs[0], context.DeadlineExceeded)
		if err := errors.Join(errs[1:]...); err != nil || pings != 1 || took[0] != 100*time.Millisecond || took[1] != time.Second {
			t.Errorf("%v, %d pings, took %v and %v", err, pings, took[0], took[1])
		}
		behave = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		time.Sleep(2 * time.Minute)
		began := time.Now()
		if get(t, m, "k") == c {
			t.Error("kept a connection whose ping failed")
		}
		if d := time.Since(began); d != 3*time.Second {
			t.Errorf("a ping took %v, want PingTimeout", d)
		}
		behave = func(ctx context.Context) error { panic("ping") }
		time.Sleep(2 * time.Minute)
		get(t, m, "k")
		behave = func(ctx context.Context) error { runtime.Goexit(); return nil }
		time.Sleep(2 * time.Minute)
		get(t, m, "k")
		expectLaunches(t, h, 4)
		never := make(chan struct{})
		behave = func(ctx context.Context) error { <-never; return nil }
		time.Sleep(2 * time.Minute)
		began = time.Now()
		get(t, m, "k") // a ping that ignores its context wedges nothing
		if d := time.Since(began); d != 8*time.Second {
			t.Errorf("waited %v for a ping", d)
		}
		close(never)
	})
}

func TestIdle(t *testing.T) {
	bubble(t, &fopts{IdleTimeout: 32 * time.Second}, func(t *testing.T, m *fmap, h *host) {
		c := get(t, m, "k")
		for range 10 {
			time.Sleep(31 * time.Second)
			if get(t, m, "k") != c {
				t.Fatal("a connection in use was retired")
			}
		}
		l, _ := m.Acquire(bg, "k")
		time.Sleep(time.Hour)
		l.Release()
		time.Sleep(31 * time.Second)
		if c.closed.Load() != 0 || get(t, m, "k") != c {
			t.Fatal("a leased connection was retired, or soon after Release")
		}
		time.Sleep(34*time.Second + time.Millisecond)
		synctest.Wait()
		if c.closed.Load() != 1 {
			t.Error("an idle connection was not closed")
		}
		expectPhase(t, m, "k", "absent") // it was stable and taught us nothing
		get(t, m, "k")
		expectLaunches(t, h, 2)
	})
}

func TestIdleBusyAndDrop(t *testing.T) {
	var busy atomic.Bool
	busy.Store(true)
	o := &fopts{IdleTimeout: 32 * time.Second, Busy: func(*fake) bool { return busy.Load() }, OnRetire: onceconn.Drop}
	bubble(t, o, func(t *testing.T, m *fmap, h *host) {
		c := get(t, m, "k")
		time.Sleep(time.Hour)
		expectPhase(t, m, "k", "open")
		busy.Store(false)
		time.Sleep(2 * time.Second)
		expectPhase(t, m, "k", "absent")
		if c.closed.Load() != 0 || c.stopped.Load() != 1 {
			t.Error("Drop leaves closing to the users, but ends the watch")
		}
		c.Close()
		if d := get(t, m, "k"); !m.Evict("k", d, nil) || d.closed.Load() != 1 {
			t.Error("an evicted connection is closed even so")
		}
	})
}

// A copy of a lease is the same lease.
func TestLeaseCopyReleased(t *testing.T) {
	bubble(t, nil, func(t *testing.T, m *fmap, h *host) {
		l, err := m.Acquire(bg, "k")
		if err != nil {
			t.Fatal(err)
		}
		second := l
		l.Release()
		defer func() {
			if v := recover(); v != "onceconn: lease released twice" {
				t.Errorf("recovered %v", v)
			}
		}()
		second.Release()
	})
}

// A handle outlives what the Map remembers of its key.
func TestHandleOfAForgottenKey(t *testing.T) {
	bubble(t, &fopts{DataTTL: time.Hour}, func(t *testing.T, m *fmap, h *host) {
		e := m.Key("k")
		h.set(func(context.Context, *ftry) error { return errRefused })
		_, err := e.Get(bg)
		expectIs(t, err, errRefused)
		time.Sleep(2 * time.Hour)
		if s := m.Stats(); s.Records != 0 {
			t.Fatalf("remembered: %+v", s)
		}
		h.set(func(_ context.Context, a *ftry) error {
			if a.N != 1 || a.LastErr != nil || !a.LastFailure.IsZero() {
				t.Errorf("attempt %d after %v at %v", a.N, a.LastErr, a.LastFailure)
			}
			return nil
		})
		if _, err := e.Get(bg); err != nil {
			t.Error(err)
		}
	})
}

func TestLifetime(t *testing.T) {
	var busy atomic.Bool
	var told atomic.Int32
	o := &fopts{MaxLifetime: time.Hour, IdleTimeout: 24 * time.Hour, Busy: func(*fake) bool { return busy.Load() },
		Hooks: onceconn.Hooks{Evict: func(_ any, cause error) {
			if strings.Contains(cause.Error(), "lifetime") {
				told.Add(1)
			}
		}}}
	bubble(t, o, func(t *testing.T, m *fmap, h *host) {
		c := get(t, m, "k")
		l, _ := m.Acquire(bg, "k")
		time.Sleep(53 * time.Minute)
		if get(t, m, "k") != c {
			t.Error("too young to go")
		}
		time.Sleep(8 * time.Minute)
		synctest.Wait()
		d := get(t, m, "k")
		if d == c || c.closed.Load() != 0 {
			t.Error("an aged connection is not handed out, and not closed under a holder")
		}
		l.Release()
		if c.closed.Load() != 1 {
			t.Error("not closed by the last Release")
		}
		busy.Store(true)
		time.Sleep(61 * time.Minute)
		if get(t, m, "k") == d || d.closed.Load() != 0 {
			t.Error("an aged connection is not handed out, and not closed while busy")
		}
		if n := m.Stats().Retiring; n != 1 {
			t.Errorf("%d retiring", n)
		}
		busy.Store(false)
		time.Sleep(2 * time.Second)
		if d.closed.Load() != 1 {
			t.Error("not closed when no longer busy")
		}
		if n := told.Load(); n != 2 {
			t.Errorf("the hook was told of %d connections", n)
		}
	})
}

func TestDo(t *testing.T) {
	bubble(t, nil, func(t *testing.T, m *fmap, h *host) {
		var seen []*fake
		err := m.Do(bg, "k", func(c *fake) error {
			seen = append(seen, c)
			if m.Stats().Leases == 0 {
				t.Error("Do does not hold a lease")
			}
			if len(seen) == 1 {
				return onceconn.ErrStale
			}
			return errRefused
		})
		if err != errRefused || len(seen) != 2 || seen[0] == seen[1] {
			t.Errorf("%v, connections %v", err, seen)
		}
		if seen[0].closed.Load() != 1 || seen[1].closed.Load() != 0 {
			t.Error("the stale connection, and only that one, is closed")
		}
		n := 0
		err = m.Key("k").Do(bg, func(*fake) error { n++; return errors.Join(errHungUp, onceconn.ErrStale) })
		if !errors.Is(err, onceconn.ErrStale) || n != 2 {
			t.Errorf("%v after %d calls", err, n)
		}
		func() {
			defer func() { recover() }()
			m.Do(bg, "k", func(*fake) error { panic("use") })
		}()
		if n := m.Stats().Leases; n != 0 {
			t.Errorf("%d leases after a panic", n)
		}
		h.set(after(0, errRefused))
		err = m.Do(bg, "bad", func(*fake) error { t.Error("used"); return nil })
		expectIs(t, err, errRefused)
	})
}

func TestKeyOutlivesTheRecord(t *testing.T) {
	bubble(t, &fopts{DataTTL: time.Hour}, func(t *testing.T, m *fmap, h *host) {
		e := m.Key("k")
		if e.Key() != "k" {
			t.Error("wrong key")
		}
		if _, err := e.Get(bg); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Hour)
		expectPhase(t, m, "k", "absent")
		c, err := e.Get(bg) // comes back
		if err != nil || get(t, m, "k") != c {
			t.Error("the handle and the map have different connections")
		}
		time.Sleep(10 * time.Hour)
		d := get(t, m, "k") // the map makes another record
		if got, err := e.Get(bg); got != d || err != nil {
			t.Error("the handle and the map have different connections")
		}
		time.Sleep(10 * time.Hour)
		e.Start()
		synctest.Wait()
		expectPhase(t, m, "k", "open")
		expectLaunches(t, h, 4)
	})
}

func TestHooks(t *testing.T) {
	type event struct {
		name    string
		attempt int
		err     error
	}
	var events []event
	o := &fopts{}
	o.Hooks.LaunchStart = func(key any, n int) { events = append(events, event{"start", n, nil}) }
	o.Hooks.LaunchEnd = func(key any, n int, took time.Duration, err error) {
		if took != time.Second {
			t.Errorf("took %v", took)
		}
		events = append(events, event{"end", n, err})
	}
	o.Hooks.Evict = func(_ any, err error) { events = append(events, event{"evict", 0, err}) }
	bubble(t, o, func(t *testing.T, m *fmap, h *host) {
		h.set(after(time.Second, errRefused))
		m.Get(bg, "k")
		h.set(after(time.Second, nil))
		time.Sleep(time.Second)
		get(t, m, "k")
		m.Close()
		want := []event{{"start", 1, nil}, {"end", 1, errRefused}, {"start", 2, nil}, {"end", 2, nil}, {"evict", 0, onceconn.ErrClosed}}
		if !slices.Equal(events, want) {
			t.Errorf("events %v", events)
		}
	})
}

func TestErrorsAreNetErrors(t *testing.T) {
	expectIs(t, onceconn.ErrClosed, net.ErrClosed)
	if errors.Is(onceconn.ErrFlapping, net.ErrClosed) {
		t.Error("not everything is net.ErrClosed")
	}
	e := &onceconn.Error{Key: "k", Attempt: 2, Err: errRefused}
	if e.Timeout() || errors.Is(e, os.ErrDeadlineExceeded) {
		t.Error("not every error is a timeout")
	}
	for _, want := range []string{"k", "attempt 2", "refused"} {
		if !strings.Contains(e.Error(), want) {
			t.Errorf("%q does not mention %q", e, want)
		}
	}
	if e.Cached = true; !strings.Contains(e.Error(), "before") {
		t.Errorf("%q does not say that it is old", e)
	}
	if errors.Unwrap(&onceconn.PanicError{Value: errRefused}) != errRefused || errors.Unwrap(&onceconn.PanicError{Value: 1}) != nil {
		t.Error("a PanicError unwraps to its value if that is an error")
	}
	if got := onceconn.Phase(99).String(); got != "unknown" {
		t.Error(got)
	}
}
