package aio

// PollerMode says who waits for events.
type PollerMode uint8

// The poller modes.
const (
	// Auto is Nested where that works (linux), else Thread.
	Auto PollerMode = iota
	// Nested: a goroutine whose epoll descriptor waits in Go's own poller.
	// No thread is blocked and an idle ring costs nothing. With every P
	// busy it inherits the ten milliseconds of Go's poller.
	Nested
	// Thread: a goroutine that blocks in the system's wait. It answers
	// quickly even when every P is busy, at the price of a thread.
	Thread
	// Manual: whoever calls [Ring.Poll] or, for operations started with a
	// Queue, [Queue.Wait]. Blocking calls need somebody to do that.
	Manual
)

// String is the mode's name.
func (m PollerMode) String() string {
	switch m {
	case Auto:
		return "Auto"
	case Nested:
		return "Nested"
	case Thread:
		return "Thread"
	case Manual:
		return "Manual"
	}
	return "PollerMode(?)"
}

// Options are for [New]. Nil and the zero value are the defaults.
type Options struct {
	// Poller says who waits for events; the zero value is Auto.
	Poller PollerMode
	// Workers is the most goroutines that run calls which block. They
	// start on demand and go when idle. 0 means twice GOMAXPROCS, at least 4.
	Workers int
	// Budget is how many operations of one direction of a descriptor run
	// before the other descriptors get their turn; with it go 16 KiB each.
	// 0 means 16 (and so 256 KiB); at most 255.
	Budget int
	// Trace has hooks for diagnosis.
	Trace *Trace
}

// Trace has functions that a ring calls, never with a lock held, from
// whatever goroutine it happens on; they should be quick. Nil ones are left
// out.
type Trace struct {
	// Wait is called when a wait of the poller returned.
	Wait func(events int)
	// Stale is called for an event of a descriptor that is closed already.
	Stale func(sysfd int)
	// Retry is called when an operation met a shortage of the system (of
	// descriptors, buffers, backlog) and will be tried again in nanoseconds.
	Retry func(sysfd int, err error, after int64)
	// Complete is called before the handler of an operation.
	Complete func(op *Op)
}

// Stats counts what a ring did since it was made.
type Stats struct {
	Waits   uint64 // waits of the poller that returned: the ring's wake-ups
	Events  uint64 // events that the system reported
	Stale   uint64 // of them, events of descriptors that were closed already
	Adds    uint64 // registrations made
	Mods    uint64 // registrations widened
	Wakes   uint64 // times the sleeping poller was woken for work from outside
	Retries uint64 // operations put off by a shortage of the system
	Turns   uint64 // times a descriptor had used its budget up and was put behind the others
	Pending int64  // operations started and not yet handed over, now
}
