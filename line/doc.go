// Package line lets one caller repair what everybody needs, while the others
// wait for the end of the repair and then retry their own work.
//
// A [Line] is a single track. Whoever finds it free takes its [Token] and
// repairs: logs in again, reconnects, sleeps a back-off. Whoever comes
// meanwhile waits until the track is free and does not take the token in
// turn. The line's [Epoch] tells a failure that the last repair has already
// dealt with from a new one, so that requests which failed together are
// repaired together, once:
//
//	epoch := l.Epoch()            // before the request that may fail
//	err := request()
//	if errors.Is(err, errExpired) {
//		epoch, err = l.Do(ctx, epoch, login) // at most one login for all
//		// err == nil: retry the request
//	}
//
// [Retry] is that loop, whole. A [Cell] is a line with the value that it
// renews, an access token say; a [Group] has a line for each key.
//
// # When to use it
//
// Many goroutines share something that can break for all of them at once,
// repairing it is expensive or visible (a prompt, a rotating refresh token),
// and each of them has work of its own to retry afterwards.
//
// # When not to
//
//  1. All callers want the result of one call and have nothing to retry: that
//     is golang.org/x/sync/singleflight.
//  2. The thing never breaks again once it works: sync.Once.
//  3. Callers must come in one after the other: sync.Mutex.
//  4. The repair belongs to other processes too: no lock in this process
//     helps.
//
// # Guarantees
//
// At most one goroutine holds a line. The epoch never falls. Every waiter of
// a hold is ended exactly once, with that hold's verdict. Repairs are at most
// as many as there are distinct epochs in which something failed, in any
// schedule: credentials that expire k times are renewed k times, and a user
// who says no is asked once. A waiter that leaves changes nobody else's
// outcome. A holder that panics or exits in Do strands nobody.
//
// In the terms of the Go memory model, the end of a hold synchronizes before
// every return that reports it: of Wait, of Next, of a receive from Done, and
// of an Enter that is Stale or Acquired because of it.
//
// The package starts no goroutine and works in a testing/synctest bubble.
package line
