package line

import (
	"math"
	"sync/atomic"
)

// A Line is a single track that one caller at a time may hold. The zero value
// is a free line at epoch 0. A Line must not be copied after first use; all
// its methods may be called from any goroutine.
//
// It takes 24 bytes, and a lobby of about 100 more from the first time that
// somebody waits or a repair fails.
//
// The states and what leads from one to the next:
//
//	Free(e)  Enter(since >= e), TryAcquire → Held(e)    one compare-and-swap
//	Free(e)  Enter(since < e)              → Free(e)    Stale
//	Held(e)  Enter, TryAcquire             → Held(e)    Busy
//	Held(e)  Release, Fail                 → Free(e+1)
//	Held(e)  Yield                         → Held(e) by a waiter parked in Wait, if there is one, else Free(e)
//
// Invariants:
//
//  1. waited is set only while held is, and then lobby.period is the period
//     that those who wait for this hold have joined. Both change under
//     lobby.mu.
//  2. While waited is set the state changes only under lobby.mu. Without
//     waited, owned and yielded a hold may end by one compare-and-swap: then
//     the epoch alone names it, so that no spent token can end it.
//  3. yields changes only while the line is held, by its holder, under
//     lobby.mu. Epoch and yields together name one hold for ever: ending a
//     hold raises one of them.
//  4. lobby.failed is set before the state shows the epoch that its failure
//     made, so that who sees the epoch sees the verdict.
//
// The compare-and-swap that sets held is the linearization point of an
// acquisition, the store or compare-and-swap that changes the epoch that of
// Release and Fail, the change of yields that of a Yield.
type Line struct {
	state  atomic.Uint64 // epoch<<epochShift | yielded | owned | waited | held
	yields atomic.Uint64 // holds that ended without moving the epoch
	lobby  atomic.Pointer[lobby]
}

// The bits of Line.state.
const (
	held       = 1 << iota // somebody holds the line
	waited                 // and somebody waits for the end
	owned                  // the line belongs to a Group, which is told of each end
	yielded                // a hold has ended by Yield in this epoch
	epochShift = iota
)

func epochOf(state uint64) Epoch { return Epoch(state >> epochShift) }

// Epoch returns the present epoch. Note it before the work that may fail and
// give it to Enter or Do if the work did.
func (l *Line) Epoch() Epoch { return epochOf(l.state.Load()) }

// Busy reports whether somebody holds the line at this moment.
func (l *Line) Busy() bool { return l.state.Load()&held != 0 }

// TryAcquire takes the line if it is free: the Pass is Acquired or Busy.
func (l *Line) TryAcquire() Pass {
	if s := l.state.Load(); s&held == 0 && l.state.CompareAndSwap(s, s|held) {
		return Pass{l, epochOf(s), l.yields.Load()<<outcomeBits | uint64(Acquired), nil}
	}
	return l.Enter(math.MaxUint64)
}

// Enter asks for the repair of a failure of work that began in epoch since.
//
//   - Acquired: the caller is to repair, and to end the Pass's Token.
//   - Busy: a repair is under way. Wait for it, then retry.
//   - Stale: the line is free and has moved on after since. Err is the
//     verdict of the hold that ended last: nil asks for a retry.
//
// Whether a failure is stale is decided in the same atomic step that would
// take the line.
func (l *Line) Enter(since Epoch) Pass {
	for {
		s := l.state.Load()
		if s&held != 0 {
			return l.pass(Busy, s)
		}
		if epochOf(s) > since {
			return l.stale(epochOf(s) - 1)
		}
		if l.state.CompareAndSwap(s, s|held) {
			return l.pass(Acquired, s)
		}
	}
}

// pass makes a Pass for the hold of state s, which is one that the caller has
// just begun or one that it found. In the latter case a Yield may come
// between the two loads: then the Pass names the next hold of the epoch,
// which may not have begun, and Next sorts that out.
func (l *Line) pass(o Outcome, s uint64) Pass {
	return Pass{line: l, epoch: epochOf(s), hold: l.yields.Load()<<outcomeBits | uint64(o)}
}

// stale makes a Pass for a hold that ended epoch e, with its verdict. The
// epoch to note is read after that, so that it is never older.
func (l *Line) stale(e Epoch) Pass {
	failed := l.verdict(e)
	return Pass{line: l, epoch: l.Epoch(), hold: uint64(Stale), failed: failed}
}

// verdict returns the failure of the hold that ended epoch e, nil for a
// success; that of the newest hold if more than one has ended since.
func (l *Line) verdict(e Epoch) *failure {
	b := l.lobby.Load()
	if b == nil {
		return nil
	}
	if now := l.Epoch(); now > e+2 {
		e = now - 1
	}
	return b.failed.Load().of(e)
}

// goesOn reports whether a hold that has begun, and is named by epoch and
// yields, has not ended: by invariant 3 neither of them has moved.
func (l *Line) goesOn(epoch Epoch, yields uint64) bool {
	return l.Epoch() == epoch && l.yields.Load() == yields
}
