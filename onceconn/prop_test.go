package onceconn_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/interlock/onceconn"
	"pgregory.net/rapid"
)

// The machine: random calls, launches that end as the draw says, deaths and the
// passage of time, in a bubble, against a model that reads as the specification.
// After every step the model has said which callers must have returned, with
// what, and which must still wait; what the Map says of its keys must agree.

var errPermanent = errors.New("permanent")

// settings of one run.
const (
	launchTime = 30 * time.Second
	grace      = 5 * time.Second
	linger     = time.Second
	stable     = 10 * time.Second
	idleTime   = 320 * time.Second
	idleSlack  = 21 * time.Second // two ticks
	dataTTL    = time.Hour
)

// rest is the pause after the n-th strike.
func rest(n int) time.Duration { return min(time.Second<<(n-1), 8*time.Second) }

// A caller is one Get or Acquire.
type caller struct {
	id       int
	leased   bool
	arrived  time.Time
	deadline time.Time // zero: none
	cancel   context.CancelFunc

	done  atomic.Bool // what really happened: it has returned
	conn  *fake
	err   error
	lease onceconn.Lease[*fake]

	over bool // what must happen
	want func(c *caller) error
}

// A pilot is the running launch of a key, as the test steers it.
type pilot struct {
	key      string
	n, data  int
	lastErr  error
	stubborn atomic.Bool
	lost     bool // an orphan whose record was forgotten
	command  chan string
}

// mconn is a connection in the model.
type mconn struct {
	c      *fake
	opened time.Time
	used   time.Time
	leases int
	out    bool // not handed out any more
	dead   bool
}

// mkey is a key in the model.
type mkey struct {
	phase    onceconn.Phase
	known    bool
	pilot    *pilot
	waiting  []*caller // of the flight
	gated    []*caller
	wanted   bool
	lingerAt time.Time
	endsAt   time.Time // the launch's context ends, or the launch becomes an orphan
	ended    bool      // its context has ended
	conn     *mconn
	attempts int
	strikes  int
	data     int // what the launches of the key have counted; 0 with none, or lost
	lastErr  error
	retryAt  time.Time // zero: never
	pacing   bool
	restAt   time.Time
}

type machine struct {
	t         *rapid.T
	m         *fmap
	abandon   onceconn.AbandonPolicy
	wait      bool
	keys      map[string]*mkey
	mu        sync.Mutex        // launches of two keys may end at once
	pilots    map[string]*pilot // set by launches
	orphans   []*pilot
	conns     []*mconn
	callers   []*caller
	dead      map[*fake]func(error)
	steps     int
	serial    int    // of connections
	fault     string // found by a launch
	next      *fake  // the connection of the last launch that succeeded
	stillborn bool   // the next connection dies at once
}

func TestMachine(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var failure any
		synctest.Test(t, func(*testing.T) {
			defer func() { failure = recover() }() // rapid's own panics belong to rapid's goroutine
			runMachine(rt)
		})
		switch {
		case failure == nil:
		case fmt.Sprintf("%T", failure) == "rapid.invalidData":
			panic(failure) // rapid tells panics apart by their line
		default:
			panic(failure)
		}
	})
}

