package canceltree

import "sync/atomic"

// A Guard cancels its token when it is closed, unless it was disarmed:
//
//	g := t.Guard()
//	defer g.Close()
//	if err := start(t); err != nil {
//		return err // whatever was started is told to stop
//	}
//	g.Disarm()
//
// It holds no handle: releasing the token is still up to its owner, and a guard of
// a released token does nothing. Methods may be called from any goroutine.
type Guard struct {
	token    *Token
	disarmed atomic.Bool
}

// Guard returns an armed guard of t.
func (t *Token) Guard() *Guard {
	t.node() // panics for the zero Token, here rather than in Close
	return &Guard{token: t}
}

// Close cancels the token with a nil cause, unless the guard is disarmed or was
// closed before.
func (g *Guard) Close() {
	if g.disarmed.CompareAndSwap(false, true) {
		g.token.Cancel(nil)
	}
}

// Disarm makes Close do nothing. It does not undo a Close.
func (g *Guard) Disarm() { g.disarmed.Store(true) }
