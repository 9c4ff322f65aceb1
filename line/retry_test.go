package line_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"example.com/interlock/line"
)

var errExpired = errors.New("expired")

func expired(err error) bool { return errors.Is(err, errExpired) }

func TestRetryRepairsAndRetries(t *testing.T) {
	var l line.Line
	valid, tries := false, 0
	v, err := line.Retry(t.Context(), &l, line.RetryOptions{
		Broken: func(err error) bool {
			if err == nil {
				t.Error("asked whether a success is broken")
			}
			return expired(err)
		},
		Repair: func(_ context.Context, cause error) error {
			if cause != errExpired {
				t.Errorf("cause %v", cause)
			}
			valid = true
			return nil
		},
	}, func(context.Context) (int, error) {
		tries++
		if !valid {
			return 1, errExpired
		}
		return 42, nil
	})
	if v != 42 || err != nil || tries != 2 || l.Epoch() != 1 {
		t.Errorf("%d, %v after %d tries at epoch %d", v, err, tries, l.Epoch())
	}
}

func TestRetryCountsEveryTry(t *testing.T) {
	for attempts, want := range map[int]int{0: 3, 1: 1, 2: 2, 5: 5} {
		var l line.Line
		tries, repairs := 0, 0
		v, err := line.Retry(t.Context(), &l, line.RetryOptions{
			Broken:   expired,
			Repair:   func(context.Context, error) error { repairs++; return nil },
			Attempts: attempts,
		}, func(context.Context) (int, error) {
			tries++
			return tries, errExpired
		})
		if tries != want || repairs != want-1 || v != want || err != errExpired {
			t.Errorf("Attempts %d: %d tries, %d repairs, %d, %v; want %d tries and its last answer", attempts, tries, repairs, v, err, want)
		}
	}
}

func TestRetryReturnsOtherErrorsAsTheyAre(t *testing.T) {
	var l line.Line
	other := errors.New("404")
	v, err := line.Retry(t.Context(), &l, line.RetryOptions{
		Broken: expired,
		Repair: func(context.Context, error) error { t.Error("repaired"); return nil },
	}, func(context.Context) (int, error) { return 7, other })
	if v != 7 || err != other {
		t.Errorf("%d, %v", v, err)
	}
	wantState(t, &l, 0, false)
}

func TestRetryReturnsTheVerdict(t *testing.T) {
	var l line.Line
	tries := 0
	_, err := line.Retry(t.Context(), &l, line.RetryOptions{
		Broken: expired,
		Repair: func(context.Context, error) error { return errNo },
	}, func(context.Context) (int, error) { tries++; return 0, errExpired })
	if err != errNo || tries != 1 {
		t.Errorf("%v after %d tries, want the verdict after one", err, tries)
	}
}

func TestRetryNotesTheEpochBeforeEachTry(t *testing.T) {
	var l line.Line
	tries := 0
	line.Retry(t.Context(), &l, line.RetryOptions{
		Broken: expired,
		Repair: func(context.Context, error) error { t.Error("repaired what was repaired meanwhile"); return nil },
	}, func(context.Context) (int, error) {
		tries++
		if tries == 1 {
			take(t, &l).Release() // somebody else repairs during the try
			return 0, errExpired
		}
		return 0, nil
	})
	if tries != 2 {
		t.Errorf("%d tries, want 2", tries)
	}
}

func TestRetryWaitsForABusyLineFirst(t *testing.T) {
	for name, verdict := range map[string]error{"repaired": nil, "refused": errNo, "yielded": errLater} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var l line.Line
				tok := take(t, &l)
				tried, ended := false, make(chan error)
				repairs := 0
				go func() {
					_, err := line.Retry(t.Context(), &l, line.RetryOptions{
						Broken: expired,
						Repair: func(context.Context, error) error { repairs++; return nil },
					}, func(context.Context) (int, error) {
						first := !tried
						tried = true
						if first && verdict != nil {
							return 0, errExpired
						}
						return 0, nil
					})
					ended <- err
				}()
				synctest.Wait()
				if tried {
					t.Fatal("tried while the line was busy")
				}
				switch verdict {
				case nil:
					tok.Release()
				case errNo:
					tok.Fail(errNo)
				default:
					tok.Yield()
					synctest.Wait()
				}
				err := <-ended
				switch {
				case verdict == errNo && (err != errNo || repairs != 0):
					t.Errorf("%v, %d repairs: who waited for a user that says no asks it again", err, repairs)
				case verdict == errLater && (err != nil || repairs != 1):
					t.Errorf("%v, %d repairs after a Yield", err, repairs)
				case verdict == nil && (err != nil || repairs != 0):
					t.Errorf("%v, %d repairs after a repair", err, repairs)
				}
			})
		})
	}
}