func runMachine(rt *rapid.T) {
	x := &machine{t: rt, keys: map[string]*mkey{"a": {}, "b": {}}, pilots: map[string]*pilot{}, dead: map[*fake]func(error){}}
	x.abandon = rapid.SampledFrom([]onceconn.AbandonPolicy{onceconn.AfterLast(linger), onceconn.Never, onceconn.AtOnce}).Draw(rt, "abandon")
	x.wait = rapid.Bool().Draw(rt, "wait")
	o := &fopts{LaunchTimeout: launchTime, Grace: grace, Abandon: x.abandon, IdleTimeout: idleTime, DataTTL: dataTTL, Rechecks: 1000,
		Backoff:   onceconn.Backoff{Base: time.Second, Multiplier: 2, Max: 8 * time.Second, Jitter: 1e-12, StableAfter: stable},
		Permanent: func(err error) bool { return err == errPermanent },
		Watch: func(c *fake, dead func(error)) func() {
			x.mu.Lock()
			x.dead[c] = dead
			stillborn := x.stillborn
			x.mu.Unlock()
			if stillborn {
				dead(errHungUp)
			}
			return func() { c.stopped.Add(1) }
		}}
	if x.wait {
		o.OnBackoff = onceconn.Wait
	}
	x.m = onceconn.New(onceconn.WithData(x.launch), o)
	defer x.cleanUp()
	rt.Repeat(map[string]func(*rapid.T){
		"get":      func(t *rapid.T) { x.call(x.key(t), false, x.patience(t)) },
		"acquire":  func(t *rapid.T) { x.call(x.key(t), true, x.patience(t)) },
		"cancel":   x.cancelOne,
		"land":     x.land,
		"stubborn": x.beStubborn,
		"orphan":   x.landOrphan,
		"die":      x.die,
		"evict":    x.evict,
		"release":  x.release,
		"reset":    x.reset,
		"start":    x.start,
		"advance":  x.advance,
		"":         func(t *rapid.T) { x.check() },
	})
	x.shutDown()
}

func (x *machine) launch(ctx context.Context, a *ftry, d *int) (*fake, error) {
	p := &pilot{key: a.Key, n: a.N, data: *d, lastErr: a.LastErr, command: make(chan string, 1)}
	*d++
	x.mu.Lock()
	if old := x.pilots[a.Key]; old != nil && !old.stubborn.Load() { // orphans are counted elsewhere
		x.fault = "I1: two launches of " + a.Key
	}
	x.pilots[a.Key] = p
	x.mu.Unlock()
	how := p.fly(ctx)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.pilots[a.Key] == p {
		delete(x.pilots, a.Key)
	}
	switch how {
	case "":
		return nil, ctx.Err()
	case "fail":
		return nil, errRefused
	case "permanent":
		return nil, errPermanent
	case "panic":
		panic("boom")
	case "exit":
		runtime.Goexit()
	}
	x.serial++
	x.next = &fake{id: x.serial, key: a.Key}
	return x.next, nil
}

// landed returns the connection of the last launch that succeeded, and landing
// sets it.
func (x *machine) landed() *fake {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.next
}

func (x *machine) landing(c *fake) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.next = c
}

// fly waits for its command, or, unless it is stubborn, for the end of ctx.
func (p *pilot) fly(ctx context.Context) string {
	select {
	case how := <-p.command:
		return how
	case <-ctx.Done():
		if !p.stubborn.Load() {
			return ""
		}
		return <-p.command
	}
}

func (x *machine) key(t *rapid.T) string { return rapid.SampledFrom([]string{"a", "b"}).Draw(t, "key") }

func (x *machine) patience(t *rapid.T) time.Duration {
	d := rapid.SampledFrom([]time.Duration{0, 0, 70 * time.Millisecond, 3 * time.Second, time.Minute}).Draw(t, "patience")
	if d > 0 {
		d += x.odd()
	}
	return d
}

// odd makes times differ, so that no two things happen at the same moment: the
// model would have to know their order.
func (x *machine) odd() time.Duration {
	x.steps++
	return time.Duration(x.steps) * 1009 * time.Nanosecond
}

// call makes a call and says in the model what becomes of it.
func (x *machine) call(key string, leased bool, patience time.Duration) {
	ctx, cancel := context.WithCancel(bg)
	c := &caller{id: len(x.callers), leased: leased, arrived: time.Now(), cancel: cancel}
	if patience > 0 {
		c.deadline = c.arrived.Add(patience)
		ctx, cancel = context.WithDeadline(ctx, c.deadline)
		both := c.cancel
		c.cancel = func() { cancel(); both() }
	}
	x.callers = append(x.callers, c)
	k := x.keys[key]
	x.arrive(k, c)
	go func() {
		if leased {
			c.lease, c.err = x.m.Acquire(ctx, key)
			c.conn = c.lease.Conn()
		} else {
			c.conn, c.err = x.m.Get(ctx, key)
		}
		c.done.Store(true)
	}()
	synctest.Wait()
}

