package line_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"

	"example.com/interlock/line"
)

func repairWith(err error, calls *int) func(context.Context) error {
	return func(context.Context) error {
		*calls++
		return err
	}
}

func TestDoRepairsOnceForOneEpoch(t *testing.T) {
	var l line.Line
	calls := 0
	for range 3 {
		epoch, err := l.Do(t.Context(), 0, repairWith(nil, &calls))
		if epoch != 1 || err != nil {
			t.Errorf("epoch %d, %v; want 1 and no error", epoch, err)
		}
	}
	if calls != 1 {
		t.Errorf("%d repairs, want 1", calls)
	}
}

func TestDoTellsTheVerdictToLateComers(t *testing.T) {
	var l line.Line
	calls := 0
	for range 3 {
		epoch, err := l.Do(t.Context(), 0, repairWith(errNo, &calls))
		if epoch != 1 || err != errNo {
			t.Errorf("epoch %d, %v; want 1 and the verdict", epoch, err)
		}
	}
	if calls != 1 {
		t.Errorf("asked %d times, want once", calls)
	}
}

func TestDoWithAnEndedContextTouchesNothing(t *testing.T) {
	var l line.Line
	take(t, &l).Release()
	cause := errors.New("too late")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	calls := 0
	epoch, err := l.Do(ctx, 1, repairWith(nil, &calls))
	if epoch != 1 || err != cause || calls != 0 {
		t.Errorf("epoch %d, %v, %d calls; want 1, the cause, 0", epoch, err, calls)
	}
	wantState(t, &l, 1, false)
	if _, err := l.Do(ctx, 0, repairWith(nil, &calls)); err != cause {
		t.Errorf("a stale failure with an ended context: %v, want the cause", err)
	}
}

func TestDoWaitsForTheRepairUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l line.Line
		tok := take(t, &l)
		ended := make(chan error)
		go func() {
			epoch, err := l.Do(t.Context(), 0, func(context.Context) error {
				t.Error("repaired twice")
				return nil
			})
			if epoch != 1 {
				t.Errorf("epoch %d, want 1", epoch)
			}
			ended <- err
		}()
		synctest.Wait()
		tok.Release()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestDoLeavesWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l line.Line
		tok := take(t, &l)
		cause := errors.New("gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := make(chan error)
		go func() {
			_, err := l.Do(ctx, 0, func(context.Context) error { return nil })
			ended <- err
		}()
		synctest.Wait()
		cancel(cause)
		if err := <-ended; err != cause {
			t.Errorf("%v, want the cause", err)
		}
		if !tok.Valid() {
			t.Error("a waiter that left has ended the hold")
		}
	})
}

// A repair that ends with its own context says nothing of what is broken: the
// next one goes on.
func TestDoYieldsWhenTheRepairersOwnContextEnded(t *testing.T) {
	for name, returned := range map[string]func(context.Context) error{
		"cause": context.Cause,
		"Err":   context.Context.Err,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var l line.Line
				ctx, cancel := context.WithCancelCause(t.Context())
				first, second := make(chan error), make(chan error)
				go func() {
					epoch, err := l.Do(ctx, 0, func(ctx context.Context) error {
						<-ctx.Done()
						return returned(ctx)
					})
					if epoch != 0 {
						t.Errorf("epoch %d, want 0: nothing was decided", epoch)
					}
					first <- err
				}()
				synctest.Wait()
				repaired := false
				go func() {
					_, err := l.Do(t.Context(), 0, func(context.Context) error {
						repaired = true
						return nil
					})
					second <- err
				}()
				synctest.Wait()
				cancel(errors.New("the first caller left"))
				if err := <-first; err == nil {
					t.Error("the first caller got no error")
				}
				if err := <-second; err != nil || !repaired {
					t.Errorf("the second: repaired %v, %v", repaired, err)
				}
				wantState(t, &l, 1, false)
			})
		})
	}
}

// The end of a context that the repair made itself is a verdict.
func TestDoFailsWhenAnotherContextEnded(t *testing.T) {
	var l line.Line
	_, err := l.Do(t.Context(), 0, func(context.Context) error { return context.DeadlineExceeded })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	wantOutcome(t, l.Enter(0), line.Stale, context.DeadlineExceeded)

	ctx, cancel := context.WithCancel(t.Context())
	l.Do(ctx, 1, func(context.Context) error { cancel(); return errNo })
	wantOutcome(t, l.Enter(1), line.Stale, errNo) // ended, but that is not what it said
}

func TestPanicInARepairReachesWaitersAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l line.Line
		inRepair, boom := make(chan struct{}), make(chan struct{})
		recovered := make(chan any)
		go func() {
			defer func() { recovered <- recover() }()
			l.Do(t.Context(), 0, func(context.Context) error {
				close(inRepair)
				<-boom
				panic("boom")
			})
		}()
		<-inRepair
		w := park(t.Context(), l.Enter(0))
		close(boom)
		if got := <-recovered; got != "boom" {
			t.Errorf("the holder's panic is %v", got)
		}
		if p, err := w.result(); p.Outcome() != line.Stale || err != line.ErrHolderGone {
			t.Errorf("the waiter got %v, %v; want ErrHolderGone", p.Outcome(), err)
		}
		wantState(t, &l, 1, false)
	})
}

func TestGoexitInARepairReachesWaiters(t *testing.T) {
	var l line.Line
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		l.Do(context.Background(), 0, func(context.Context) error {
			runtime.Goexit()
			return nil
		})
		t.Error("Do went on after Goexit")
	}()
	<-gone
	wantState(t, &l, 1, false)
	wantOutcome(t, l.Enter(0), line.Stale, line.ErrHolderGone)
}

// hostile is an error that panics when it is asked what it is.
type hostile struct{}

func (hostile) Error() string { return "hostile" }
func (hostile) Is(error) bool { panic("asked") }

// Whether an error is the end of the repairer's context, the error itself is
// asked, which is the caller's code as much as the repair is.
func TestPanicOfTheErrorOfARepairStrandsNobody(t *testing.T) {
	var l line.Line
	var got any
	func() {
		defer func() { got = recover() }()
		ctx, cancel := context.WithCancel(t.Context())
		l.Do(ctx, 0, func(context.Context) error { cancel(); return hostile{} })
	}()
	if got != "asked" {
		t.Errorf("the panic is %v", got)
	}
	wantState(t, &l, 1, false)
	wantOutcome(t, l.Enter(0), line.Stale, line.ErrHolderGone)
}

func TestDoWithANilRepairPanics(t *testing.T) {
	var l line.Line
	wantPanic(t, func() { l.Do(t.Context(), 0, nil) }, "nil repair")
	wantState(t, &l, 0, false)
}
