package line_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"example.com/interlock/line"
)

var (
	errNo    = errors.New("the user says no")
	errLater = errors.New("another verdict")
)

// take acquires l, which must be free.
func take(t *testing.T, l *line.Line) line.Token {
	t.Helper()
	tok, ok := l.TryAcquire().Token()
	if !ok {
		t.Fatal("the line is not free")
	}
	return tok
}

func wantOutcome(t *testing.T, p line.Pass, want line.Outcome, err error) {
	t.Helper()
	if p.Outcome() != want || !errors.Is(p.Err(), err) {
		t.Errorf("%v with verdict %v, want %v with %v", p.Outcome(), p.Err(), want, err)
	}
}

func wantState(t *testing.T, l *line.Line, epoch line.Epoch, busy bool) {
	t.Helper()
	if l.Epoch() != epoch || l.Busy() != busy {
		t.Errorf("epoch %d, busy %v; want %d, %v", l.Epoch(), l.Busy(), epoch, busy)
	}
}

// wantPanic runs f and wants it to panic with a string that starts with
// "line: " and has all of words.
func wantPanic(t *testing.T, f func(), words ...string) {
	t.Helper()
	defer func() {
		t.Helper()
		msg := fmt.Sprint(recover())
		for _, w := range append(words, "line: ") {
			if !strings.Contains(msg, w) {
				t.Errorf("panic %q, want one that says %q", msg, w)
			}
		}
	}()
	f()
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestOutcomeString(t *testing.T) {
	for o, want := range map[line.Outcome]string{
		line.Acquired: "Acquired", line.Busy: "Busy", line.Stale: "Stale", 0: "Outcome(0)", 9: "Outcome(9)",
	} {
		if got := o.String(); got != want {
			t.Errorf("%d: %q, want %q", o, got, want)
		}
	}
}

func TestFreeLineIsAcquiredAndHeldLineIsBusy(t *testing.T) {
	var l line.Line
	wantState(t, &l, 0, false)
	p := l.Enter(0)
	wantOutcome(t, p, line.Acquired, nil)
	wantState(t, &l, 0, true)
	tok, ok := p.Token()
	if !ok || !tok.Valid() {
		t.Fatal("an Acquired Pass has no valid token")
	}
	wantOutcome(t, l.Enter(0), line.Busy, nil)
	wantOutcome(t, l.TryAcquire(), line.Busy, nil)
	if _, ok := l.Enter(0).Token(); ok {
		t.Error("a Busy Pass has a token")
	}
	tok.Release()
	wantState(t, &l, 1, false)
	if tok.Valid() {
		t.Error("the token is valid after Release")
	}
}

func TestFailureFromBeforeTheRepairIsStale(t *testing.T) {
	var l line.Line
	since := l.Epoch()
	take(t, &l).Release()
	p := l.Enter(since)
	wantOutcome(t, p, line.Stale, nil)
	if p.Epoch() != 1 {
		t.Errorf("epoch to note: %d, want 1", p.Epoch())
	}
	wantState(t, &l, 1, false)
	wantOutcome(t, l.Enter(1), line.Acquired, nil)
}

func TestOldEpochOnAHeldLineIsBusy(t *testing.T) {
	var l line.Line
	take(t, &l).Release()
	take(t, &l)
	wantOutcome(t, l.Enter(0), line.Busy, nil)
}

func TestEpochFromTheFutureAcquires(t *testing.T) {
	var l line.Line
	wantOutcome(t, l.Enter(99), line.Acquired, nil)
}

func TestStaleComerGetsTheVerdictOfTheLastHold(t *testing.T) {
	var l line.Line
	take(t, &l).Fail(errNo)
	wantState(t, &l, 1, false)
	wantOutcome(t, l.Enter(0), line.Stale, errNo)
	take(t, &l).Release()
	p := l.Enter(0)
	wantOutcome(t, p, line.Stale, nil)
	if p.Err() != nil {
		t.Errorf("verdict %v after a repair", p.Err())
	}
	take(t, &l).Fail(errLater)
	wantOutcome(t, l.Enter(0), line.Stale, errLater)
	wantOutcome(t, l.Enter(2), line.Stale, errLater)
	wantOutcome(t, l.Enter(3), line.Acquired, nil)
}

// A Busy Pass that never parked gets its own hold's verdict until one more
// hold has ended, and then the newest.
func TestNextRemembersOneHoldMore(t *testing.T) {
	var l line.Line
	tok := take(t, &l)
	p := l.Enter(0)
	if got := p.Next(); got != p {
		t.Errorf("Next while the hold goes on: %v, want the Pass itself", got.Outcome())
	}
	tok.Fail(errNo)
	wantOutcome(t, p.Next(), line.Stale, errNo)

	tok = take(t, &l)
	wantOutcome(t, p.Next(), line.Stale, errNo) // the line is held, but not by this hold
	tok.Release()
	wantOutcome(t, p.Next(), line.Stale, errNo)
	if got := p.Next().Epoch(); got != 2 {
		t.Errorf("epoch to note: %d, want 2", got)
	}
	if got, err := p.Wait(t.Context()); got.Outcome() != line.Stale || err != errNo {
		t.Errorf("Wait one hold later: %v, %v", got.Outcome(), err)
	}

	take(t, &l).Fail(errLater)
	if got := p.Next(); got.Outcome() != line.Stale || got.Err() != errLater {
		t.Errorf("two holds later: %v, %v; want the newest verdict", got.Outcome(), got.Err())
	}
	take(t, &l).Release()
	if got := p.Next(); got.Err() != nil {
		t.Errorf("the newest hold repaired, and Next says %v", got.Err())
	}
}

func TestNextKeepsASuccessBesideALaterFailure(t *testing.T) {
	var l line.Line
	tok := take(t, &l)
	p := l.Enter(0)
	tok.Release()
	take(t, &l).Fail(errNo)
	if got := p.Next(); got.Outcome() != line.Stale || got.Err() != nil {
		t.Errorf("%v, %v; want the success of its own hold", got.Outcome(), got.Err())
	}
}

func TestNextOfThreeFailuresInARow(t *testing.T) {
	var l line.Line
	verdicts := []error{errors.New("first"), errors.New("second"), errors.New("third"), errors.New("fourth")}
	var passes []line.Pass
	for _, v := range verdicts {
		tok := take(t, &l)
		passes = append(passes, l.TryAcquire())
		tok.Fail(v)
	}
	for i, want := range []int{3, 3, 2, 3} { // the first two are too late for their own
		if got := passes[i].Next().Err(); got != verdicts[want] {
			t.Errorf("pass %d: %v, want %v", i, got, verdicts[want])
		}
	}
}

func TestPassThatIsNotBusyIsWhatItIs(t *testing.T) {
	var l line.Line
	take(t, &l).Fail(errNo)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, p := range []line.Pass{l.Enter(0), l.Enter(1)} {
		if got := p.Next(); got != p {
			t.Errorf("Next of %v: %v", p.Outcome(), got.Outcome())
		}
		if !closed(p.Done()) {
			t.Errorf("Done of %v is not closed", p.Outcome())
		}
		if got, err := p.Wait(ended); got != p || err != p.Err() {
			t.Errorf("Wait of %v: %v, %v; want it at once", p.Outcome(), got.Outcome(), err)
		}
	}
}

func TestDoneClosesAtEveryKindOfEnd(t *testing.T) {
	for name, end := range map[string]func(line.Token){
		"Release": line.Token.Release,
		"Yield":   line.Token.Yield,
		"Fail":    func(tok line.Token) { tok.Fail(errNo) },
	} {
		t.Run(name, func(t *testing.T) {
			var l line.Line
			tok := take(t, &l)
			first, second := l.Enter(0).Done(), l.TryAcquire().Done()
			if closed(first) || closed(second) {
				t.Fatal("closed while the hold goes on")
			}
			end(tok)
			if !closed(first) || !closed(second) {
				t.Error("open after the end of the hold")
			}
			if l.Busy() {
				t.Error("the line is still held")
			}
		})
	}
}

func TestDoneOfAHoldThatHasEndedIsClosed(t *testing.T) {
	var l line.Line
	tok := take(t, &l)
	p := l.Enter(0)
	tok.Release()
	take(t, &l) // another hold: not p's
	if !closed(p.Done()) {
		t.Error("Done waits for somebody else's hold")
	}
}

func TestEndingATokenTwicePanicsAndChangesNothing(t *testing.T) {
	ends := map[string]func(line.Token){
		"Release": line.Token.Release,
		"Yield":   line.Token.Yield,
		"Fail":    func(tok line.Token) { tok.Fail(errNo) },
	}
	for first, end := range ends {
		for second, again := range ends {
			t.Run(first+" then "+second, func(t *testing.T) {
				var l line.Line
				tok := take(t, &l)
				dup := tok
				end(tok)
				epoch := l.Epoch()
				wantPanic(t, func() { again(dup) }, second, "ended before")
				wantState(t, &l, epoch, false)

				other := take(t, &l)
				wantPanic(t, func() { again(dup) }, second, "ended before")
				if !other.Valid() {
					t.Error("a spent token has ended another's hold")
				}
				// The lock of the slow path must be free again.
				waited := l.TryAcquire().Done()
				wantPanic(t, func() { again(dup) }, second)
				other.Release()
				if !closed(waited) {
					t.Error("the waiters were not told")
				}
			})
		}
	}
}

func TestZeroTokenAndNilVerdictPanic(t *testing.T) {
	var zero line.Token
	if zero.Valid() {
		t.Error("the zero Token is valid")
	}
	wantPanic(t, zero.Release, "Release", "zero Token")
	wantPanic(t, zero.Yield, "Yield", "zero Token")
	wantPanic(t, func() { zero.Fail(errNo) }, "Fail", "zero Token")

	var l line.Line
	tok := take(t, &l)
	wantPanic(t, func() { tok.Fail(nil) }, "Fail(nil)")
	if !tok.Valid() {
		t.Error("Fail(nil) has ended the hold")
	}
}

func TestOrToken(t *testing.T) {
	var l, other line.Line
	tok, foreign := take(t, &l), take(t, &other)

	got := l.Enter(0).OrToken(tok)
	wantOutcome(t, got, line.Acquired, nil)
	if same, _ := got.Token(); same != tok {
		t.Error("OrToken gives another token")
	}
	wantOutcome(t, l.Enter(0).OrToken(foreign), line.Busy, nil)
	wantOutcome(t, l.Enter(0).OrToken(line.Token{}), line.Busy, nil)

	p := l.Enter(0)
	tok.Release()
	wantOutcome(t, p.OrToken(tok), line.Busy, nil)           // spent
	wantOutcome(t, l.Enter(0).OrToken(tok), line.Stale, nil) // spent, and the line moved on
	tok = take(t, &l)
	wantOutcome(t, p.OrToken(tok), line.Acquired, nil) // whatever the Pass was
	if again, _ := p.OrToken(tok).Token(); !again.Valid() {
		t.Error("the token of OrToken is not valid")
	}
}

func TestOrTokenAfterAYield(t *testing.T) {
	var l line.Line
	take(t, &l).Yield()
	tok := take(t, &l)
	got, _ := l.Enter(0).OrToken(tok).Token()
	if got != tok || !got.Valid() {
		t.Error("OrToken loses which hold it is")
	}
	got.Release()
	wantState(t, &l, 1, false)
}

func TestYieldWithNobodyParkedFreesTheLine(t *testing.T) {
	var l line.Line
	tok := take(t, &l)
	p := l.Enter(0)
	tok.Yield()
	wantState(t, &l, 0, false)
	got := p.Next() // those who hold only a Pass compete
	wantOutcome(t, got, line.Acquired, nil)
	wantOutcome(t, p.Next(), line.Busy, nil)
	next, _ := got.Token()
	wantPanic(t, tok.Release, "ended before")
	if !next.Valid() {
		t.Error("a token from before a Yield has ended a hold from after it")
	}
	next.Release()
	wantState(t, &l, 1, false)
}

// A hold that has not begun is waited for by nobody: it may never begin.
func TestPassOfAHoldThatHasNotBegun(t *testing.T) {
	var l line.Line
	take(t, &l).Yield()
	p := l.PassOfNextHold()
	wantOutcome(t, p, line.Busy, nil)
	if !closed(p.Done()) {
		t.Fatal("Done waits for a hold that nobody has")
	}
	wantOutcome(t, p.Next(), line.Acquired, nil)
}

// parked is a goroutine in Wait.
type parked struct {
	pass chan line.Pass
	err  chan error
}

func park(ctx context.Context, p line.Pass) parked {
	w := parked{make(chan line.Pass, 1), make(chan error, 1)}
	go func() {
		q, err := p.Wait(ctx)
		w.pass <- q
		w.err <- err
	}()
	synctest.Wait()
	return w
}

func (w parked) waits() bool {
	synctest.Wait()
	return len(w.pass) == 0
}

func (w parked) result() (line.Pass, error) { return <-w.pass, <-w.err }

func TestWaitersGetTheVerdict(t *testing.T) {
	for name, want := range map[string]error{"repaired": nil, "refused": errNo} {
		for _, cancellable := range []bool{false, true} {
			t.Run(fmt.Sprint(name, cancellable), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx := context.Background()
					if cancellable {
						ctx = t.Context()
					}
					var l line.Line
					tok := take(t, &l)
					var waiters []parked
					for range 3 {
						waiters = append(waiters, park(ctx, l.Enter(0)))
					}
					if want == nil {
						tok.Release()
					} else {
						tok.Fail(want)
					}
					for _, w := range waiters {
						p, err := w.result()
						if p.Outcome() != line.Stale || err != want || p.Err() != want || p.Epoch() != 1 {
							t.Errorf("%v, %v, epoch %d; want Stale, %v, 1", p.Outcome(), err, p.Epoch(), want)
						}
					}
					wantState(t, &l, 1, false)
				})
			})
		}
	}
}