// arrive: the model's side of a caller that finds the key as it is now.
func (x *machine) arrive(k *mkey, c *caller) {
	k.known = true
	if k.conn != nil {
		x.serve(k.conn, c)
		return
	}
	if k.phase == onceconn.PhaseBackoff && !k.retryAt.IsZero() && !time.Now().Before(k.retryAt) {
		x.thaw(k)
	}
	switch k.phase {
	case onceconn.PhaseBackoff:
		if (x.wait || k.pacing) && !k.retryAt.IsZero() && (c.deadline.IsZero() || !c.deadline.Before(k.retryAt)) {
			k.gated = append(k.gated, c)
			return
		}
		cause, at := k.lastErr, k.retryAt
		k.restAt = time.Now()
		x.expect(c, func(c *caller) error { return wantCached(c, cause, at) })
	case onceconn.PhaseClosed:
		x.begin(k)
		fallthrough
	default:
		k.waiting = append(k.waiting, c)
		k.lingerAt = time.Time{}
	}
}

func wantCached(c *caller, cause error, at time.Time) error {
	var e *onceconn.Error
	if !errors.As(c.err, &e) || !e.Cached || cause != errAny && !errors.Is(c.err, cause) || e.RetryAt.Sub(at).Abs() > time.Millisecond {
		return fmt.Errorf("got %v, want %v, cached until %v", c.err, cause, at)
	}
	return nil
}

func (x *machine) begin(k *mkey) {
	k.phase = onceconn.PhaseLaunching
	k.attempts++
	k.endsAt = time.Now().Add(launchTime)
	k.ended, k.wanted = false, false
	k.lingerAt = time.Time{}
}

// expect says that a caller must have returned by now, and with what.
func (x *machine) expect(c *caller, want func(*caller) error) {
	if c.over {
		panic("the model gave two outcomes")
	}
	c.over, c.want = true, want
}

func (x *machine) serve(n *mconn, c *caller) {
	n.used = time.Now()
	if c.leased {
		n.leases++
	}
	x.expect(c, func(c *caller) error {
		if c.err != nil || c.conn != n.c {
			return fmt.Errorf("got %v and %v, want connection %d", c.conn, c.err, n.c.id)
		}
		return nil
	})
}

// leave: the caller's context has ended.
func (x *machine) leave(c *caller, cause error) {
	for _, k := range x.keys {
		k.gated = slices.DeleteFunc(k.gated, func(o *caller) bool { return o == c })
		at := slices.Index(k.waiting, c)
		if at < 0 {
			continue
		}
		k.waiting = slices.Delete(k.waiting, at, at+1)
		if len(k.waiting) == 0 && k.phase == onceconn.PhaseLaunching && !k.wanted {
			switch x.abandon {
			case onceconn.Never:
			case onceconn.AtOnce:
				x.abandonFlight(k)
			default:
				k.lingerAt = time.Now().Add(linger)
			}
		}
	}
	x.expect(c, func(c *caller) error {
		if c.err != cause {
			return fmt.Errorf("I4, I5: got %v and %v, want %v", c.conn, c.err, cause)
		}
		return nil
	})
}

// abandonFlight: the launch is told to stop; unless it is stubborn it does.
func (x *machine) abandonFlight(k *mkey) {
	k.phase = onceconn.PhaseCancelling
	k.lingerAt, k.ended = time.Time{}, true
	k.endsAt = time.Now().Add(grace)
	if k.pilot != nil && !k.pilot.stubborn.Load() {
		x.cancelled(k)
	}
}

// cancelled: a cancelled flight has ended without connection. Whoever came
// meanwhile comes again.
func (x *machine) cancelled(k *mkey) {
	k.data = k.pilot.data + 1
	x.restart(k)
}

// restart: what follows when a cancelled flight has ended.
func (x *machine) restart(k *mkey) {
	k.phase, k.pilot, k.restAt = onceconn.PhaseClosed, nil, time.Now()
	again, wanted := k.waiting, k.wanted
	k.waiting, k.endsAt = nil, time.Time{}
	if wanted || len(again) > 0 {
		x.begin(k)
		k.wanted = wanted
		k.waiting = again
	}
}

