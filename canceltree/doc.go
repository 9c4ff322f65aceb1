// Package canceltree keeps cancellation tokens in a tree that stays minimal.
//
// Cancelling a [Token] cancels it and everything below it. Releasing a token
// without cancelling it takes it out of the tree: its children move up to its
// parent, so that the tree holds what can still be cancelled and nothing else.
// A Token is a [context.Context] and goes wherever a context goes.
//
//	server := canceltree.New()
//	defer server.Release()
//
//	conn := server.Child()
//	req := conn.ChildTimeout(5 * time.Second)
//	rows, err := db.QueryContext(req, "select ...") // a Token is a context
//	req.Release()                                   // done: nothing is cancelled, nothing is kept
//
//	conn.Cancel(errPeerGone)     // the connection and all of its requests
//	fmt.Println(conn.Cause())    // errPeerGone
//
// # When to use it
//
//   - Many short tokens below a long-lived one (requests below connections below
//     a listener): a child is one allocation of 64 bytes and leaves nothing behind.
//   - Something in the middle of a tree ends before what it started: release it,
//     and its children obey the grandparent from then on. Package context cannot
//     let go of a parent without cancelling the children.
//   - Very wide or very deep trees: cancelling neither recurses nor holds a lock
//     while it walks.
//   - Callbacks at cancellation without a goroutine each, several parents, or a
//     picture of what is alive.
//
// # When not to use it
//
//   - A handful of contexts per request: package context is enough, and everybody
//     knows it.
//   - To wait until cancelled work has ended: a token says stop, it does not join.
//     Use a sync.WaitGroup or an errgroup beside it.
//   - To carry values: FromContext passes them on, but tokens set none.
//   - Where nobody can be relied on to call Release: a token that is neither
//     released nor cancelled stays in its parent's list, as a context does whose
//     cancel function is never called. Options.Leak finds those handles.
//
// # Guarantees
//
//   - When Cancel returns true, the token and all of its descendants are
//     cancelled, those included whose own Cancel was under way. A token is seen
//     cancelled only after the ancestor through which it was cancelled.
//   - Done is closed if and only if Err is non-nil. Err takes no lock, and neither
//     Err nor Cause ever changes once set.
//   - Nothing above or beside the cancelled token is touched. Releasing a token
//     never changes what a later Cancel of an ancestor reaches.
//   - A callback runs once or is stopped once, never both. User code never runs
//     with a lock held.
//   - No goroutine is started but for AfterFunc's f and Run's f; contexts made on
//     top of a token with package context start none either.
//   - Everything works inside a testing/synctest bubble.
package canceltree