func TestYieldMakesExactlyOneWaiterTheHolder(t *testing.T) {
	for w := 1; w <= 4; w++ {
		t.Run(fmt.Sprint(w), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var l line.Line
				tok := take(t, &l)
				left := make(map[int]parked)
				for i := range w {
					ctx := context.Background()
					if i%2 == 1 {
						ctx = t.Context() // waits in another way
					}
					left[i] = park(ctx, l.Enter(0))
				}
				onlyDone := l.Enter(0)
				done := onlyDone.Done()
				for len(left) > 0 {
					tok.Yield()
					wantState(t, &l, 0, true)
					wantOutcome(t, l.Enter(0), line.Busy, nil) // newcomers come after
					if !closed(done) {
						t.Fatal("Done did not close")
					}
					wantOutcome(t, onlyDone.Next(), line.Busy, nil)
					var heirs []int
					for i, p := range left {
						if !p.waits() {
							heirs = append(heirs, i)
						}
					}
					if len(heirs) != 1 {
						t.Fatalf("%d holders of %d waiters", len(heirs), len(left))
					}
					p, err := left[heirs[0]].result()
					delete(left, heirs[0])
					wantOutcome(t, p, line.Acquired, err)
					wantPanic(t, tok.Release, "ended before")
					tok, _ = p.Token()
					if !tok.Valid() {
						t.Fatal("the heir's token is not valid")
					}
				}
				tok.Release()
				wantState(t, &l, 1, false)
			})
		})
	}
}

func TestWaiterThatLeavesChangesNothingForTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l line.Line
		tok := take(t, &l)
		cause := errors.New("gone for lunch")
		ctx, cancel := context.WithCancelCause(t.Context())
		p := l.Enter(0)
		leaver, stayer := park(ctx, p), park(t.Context(), p)
		cancel(cause)
		if got, err := leaver.result(); got != p || err != cause {
			t.Errorf("the leaver got %v, %v; want its own Pass and its cause", got.Outcome(), err)
		}
		if !stayer.waits() {
			t.Error("the other one was woken")
		}
		tok.Yield()
		if got, err := stayer.result(); got.Outcome() != line.Acquired || err != nil {
			t.Errorf("the other one got %v, %v; want the line", got.Outcome(), err)
		}
	})
}

func TestYieldAfterTheLastWaiterLeftFreesTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l line.Line
		tok := take(t, &l)
		ctx, cancel := context.WithCancel(t.Context())
		leaver := park(ctx, l.Enter(0))
		cancel()
		leaver.result()
		tok.Yield()
		wantState(t, &l, 0, false)
		take(t, &l).Release()
	})
}

// A waiter whose context ends just before the line is yielded to it takes the
// line, or has left it free: nobody else would.
func TestYieldToAWaiterThatIsLeaving(t *testing.T) {
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			var l line.Line
			tok := take(t, &l)
			ctx, cancel := context.WithCancel(t.Context())
			leaver := park(ctx, l.Enter(0))
			cancel()
			tok.Yield()
			p, err := leaver.result()
			heir, ok := p.Token()
			if ok != l.Busy() || ok != heir.Valid() || ok != (err == nil) {
				t.Errorf("the waiter got %v, %v, and the line is busy: %v", p.Outcome(), err, l.Busy())
			}
		})
	}
}

