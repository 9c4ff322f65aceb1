package onceconn

import (
	"sync"
	"time"
)

// A crew counts what must be over before the Map may call itself closed:
// goroutines, timers that may still start one, connections. It is a WaitGroup
// whose wait can be given up.
//
// Its lock is a leaf.
type crew struct {
	mu   sync.Mutex // protects the fields below
	n    int
	zero chan struct{} // closed and cleared when n becomes 0; nil if nobody asked
}

func (c *crew) add() {
	c.mu.Lock()
	c.n++
	c.mu.Unlock()
}

func (c *crew) done() {
	c.mu.Lock()
	c.n--
	var zero chan struct{}
	if c.n == 0 {
		zero, c.zero = c.zero, nil
	}
	c.mu.Unlock()
	if zero != nil {
		close(zero)
	}
}

func (c *crew) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// idle returns a channel that is closed when the count is, or next becomes, 0.
func (c *crew) idle() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n > 0 {
		if c.zero == nil {
			c.zero = make(chan struct{})
		}
		return c.zero
	}
	zero := make(chan struct{})
	close(zero)
	return zero
}

// run runs f on a goroutine of the crew.
func (c *crew) run(f func()) {
	c.add()
	go func() {
		defer c.done()
		f()
	}()
}

// An alarm is a timer that the crew counts until it was stopped or its function
// has returned. A nil alarm never rings.
type alarm struct {
	crew  *crew
	timer *time.Timer
}

// after runs f on a goroutine of the crew after d, unless stopped.
func (c *crew) after(d time.Duration, f func()) *alarm {
	if d == Forever {
		return nil
	}
	c.add()
	return &alarm{crew: c, timer: time.AfterFunc(d, func() {
		defer c.done()
		f()
	})}
}

// stop prevents the alarm from ringing if it has not begun to.
func (a *alarm) stop() {
	if a != nil && a.timer.Stop() {
		a.crew.done()
	}
}