// failed: the flight's failure is the outcome of all who wait for it.
func (x *machine) failed(k *mkey, err error) {
	k.strikes++
	k.phase, k.pilot, k.pacing = onceconn.PhaseBackoff, nil, false
	k.lastErr, k.restAt, k.endsAt, k.lingerAt = err, time.Now(), time.Time{}, time.Time{}
	if k.retryAt = time.Now().Add(rest(k.strikes)); err == errPermanent {
		k.retryAt = time.Time{}
	}
	began := k.attempts
	for _, c := range k.waiting {
		x.expect(c, func(c *caller) error {
			var e *onceconn.Error
			if !errors.As(c.err, &e) || e.Cached || e.Attempt != began || err != nil && !errors.Is(c.err, err) {
				return fmt.Errorf("I2: got %v, want the failure %v of attempt %d", c.err, err, began)
			}
			if e.Ended.Before(c.arrived) {
				return fmt.Errorf("I2: the flight had ended before the caller came")
			}
			return nil
		})
	}
	k.waiting = nil
}

func (x *machine) opened(k *mkey, c *fake) {
	n := &mconn{c: c, opened: time.Now(), used: time.Now()}
	x.conns = append(x.conns, n)
	k.pilot, k.endsAt, k.lingerAt = nil, time.Time{}, time.Time{}
	k.phase, k.conn = onceconn.PhaseOpen, n
	waiting := k.waiting
	k.waiting = nil
	if x.stillborn {
		n.dead = true
		x.left(k, true)
		for _, c := range waiting {
			x.arrive(k, c)
		}
		return
	}
	for _, c := range waiting {
		x.serve(n, c)
	}
}

// left: the connection is not handed out any more.
func (x *machine) left(k *mkey, died bool) {
	n := k.conn
	n.out = true
	k.conn, k.phase, k.restAt = nil, onceconn.PhaseClosed, time.Now()
	if time.Since(n.opened) >= stable {
		k.attempts, k.strikes, k.lastErr = 0, 0, nil
	} else if died {
		k.strikes++
		k.lastErr = errHungUp
		if k.strikes > 1 {
			k.phase, k.pacing, k.retryAt = onceconn.PhaseBackoff, true, time.Now().Add(rest(k.strikes-1))
		}
	}
}

func (x *machine) thaw(k *mkey) {
	k.phase, k.restAt = onceconn.PhaseClosed, time.Now()
	gated := k.gated
	k.gated = nil
	for _, c := range gated {
		x.arrive(k, c)
	}
}

func (x *machine) cancelOne(t *rapid.T) {
	c := x.some(t, func(c *caller) bool { return !c.over })
	if c == nil {
		t.Skip()
	}
	x.leave(c, context.Canceled)
	c.cancel()
	synctest.Wait()
}

// some draws one of the callers that fit.
func (x *machine) some(t *rapid.T, fits func(*caller) bool) *caller {
	var list []*caller
	for _, c := range x.callers {
		if fits(c) {
			list = append(list, c)
		}
	}
	if len(list) == 0 {
		return nil
	}
	return rapid.SampledFrom(list).Draw(t, "caller")
}

// land ends a launch.
func (x *machine) land(t *rapid.T) {
	k := x.keys[x.key(t)]
	p := k.pilot
	if p == nil {
		t.Skip()
	}
	how := rapid.SampledFrom([]string{"ok", "ok", "ok", "stillborn", "fail", "fail", "permanent", "panic", "exit"}).Draw(t, "how")
	x.mu.Lock()
	x.stillborn = how == "stillborn"
	x.mu.Unlock()
	p.command <- how
	synctest.Wait()
	if k.data = p.data + 1; how == "panic" || how == "exit" {
		k.data = 0
	}
	cancelling := k.phase == onceconn.PhaseCancelling
	switch {
	case how == "ok" || how == "stillborn":
		x.opened(k, x.landed())
	case cancelling:
		x.restart(k)
	case how == "fail":
		x.failed(k, errRefused)
	case how == "permanent":
		x.failed(k, errPermanent)
	case how == "exit":
		x.failed(k, onceconn.ErrLaunchExited)
	default:
		x.failed(k, nil)
		k.lastErr = errAny
	}
	x.mu.Lock()
	x.stillborn = false
	x.mu.Unlock()
}

// errAny stands for an error that the model knows no identity of.
var errAny = errors.New("any")