func TestWaitWithAnEndedContextTouchesNothing(t *testing.T) {
	var l line.Line
	tok := take(t, &l)
	cause := errors.New("too late")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	p := l.Enter(0)
	if got, err := p.Wait(ctx); got != p || err != cause {
		t.Errorf("%v, %v; want the Pass itself and the cause", got.Outcome(), err)
	}
	tok.Yield()
	wantState(t, &l, 0, false) // nobody was parked
}

// A hold that ended in the time between Enter and Wait is found, not waited
// for.
func TestWaitFindsWhatHappenedMeanwhile(t *testing.T) {
	var l line.Line
	tok := take(t, &l)
	p := l.Enter(0)
	tok.Yield()
	got, err := p.Wait(t.Context())
	if got.Outcome() != line.Acquired || err != nil {
		t.Errorf("after a Yield: %v, %v; want the free line", got.Outcome(), err)
	}

	tok, _ = got.Token()
	p = l.Enter(0)
	tok.Fail(errNo)
	if got, err := p.Wait(t.Context()); got.Outcome() != line.Stale || err != errNo {
		t.Errorf("after a Fail: %v, %v", got.Outcome(), err)
	}
}

// A Pass of a hold that was yielded waits for the next hold too.
func TestWaitGoesOnOverAYield(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l line.Line
		tok := take(t, &l)
		p := l.Enter(0)
		tok.Yield()
		tok = take(t, &l)
		w := park(t.Context(), p)
		if !w.waits() {
			t.Fatal("the line is held, and Wait returned")
		}
		tok.Fail(errNo)
		if got, err := w.result(); got.Outcome() != line.Stale || err != errNo {
			t.Errorf("%v, %v; want the next hold's verdict", got.Outcome(), err)
		}
	})
}
