package line

import "context"

// A Pass is what became of one Enter or TryAcquire. It is a small value that
// may be copied and used by any goroutine; the zero Pass has no outcome and
// is of no use.
//
// A Busy Pass stands for the hold that its Enter found. Wait, or Done and
// then Next, tell how that hold ended.
type Pass struct {
	line   *Line
	epoch  Epoch
	hold   uint64   // Line.yields<<outcomeBits | Outcome
	failed *failure // Stale: the verdict
}

const outcomeBits = 2

func (p Pass) yields() uint64 { return p.hold >> outcomeBits }

// Outcome tells what the caller is to do.
func (p Pass) Outcome() Outcome { return Outcome(p.hold & (1<<outcomeBits - 1)) }

// Token returns the proof of holding; ok only if the Pass is Acquired. Every
// call returns a copy of one and the same token: it is to be ended once.
func (p Pass) Token() (t Token, ok bool) {
	if p.Outcome() != Acquired {
		return Token{}, false
	}
	return Token{p.line, p.epoch, p.yields()}, true
}

// OrToken lets a caller that may hold the line already ask for it again: if
// held is a valid token of this line, the Pass returned is Acquired and has
// that token. Else it is p.
func (p Pass) OrToken(held Token) Pass {
	if held.line != p.line || !held.Valid() {
		return p
	}
	return Pass{line: held.line, epoch: held.epoch, hold: held.yields<<outcomeBits | uint64(Acquired)}
}

// Err returns the verdict of a Stale Pass: nil if the hold repaired, else
// what it ended with. It is nil for any other Pass.
func (p Pass) Err() error {
	if p.failed == nil {
		return nil
	}
	return p.failed.err
}

// Epoch returns the epoch of the line that the Pass saw. Of a Stale Pass it is
// the one to note for the retry.
func (p Pass) Epoch() Epoch { return p.epoch }

// Done returns a channel that is closed when the hold of a Busy Pass ends, for
// use in a select; Next tells how it ended. Of any other Pass the channel is
// closed already. A caller that waits for the channel alone does not inherit
// a line that is yielded, as one in Wait may.
func (p Pass) Done() <-chan struct{} {
	if p.Outcome() == Busy {
		if period := p.line.join(p.epoch, p.yields(), false); period != nil {
			return period.done
		}
	}
	c := make(chan struct{})
	close(c)
	return c
}

// Next returns what a Busy Pass has become: itself while the hold goes on,
// Stale with the hold's verdict after Release or Fail, and after a Yield
// whatever an Enter finds, so that it may be Acquired, or Busy with another
// hold. The verdict is the hold's own until one more hold has ended, and
// later that of the newest. Any other Pass returns itself.
func (p Pass) Next() Pass {
	if p.Outcome() != Busy {
		return p
	}
	// In the same epoch an Enter finds the same hold, or what came after a
	// Yield.
	if next := p.line.Enter(p.epoch); next.epoch == p.epoch {
		return next
	}
	return p.line.stale(p.epoch)
}

// Wait parks the caller until the hold of a Busy Pass has ended, and returns
//
//   - a Stale Pass and its Err, the hold's verdict: nil asks for a retry;
//   - an Acquired Pass and nil, if the holder yielded and this waiter is the
//     one that goes on: it repairs and ends the token;
//   - p and context.Cause(ctx), if ctx ended first.
//
// If both happened, the end of the hold or of ctx, either may be reported, but
// a line that was yielded to this waiter is never lost: it is Acquired then. A
// Pass that is not Busy returns at once, whatever ctx is.
func (p Pass) Wait(ctx context.Context) (Pass, error) {
	if p.Outcome() != Busy {
		return p, p.Err()
	}
	for {
		if ctx.Err() != nil {
			return p, context.Cause(ctx)
		}
		period := p.line.join(p.epoch, p.yields(), true)
		switch done := ctx.Done(); {
		case period == nil:
			p = p.Next()
		case done == nil:
			// Here, and by a plain receive: a herd of waiters wakes up on cold
			// stacks, and each frame more, or a select, costs it dearly.
			<-period.done
			p = p.after(period)
		case p.park(done, period):
			p = p.after(period)
		default:
			return p, context.Cause(ctx)
		}
		if p.Outcome() != Busy {
			return p, p.Err()
		}
	}
}

// park waits for the end of the period and reports false if done was closed
// first.
func (p Pass) park(done <-chan struct{}, period *period) bool {
	select {
	case <-period.done:
		return true
	case <-done:
		return !p.line.lobby.Load().leave(period)
	}
}

// after returns what p has become at the end of its period.
func (p Pass) after(period *period) Pass {
	if !period.yielded {
		return Pass{line: p.line, epoch: p.line.Epoch(), hold: uint64(Stale), failed: period.failed}
	}
	if period.heir.CompareAndSwap(false, true) {
		// The line was held on for this moment; see Token.Yield.
		return Pass{line: p.line, epoch: p.epoch, hold: (p.yields()+1)<<outcomeBits | uint64(Acquired)}
	}
	return p.Next()
}
