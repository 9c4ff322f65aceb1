package onceconn

import (
	"container/heap"
	"math"
	"sync"
	"time"
)

// A janitor does what is due at some time: it moves the clock by which hits stamp
// connections, retires what is idle or too old, and forgets keys. It is one timer
// and no goroutine; while no connection is open the clock stands still.
//
// A connection used at time t carries as its stamp the last tick before t. So
// it is idle for certain when its stamp is older than IdleTimeout and one tick.
//
// Under its lock only that of the crew is taken.
type janitor[K comparable, C any] struct {
	m    *Map[K, C]
	tick time.Duration // between two moves of the clock; Forever if nothing needs it
	poll time.Duration // between two questions to Busy

	mu      sync.Mutex // protects the fields below, and the slots of entries
	agenda  agenda[K, C]
	opens   int  // entries in Open
	polls   bool // something that retires was Busy when it was asked
	bell    *alarm
	rings   int64 // when the bell does
	stopped bool
}

// never is a time that does not come.
const never = math.MaxInt64

// slot is the place of an entry in the agenda.
type slot struct {
	due   int64 // on the Map's time line
	index int   // in the heap plus one; 0 if it is not there
	open  bool  // counted in opens
}

func (j *janitor[K, C]) init(m *Map[K, C]) {
	j.m, j.tick = m, Forever
	if m.o.IdleTimeout != Forever {
		j.tick = m.o.IdleTimeout / 32
	}
	if m.o.Ping != nil {
		j.tick = min(j.tick, m.o.PingAfterIdle/8)
	}
	j.tick = max(j.tick, time.Millisecond)
	j.poll = min(j.tick, time.Second)
}

// deadline says when the lifetime of a new connection is over.
func (j *janitor[K, C]) deadline() int64 {
	d := j.m.o.MaxLifetime
	if d == Forever {
		return never
	}
	return later(j.m.now(), d-time.Duration(float64(d)*jitter(0.1)))
}

// later is t plus d on the Map's time line, or never.
func later(t int64, d time.Duration) int64 {
	if int64(d) > never-t {
		return never
	}
	return t + int64(d)
}

// wind moves the clock if it stands still, or lags.
func (j *janitor[K, C]) wind() {
	if j.tick == Forever {
		return
	}
	now := j.m.now()
	j.mu.Lock()
	defer j.mu.Unlock()
	if old := j.m.clock.Load(); j.opens == 0 || now-old >= int64(j.tick) {
		j.m.clock.Store(max(old, now))
	}
}

// plan puts e on the agenda for when something is due for it. e.mu is held.
func (e *Entry[K, C]) plan() {
	e.m.janitor.set(e, e.due(), e.phase == PhaseOpen)
}

// due says when something is due for the entry. e.mu is held.
func (e *Entry[K, C]) due() int64 {
	m := e.m
	switch {
	case e.gone || e.flight != nil:
		return never
	case e.phase == PhaseOpen:
		l := e.open.Load()
		if m.o.IdleTimeout == Forever {
			return l.deadline
		}
		idle := max(later(l.stamp.Load(), m.o.IdleTimeout), m.now())
		return min(later(idle, m.janitor.tick), l.deadline)
	case e.used.IsZero():
		return 0
	case m.o.DataTTL == Forever:
		return never
	}
	due := e.used.Add(m.o.DataTTL)
	if e.phase == PhaseBackoff && e.failure.RetryAt.After(due) {
		due = e.failure.RetryAt
	}
	return int64(due.Sub(m.start))
}

func (j *janitor[K, C]) set(e *Entry[K, C], due int64, open bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if e.slot.open != open {
		if e.slot.open = open; open {
			j.opens++
		} else {
			j.opens--
		}
	}
	e.slot.due = due
	switch at := e.slot.index - 1; {
	case at >= 0 && due == never:
		heap.Remove(&j.agenda, at)
	case at >= 0:
		heap.Fix(&j.agenda, at)
	case due != never:
		heap.Push(&j.agenda, e)
	}
	j.arm()
}

// arm sets the bell for what comes next. j.mu is held.
func (j *janitor[K, C]) arm() {
	next := int64(never)
	if len(j.agenda) > 0 {
		next = j.agenda[0].slot.due
	}
	if j.tick != Forever && j.opens > 0 {
		next = min(next, j.m.clock.Load()+int64(j.tick))
	}
	if j.polls {
		next = min(next, j.m.now()+int64(j.poll))
	}
	if j.stopped || next == never || j.bell != nil && j.rings <= next {
		return
	}
	j.bell.stop()
	j.rings = next
	j.bell = j.m.crew.after(max(0, time.Duration(next-j.m.now())), j.patrol)
}

