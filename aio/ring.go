package aio

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	"example.com/interlock/aio/internal/sys"
)

// A Ring watches descriptors and completes the operations on them. It is made
// by New, must be closed, and must not be copied; any number of goroutines
// may use it. Rings are independent of each other: one per program is the
// usual number, one per core pays for busy servers.
//
// A ring in mode Nested or Thread has one goroutine, which Close ends; one in
// mode Manual has none.
//
//  1. Whoever holds the token polls: takes events, runs operations, calls
//     handlers. What it has taken and not handled yet stays in the fields
//     below "the poller's", so that a panic, a Goexit or a full Poll loses
//     nothing.
//  2. The poller sleeps only after it has announced that (sleep = asleep) and
//     then found nothing to do; whoever adds to the inbox or the deadlines
//     looks at sleep afterwards, and the one who turns it to roused wakes.
//  3. pending counts the operations that the ring owes a completion, from
//     before anybody else can complete them until their handler has returned:
//     from Start on, else from when they first wait. Until then somebody runs
//     their direction or holds their descriptor.
//  4. After dead is set, with an empty inbox and nothing pending, nobody
//     polls; completions of what is started later are handed over by a
//     goroutine that ends with the inbox. That is after Close has been through
//     the table (swept), so no descriptor speaks to a poller that is closed.
//
// Lock order: mu, FD.mu, then inbox.mu, times.mu, gates.mu, of which no two
// are ever held together.
type Ring struct {
	k      sys.Kernel
	poll   poller
	nest   sys.Nest // nil: wait in poll
	mode   PollerMode
	budget uint8
	trace  *Trace

	state   atomic.Uint32 // ringOpen, ringDraining, ringClosed
	sleep   atomic.Uint32
	turn    atomic.Uint32
	fetched atomic.Uint32 // counts fetches of events, from before each
	kicked  atomic.Bool   // Wake was called
	swept   atomic.Bool   // Close has ended what was in the table and in own
	pending atomic.Int64
	times   deadlines
	crew    crew
	gates   gates
	waiters sync.Pool
	stats   counters

	mu    sync.Mutex // protects gen and the growth of table, idle
	gen   uint32
	table table
	idle  chan struct{} // closed when nothing is pending, for Drain

	inbox inbox

	own *FD // has no descriptor: what operations without one are on

	token chan struct{} // holds one value while somebody polls
	ended chan struct{} // closed after the last handler that Close waits for

	// The poller's.
	out   opList // done, not handed over
	line  *FD    // its turn has come
	got   int    // events of the last wait
	next  int    // the first of them that is not handled
	look  func(uintptr) bool
	limit int64 // what nest was told
	stale bool  // nest has to be told again
	woke  bool  // goroutines were woken since the last wait

	closing bool // teardown has begun
}

const (
	ringOpen uint32 = iota
	ringDraining
	ringClosed
)

// The states of Ring.sleep.
const (
	away   uint32 = iota // nobody polls
	awake                // the poller is at work and will look at everything again before it sleeps
	asleep               // the poller waits, or is about to
	roused               // somebody has taken it upon himself to wake the poller
)

// counters are the fields of Stats.
type counters struct {
	waits, events, stale, adds, mods, wakes, retries, turns atomic.Uint64
}

// New makes a ring. On a system without epoll and kqueue, and for mode Nested
// on a kqueue, the error is errors.ErrUnsupported for errors.Is. It panics when
// an option makes no sense.
func New(opts *Options) (*Ring, error) {
	k := sys.Host()
	if k == nil {
		return nil, &OpError{"new", "", errors.ErrUnsupported}
	}
	return newRing(k, opts)
}

// newRing makes a ring on any kernel.
func newRing(k sys.Kernel, opts *Options) (*Ring, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Poller > Manual || o.Workers < 0 || o.Budget < 0 || o.Budget > 255 {
		panic("aio: New with Options that make no sense")
	}
	if o.Budget == 0 {
		o.Budget = 16
	}
	r := &Ring{
		k: k, mode: o.Poller, budget: uint8(o.Budget), trace: o.Trace,
		token: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	r.crew.limit = crewLimit(o.Workers)
	r.own = &FD{ring: r, sysfd: -1, kind: KindOther}
	r.waiters.New = func() any { return &waiter{ch: make(chan struct{}, 1), ring: r} }
	if err := r.open(); err != nil {
		return nil, err
	}
	if r.mode != Manual {
		r.token <- struct{}{}
		r.sleep.Store(awake)
		go r.loop()
	}
	return r, nil
}

// open makes the poller and settles the mode.
func (r *Ring) open() error {
	var e sys.Errno
	if r.k.Poller() == sys.Kqueue {
		r.poll, e = newKqueue(r.k, &r.stats)
	} else {
		r.poll, e = newEpoll(r.k, &r.stats)
	}
	if e != 0 {
		return &OpError{"new", "", e}
	}
	if r.mode != Thread {
		r.nest = r.poll.nested()
	}
	r.look = func(uintptr) bool {
		r.got = r.fetch(0)
		return r.got > 0
	}
	switch {
	case r.mode == Auto && r.nest != nil:
		r.mode = Nested
	case r.mode == Auto:
		r.mode = Thread
	case r.mode == Nested && r.nest == nil:
		r.poll.close()
		return &OpError{"new", "", errors.ErrUnsupported}
	}
	if r.nest == nil {
		if e := r.poll.wakeable(); e != 0 {
			r.poll.close()
			return &OpError{"new", "", e}
		}
	}
	return nil
}

// loop polls until the ring is closed.
func (r *Ring) loop() {
	ended := false
	defer func() {
		// A handler that ends its goroutine does not end the ring; when
		// it panics the program is over, whatever is started here.
		if !ended {
			go r.loop()
		}
	}()
	for r.state.Load() != ringClosed {
		r.step(maxInt)
		r.wait(!r.left(), nil, nil)
	}
	r.teardown()
	ended = true
	<-r.token
}

const maxInt = int(^uint(0) >> 1)

// dispatching says whether the poller is at work, so that budgets count.
func (r *Ring) dispatching() bool { return r.sleep.Load() == awake }

// Stats returns the counters.
func (r *Ring) Stats() Stats {
	c := &r.stats
	return Stats{
		Waits: c.waits.Load(), Events: c.events.Load(), Stale: c.stale.Load(),
		Adds: c.adds.Load(), Mods: c.mods.Load(), Wakes: c.wakes.Load(),
		Retries: c.retries.Load(), Turns: c.turns.Load(),
		Pending: r.pending.Load(),
	}
}

// Mode is how the ring polls: Nested, Thread or Manual.
func (r *Ring) Mode() PollerMode { return r.mode }

// inHandler says whether a handler, or a function that a worker runs, is on
// the stack of this goroutine. It is asked by Close alone, which may take its time.
func inHandler() (handler, worker bool) {
	pcs := make([]uintptr, 64)
	for skip := 2; ; skip += len(pcs) {
		n := runtime.Callers(skip, pcs)
		frames := runtime.CallersFrames(pcs[:n])
		for {
			frame, more := frames.Next()
			switch frame.Function {
			case handlerFrame:
				return true, false
			case callFrame:
				return false, true
			}
			if !more {
				break
			}
		}
		if n < len(pcs) {
			return false, false
		}
	}
}
