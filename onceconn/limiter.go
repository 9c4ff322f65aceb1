package onceconn

import (
	"container/list"
	"sync"
	"time"
)

// A limiter holds flights back: when as many run as may, and while a shortage of
// our own makes every launch pointless. It wakes them in the order in which they
// came. A flight that waits here has no goroutine.
//
// Under its lock only that of the crew is taken.
type limiter[K comparable, C any] struct {
	max int // 0: no limit

	mu      sync.Mutex // protects the fields below, and slot and queued of flights
	running int
	queue   list.List // of *flight[K, C]
	paused  *alarm    // rings when the pause is over; nil when there is none
	over    bool      // nothing begins any more
}

type verdict uint8

const (
	granted verdict = iota // begin
	delayed                // whoever makes room will begin it
	refused                // it was cancelled before it began
)

// admit decides about a new flight. A flight is cancelled first and withdrawn
// after: seen here or there, never missed.
func (q *limiter[K, C]) admit(f *flight[K, C]) verdict {
	q.mu.Lock()
	defer q.mu.Unlock()
	if f.ctx.Err() != nil {
		return refused
	}
	if !q.room() {
		f.queued = q.queue.PushBack(f)
		return delayed
	}
	q.running++
	f.slot = true
	return granted
}

// withdraw takes f out of the queue. It reports whether it was there: then it is
// the caller's business to end it.
func (q *limiter[K, C]) withdraw(f *flight[K, C]) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if f.queued == nil {
		return false
	}
	q.queue.Remove(f.queued)
	f.queued = nil
	return true
}

// release gives f's slot back, once, and returns the flights to begin now.
func (q *limiter[K, C]) release(f *flight[K, C]) []*flight[K, C] {
	q.mu.Lock()
	defer q.mu.Unlock()
	if f.slot {
		f.slot = false
		q.running--
	}
	return q.next()
}

// pause holds every new launch back until d from now; begin starts those that
// are due at its end.
func (q *limiter[K, C]) pause(c *crew, d time.Duration, begin func([]*flight[K, C])) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.over {
		return
	}
	q.paused.stop()
	var bell *alarm
	bell = c.after(d, func() { begin(q.resume(&bell)) })
	q.paused = bell
}

// resume ends the pause whose alarm rang, unless another one was begun since.
func (q *limiter[K, C]) resume(bell **alarm) []*flight[K, C] {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.paused != *bell {
		return nil
	}
	q.paused = nil
	return q.next()
}

// stop is called when the Map is closed, before its flights are cut: the end of
// one makes room for none. Who is queued then, or comes yet, is cut as well.
func (q *limiter[K, C]) stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.over = true
	q.paused.stop()
}

func (q *limiter[K, C]) room() bool {
	return !q.over && q.paused == nil && (q.max == 0 || q.running < q.max)
}

func (q *limiter[K, C]) next() (begin []*flight[K, C]) {
	for q.queue.Len() > 0 && q.room() {
		f := q.queue.Remove(q.queue.Front()).(*flight[K, C])
		f.queued, f.slot = nil, true
		q.running++
		begin = append(begin, f)
	}
	return begin
}