// stir makes the janitor ask a Busy connection again before long. A patrol that is
// about to begin does that, too: so this is written down, and not in the bell alone.
func (j *janitor[K, C]) stir() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.polls = true
	j.arm()
}

func (j *janitor[K, C]) stop() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stopped = true
	j.bell.stop()
}

// patrol is called when the bell rings. What may call the user's Busy, Close or
// hooks gets a goroutine of its own, because those may take their time: they hold
// up neither the other keys that are due nor the next patrol.
func (j *janitor[K, C]) patrol() {
	m := j.m
	j.mu.Lock()
	polls := j.polls
	j.polls = false // who is Busy still says so again
	now, before := m.now(), m.clock.Load()
	if j.tick != Forever && now-before >= int64(j.tick) {
		m.clock.Store(now)
	}
	var due []*Entry[K, C]
	for len(j.agenda) > 0 && j.agenda[0].slot.due <= now {
		due = append(due, heap.Pop(&j.agenda).(*Entry[K, C]))
	}
	j.bell.stop() // one that was set while this patrol waited for the lock
	j.bell = nil
	j.arm()
	j.mu.Unlock()
	for _, e := range due {
		m.review(e, now, before)
	}
	if polls {
		m.askAgain()
	}
}

// review looks at an entry anew: what made it due may have changed. A stamp as
// new as the clock was before this patrol means use since then, however long that
// is ago: the machine may have slept.
func (m *Map[K, C]) review(e *Entry[K, C], now, before int64) {
	l := e.open.Load()
	if l == nil {
		m.forget(e, now)
		return
	}
	if now >= l.deadline {
		m.crew.run(func() { m.age(e, l) })
		return
	}
	stamp := l.stamp.Load()
	if stamp < before && now-stamp >= int64(sum(m.o.IdleTimeout, m.janitor.tick)) && l.leases() == 0 {
		m.crew.run(func() { m.tire(e, l, stamp) })
		return
	}
	e.replan()
}

// replan is plan for those who do not hold the lock.
func (e *Entry[K, C]) replan() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.plan()
}

// tire retires a connection that looks idle, unless it is Busy.
func (m *Map[K, C]) tire(e *Entry[K, C], l *live[C], stamp int64) {
	busy := false
	defer func() { // after a Goexit of Busy, too
		if busy || !m.spend(e, l, stamp, errIdle) {
			e.replan()
		}
	}()
	busy = m.busy(l)
}

// age takes a connection whose lifetime is over out of Open. Those who use it
// may finish.
func (m *Map[K, C]) age(e *Entry[K, C], l *live[C]) {
	e.mu.Lock()
	mine := e.withdraw(l, spent, time.Now())
	if mine {
		l.told, l.polite, l.drop = true, true, m.o.OnRetire == Drop
	}
	e.mu.Unlock()
	if !mine {
		return
	}
	defer m.retire(l)
	m.tellEvict(e, errAged)
}

// forget takes a key that rests out of the table if its time has come.
func (m *Map[K, C]) forget(e *Entry[K, C], now int64) {
	removed := m.table.remove(e.key, e, func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.phase == PhaseOpen || e.gate != nil || e.due() > now {
			e.plan()
			return false
		}
		e.gone = true
		e.phase, e.failure, e.data = PhaseClosed, nil, nil
		e.attempts, e.strikes, e.lastErr, e.lastFailure = 0, 0, nil, time.Time{}
		return true
	})
	if removed && m.forgot != nil {
		m.forgot(e.key)
	}
}

// agenda is a heap of entries by due time.
type agenda[K comparable, C any] []*Entry[K, C]

func (a agenda[K, C]) Len() int           { return len(a) }
func (a agenda[K, C]) Less(i, j int) bool { return a[i].slot.due < a[j].slot.due }

func (a agenda[K, C]) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	a[i].slot.index, a[j].slot.index = i+1, j+1
}

func (a *agenda[K, C]) Push(e any) {
	*a = append(*a, e.(*Entry[K, C]))
	(*a)[len(*a)-1].slot.index = len(*a)
}

func (a *agenda[K, C]) Pop() any {
	old := *a
	last := len(old) - 1
	e := old[last]
	old[last] = nil
	e.slot.index = 0
	*a = old[:last]
	if cap(old) > 64 && last < cap(old)/4 { // memory comes back
		*a = append(make([]*Entry[K, C], 0, cap(old)/2), old[:last]...)
	}
	return e
}