func (x *machine) beStubborn(t *rapid.T) {
	k := x.keys[x.key(t)]
	if k.pilot == nil {
		t.Skip()
	}
	k.pilot.stubborn.Store(true)
}

// landOrphan ends a launch that was given up: its connection is closed and its
// data are kept if nobody has newer ones.
func (x *machine) landOrphan(t *rapid.T) {
	if len(x.orphans) == 0 {
		t.Skip()
	}
	p := x.orphans[0]
	x.orphans = x.orphans[1:]
	x.landing(nil)
	p.command <- rapid.SampledFrom([]string{"ok", "fail"}).Draw(t, "how")
	synctest.Wait()
	if k := x.keys[p.key]; !p.lost && k.data == 0 && (k.phase == onceconn.PhaseClosed || k.phase == onceconn.PhaseBackoff || k.phase == onceconn.PhaseOpen) {
		k.data = p.data + 1
	}
	if c := x.landed(); c != nil {
		x.conns = append(x.conns, &mconn{c: c, out: true})
	}
}

func (x *machine) die(t *rapid.T) {
	k := x.keys[x.key(t)]
	if k.conn == nil {
		t.Skip()
	}
	k.conn.dead = true
	x.mu.Lock()
	dead := x.dead[k.conn.c]
	x.mu.Unlock()
	dead(errHungUp)
	x.left(k, true)
	synctest.Wait()
}

func (x *machine) evict(t *rapid.T) {
	if len(x.conns) == 0 {
		t.Skip()
	}
	n := rapid.SampledFrom(x.conns).Draw(t, "connection")
	k := x.keys[n.c.key]
	if got, want := x.m.Evict(n.c.key, n.c, nil), k.conn == n; got != want {
		x.t.Fatalf("I11: Evict of connection %d: %v, want %v", n.c.id, got, want)
	}
	if k.conn == n {
		x.left(k, false)
	}
	synctest.Wait()
}

func (x *machine) release(t *rapid.T) {
	c := x.some(t, func(c *caller) bool { return c.leased && c.done.Load() && c.conn != nil })
	if c == nil {
		t.Skip()
	}
	i := slices.IndexFunc(x.conns, func(n *mconn) bool { return n.c == c.conn })
	x.conns[i].leases--
	x.conns[i].used = time.Now()
	c.conn = nil
	c.want = nil
	c.lease.Release()
	synctest.Wait()
}

func (x *machine) reset(t *rapid.T) {
	key := x.key(t)
	keys := []*mkey{x.keys[key]}
	if rapid.Bool().Draw(t, "all") {
		keys = append(keys[:0], x.keys["a"], x.keys["b"])
		x.m.ResetAllBackoff()
	} else {
		x.m.ResetBackoff(key)
	}
	for _, k := range keys {
		k.strikes = 0
		if k.phase == onceconn.PhaseBackoff {
			x.thaw(k)
		}
	}
	synctest.Wait()
}

func (x *machine) start(t *rapid.T) {
	key := x.key(t)
	k := x.keys[key]
	k.known = true
	if k.phase == onceconn.PhaseBackoff && !k.retryAt.IsZero() && !time.Now().Before(k.retryAt) {
		x.thaw(k)
	}
	switch k.phase {
	case onceconn.PhaseClosed:
		x.begin(k)
		k.wanted = true
	case onceconn.PhaseLaunching, onceconn.PhaseCancelling:
		k.wanted = true
		k.lingerAt = time.Time{}
	}
	x.m.Start(key)
	synctest.Wait()
}

// advance lets time pass, and does in the model what falls due on the way.
func (x *machine) advance(t *rapid.T) {
	d := rapid.SampledFrom([]time.Duration{50 * time.Millisecond, 400 * time.Millisecond, 1500 * time.Millisecond, 4 * time.Second,
		11 * time.Second, 40 * time.Second, 6 * time.Minute, 2 * time.Hour}).Draw(t, "time") + x.odd()
	end := time.Now().Add(d)
	for {
		at, what := x.due(end)
		time.Sleep(time.Until(at))
		synctest.Wait()
		x.pair()
		if what == nil {
			return
		}
		what()
		x.pair()
	}
}

