//go:build !race

package core

import "iter"

// A coro is a stack of its own that runs when it is resumed, until it suspends
// itself.
type coro struct {
	next  func() (struct{}, bool)
	yield func(struct{}) bool
}

// newCoro makes a coroutine of f, which first runs at the first resume.
func newCoro(f func()) *coro {
	c := new(coro)
	c.next, _ = iter.Pull(func(yield func(struct{}) bool) {
		c.yield = yield
		f()
	})
	return c
}

// resume runs the coroutine until it suspends itself or ends.
func (c *coro) resume() { c.next() }

// suspend goes back to who resumed.
func (c *coro) suspend() { c.yield(struct{}{}) }

// bury resumes a coroutine that will end by runtime.Goexit, which takes the
// goroutine that resumed it along: hence one that is there for nothing else.
func (c *coro) bury() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.next()
	}()
	<-done
}
