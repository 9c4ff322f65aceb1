//go:build race

package core

import "runtime"

// A coro is a goroutine that runs when it is resumed, until it suspends
// itself. The channels hand over with the detector's synchronization events
// off, so that no edge of the scheduler hides a race of the program.
type coro struct {
	f       func()
	started bool
	in, out chan struct{}
}

//go:norace
func newCoro(f func()) *coro {
	return &coro{f: f, in: make(chan struct{}, 1), out: make(chan struct{}, 1)}
}

//go:norace
func (c *coro) run() {
	runtime.RaceDisable()
	<-c.in
	runtime.RaceEnable()
	defer c.end()
	c.f()
}

//go:norace
func (c *coro) end() {
	runtime.RaceDisable()
	c.out <- struct{}{}
	runtime.RaceEnable()
}

// resume runs the goroutine until it suspends itself or ends.
//
//go:norace
func (c *coro) resume() {
	if !c.started {
		c.started = true
		go c.run()
	}
	runtime.RaceDisable()
	c.in <- struct{}{}
	<-c.out
	runtime.RaceEnable()
}

// suspend goes back to who resumed.
//
//go:norace
func (c *coro) suspend() {
	runtime.RaceDisable()
	c.out <- struct{}{}
	<-c.in
	runtime.RaceEnable()
}

// bury resumes a goroutine that will end by runtime.Goexit.
//
//go:norace
func (c *coro) bury() { c.resume() }