// due finds what happens next, until end.
func (x *machine) due(end time.Time) (time.Time, func()) {
	at := end
	var what func()
	consider := func(when time.Time, f func()) {
		if !when.IsZero() && when.Before(at) {
			at, what = when, f
		}
	}
	for _, name := range []string{"a", "b"} {
		k := x.keys[name]
		consider(k.lingerAt, func() { x.abandonFlight(k) })
		consider(k.endsAt, func() { x.ends(k) })
		if len(k.gated) > 0 {
			consider(k.retryAt, func() { x.thaw(k) })
		}
	}
	for _, c := range x.callers {
		if !c.over {
			consider(c.deadline, func() { x.leave(c, context.DeadlineExceeded) })
		}
	}
	return at, what
}

// ends: LaunchTimeout has passed, or Grace after the end of the context.
func (x *machine) ends(k *mkey) {
	if !k.ended {
		k.ended = true
		if k.pilot != nil && !k.pilot.stubborn.Load() {
			k.data = k.pilot.data + 1
			x.failed(k, context.DeadlineExceeded)
			return
		}
		k.endsAt = time.Now().Add(grace)
		return
	}
	x.orphans = append(x.orphans, k.pilot)
	k.data = 0 // with the orphan
	if k.phase == onceconn.PhaseCancelling {
		x.restart(k)
	} else {
		x.failed(k, context.DeadlineExceeded)
	}
}

// pair finds the launches that have begun for the keys of the model.
func (x *machine) pair() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for name, k := range x.keys {
		p := x.pilots[name]
		if k.pilot != nil || p == nil || k.phase != onceconn.PhaseLaunching {
			continue
		}
		k.pilot = p
		if p.data != k.data {
			x.t.Fatalf("I8: the launch of %s was given %d, and %d was learnt", name, p.data, k.data)
		}
		if p.n != k.attempts {
			x.t.Fatalf("launch of %s is attempt %d, want %d", name, p.n, k.attempts)
		}
		if k.lastErr != errAny && (p.lastErr == nil) != (k.lastErr == nil) || k.lastErr != nil && k.lastErr != errAny && !errors.Is(p.lastErr, k.lastErr) {
			x.t.Fatalf("launch of %s was told of %v, want %v", name, p.lastErr, k.lastErr)
		}
	}
}

// check compares all that can be seen with the model.
func (x *machine) check() {
	x.pair()
	x.mu.Lock()
	fault := x.fault
	x.mu.Unlock()
	if fault != "" {
		x.t.Fatal(fault)
	}
	states := map[string]onceconn.State{}
	for k, s := range x.m.All() {
		states[k] = s
	}
	for name, k := range x.keys {
		x.settle(name, k, states)
		s, ok := states[name]
		if ok != k.known || ok && s.Phase != k.phase {
			x.t.Fatalf("%s is %v (%v), want %v (%v)", name, s.Phase, ok, k.phase, k.known)
		}
		if n := len(k.waiting) + len(k.gated); s.Waiters != n {
			x.t.Fatalf("%s has %d waiters, want %d", name, s.Waiters, n)
		}
		if ok && s.Attempts != k.attempts {
			x.t.Fatalf("%s counts %d attempts, want %d", name, s.Attempts, k.attempts)
		}
		if k.phase == onceconn.PhaseBackoff && s.RetryAt.Sub(k.retryAt).Abs() > time.Millisecond {
			x.t.Fatalf("%s rests until %v, want %v", name, s.RetryAt, k.retryAt)
		}
		if k.conn != nil && s.Leases != k.conn.leases {
			x.t.Fatalf("%s has %d leases, want %d", name, s.Leases, k.conn.leases)
		}
		if (k.pilot != nil) != (k.phase == onceconn.PhaseLaunching || k.phase == onceconn.PhaseCancelling) {
			x.t.Fatalf("I1: %s is %v, and a launch runs: %v", name, k.phase, k.pilot != nil)
		}
	}
	for _, c := range x.callers {
		if c.done.Load() != c.over {
			x.t.Fatalf("caller %d has returned: %v, want %v", c.id, c.done.Load(), c.over)
		}
		if c.done.Load() && c.want != nil {
			if err := c.want(c); err != nil {
				x.t.Fatalf("caller %d: %v", c.id, err)
			}
			c.want = nil
		}
	}
	for _, n := range x.conns {
		want := int32(0)
		if n.out && n.leases == 0 {
			want = 1
		}
		if n.c.closed.Load() != want || n.c.stopped.Load() != want {
			x.t.Fatalf("I7: connection %d closed %d times, its watch stopped %d times, want %d", n.c.id, n.c.closed.Load(), n.c.stopped.Load(), want)
		}
	}
	if got := x.m.Stats().Orphans; got != len(x.orphans) {
		x.t.Fatalf("%d orphans, want %d", got, len(x.orphans))
	}
}