// What breaks after the repair that was waited for is repaired at once.
func TestRetryNotesTheEpochAfterTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l line.Line
		tok := take(t, &l)
		tries, repairs := 0, 0
		ended := make(chan error)
		go func() {
			_, err := line.Retry(t.Context(), &l, line.RetryOptions{
				Broken: expired,
				Repair: func(context.Context, error) error { repairs++; return nil },
			}, func(context.Context) (int, error) {
				if tries++; repairs == 0 {
					return 0, errExpired
				}
				return 0, nil
			})
			ended <- err
		}()
		synctest.Wait()
		tok.Release()
		if err := <-ended; err != nil || tries != 2 || repairs != 1 {
			t.Errorf("%v after %d tries and %d repairs, want two and one", err, tries, repairs)
		}
	})
}

func TestRetryWaitsOverAYieldToAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l line.Line
		tok := take(t, &l)
		heir := park(t.Context(), l.Enter(0))
		tried, ended := false, make(chan error)
		go func() {
			_, err := line.Retry(t.Context(), &l, line.RetryOptions{Broken: expired, Repair: func(context.Context, error) error { return nil }},
				func(context.Context) (int, error) { tried = true; return 0, nil })
			ended <- err
		}()
		synctest.Wait()
		tok.Yield()
		p, _ := heir.result()
		synctest.Wait()
		if tried {
			t.Error("tried while the heir held the line")
		}
		end(p)
		if err := <-ended; err != nil || !tried {
			t.Errorf("tried %v, %v", tried, err)
		}
	})
}

func TestRetryLeavesABusyLineWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l line.Line
		tok := take(t, &l)
		cause := errors.New("gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := make(chan error)
		go func() {
			_, err := line.Retry(ctx, &l, line.RetryOptions{Broken: expired, Repair: func(context.Context, error) error { return nil }},
				func(context.Context) (int, error) { t.Error("tried"); return 0, nil })
			ended <- err
		}()
		synctest.Wait()
		cancel(cause)
		if err := <-ended; err != cause {
			t.Errorf("%v, want the cause", err)
		}
		tok.Release()
	})
}

func TestRetryWithAnEndedContextTriesNothing(t *testing.T) {
	var l line.Line
	cause := errors.New("too late")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	_, err := line.Retry(ctx, &l, line.RetryOptions{Broken: expired, Repair: func(context.Context, error) error { return nil }},
		func(context.Context) (int, error) { t.Error("tried"); return 0, nil })
	if err != cause {
		t.Errorf("%v, want the cause", err)
	}
}

func TestRetryRefusesOptionsThatMakeNoSense(t *testing.T) {
	var l line.Line
	op := func(context.Context) (int, error) { return 0, nil }
	repair := func(context.Context, error) error { return nil }
	for word, call := range map[string]func(){
		"nil op":         func() { line.Retry[int](t.Context(), &l, line.RetryOptions{Broken: expired, Repair: repair}, nil) },
		"without Broken": func() { line.Retry(t.Context(), &l, line.RetryOptions{Repair: repair}, op) },
		"without Repair": func() { line.Retry(t.Context(), &l, line.RetryOptions{Broken: expired}, op) },
		"negative Attempts": func() {
			line.Retry(t.Context(), &l, line.RetryOptions{Broken: expired, Repair: repair, Attempts: -1}, op)
		},
	} {
		wantPanic(t, call, word)
	}
}