// settle lets the model follow where the Map may choose its moment: idle
// connections and forgotten keys go within a window.
func (x *machine) settle(name string, k *mkey, states map[string]onceconn.State) {
	now := time.Now()
	s, ok := states[name]
	if n := k.conn; n != nil && n.leases == 0 {
		idle := now.Sub(n.used)
		switch {
		case (!ok || s.Phase != onceconn.PhaseOpen) && idle >= idleTime:
			x.left(k, false)
			k.restAt = n.used.Add(idleTime)
		case idle > idleTime+idleSlack:
			x.t.Fatalf("%s is idle for %v and open", name, idle)
		}
	}
	if ok && k.phase == onceconn.PhaseBackoff && s.Phase == onceconn.PhaseClosed && !k.retryAt.IsZero() && !now.Before(k.retryAt) {
		x.thaw(k) // all who waited for it have left
	}
	if k.known && k.conn == nil && k.pilot == nil && len(k.gated) == 0 {
		rests := now.Sub(k.restAt)
		switch {
		case !ok && rests >= dataTTL:
			*k = mkey{}
			for _, p := range x.orphans {
				p.lost = p.lost || p.key == name
			}
		case ok && rests > dataTTL+idleSlack:
			x.t.Fatalf("I10: %s is remembered after %v", name, rests)
		}
	}
}

// shutDown closes the Map and checks that everything has come to its end.
func (x *machine) shutDown() {
	stubborn := slices.Clone(x.orphans)
	for _, k := range x.keys {
		if k.pilot != nil && k.pilot.stubborn.Load() {
			stubborn = append(stubborn, k.pilot)
		}
	}
	for _, c := range x.callers {
		if !c.over {
			x.expect(c, func(c *caller) error {
				if c.err != onceconn.ErrClosed {
					return fmt.Errorf("got %v and %v, want ErrClosed", c.conn, c.err)
				}
				return nil
			})
		}
	}
	err := x.m.Close()
	if (err != nil) != (len(stubborn) > 0) {
		x.t.Fatalf("I9: Close: %v with %d stubborn launches", err, len(stubborn))
	}
	synctest.Wait()
	for _, c := range x.callers {
		if !c.done.Load() {
			x.t.Fatalf("caller %d still waits", c.id)
		}
		if c.want != nil {
			if err := c.want(c); err != nil {
				x.t.Fatalf("caller %d: %v", c.id, err)
			}
		}
	}
	for _, p := range stubborn {
		x.landing(nil)
		p.command <- "ok"
		synctest.Wait()
		x.conns = append(x.conns, &mconn{c: x.landed()})
	}
	x.orphans = nil
	for _, n := range x.conns {
		if n.c.closed.Load() != 1 || n.c.stopped.Load() > 1 {
			x.t.Fatalf("I7: connection %d closed %d times", n.c.id, n.c.closed.Load())
		}
	}
	for _, c := range x.callers {
		c.cancel()
		if c.leased && c.conn != nil {
			c.lease.Release()
		}
	}
}

// cleanUp ends what a failed run leaves in the bubble.
func (x *machine) cleanUp() {
	for _, c := range x.callers {
		c.cancel()
	}
	for _, p := range x.orphans {
		p.command <- "fail"
	}
	x.mu.Lock()
	pilots := maps.Clone(x.pilots)
	x.mu.Unlock()
	for _, p := range pilots {
		select {
		case p.command <- "fail":
		default:
		}
	}
	x.m.Close()
}
