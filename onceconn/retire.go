package onceconn

import (
	"context"
	"sync"
	"time"
)

// retiring holds the connections that are not handed out any more and not closed
// yet, because of leases or because they are Busy. Close needs to find them.
//
// Its lock is a leaf.
type retiring[C any] struct {
	mu    sync.Mutex // protects lives
	lives map[*live[C]]struct{}
}

func (r *retiring[C]) add(l *live[C]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lives == nil {
		r.lives = make(map[*live[C]]struct{})
	}
	r.lives[l] = struct{}{}
}

func (r *retiring[C]) remove(l *live[C]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.lives, l)
}

func (r *retiring[C]) list() []*live[C] {
	r.mu.Lock()
	defer r.mu.Unlock()
	ls := make([]*live[C], 0, len(r.lives))
	for l := range r.lives {
		ls = append(ls, l)
	}
	return ls
}

// retire closes a connection that has left Open, now or when it may be closed.
// It is added before the bit is set: the last Release, which may come right then,
// takes it out. Close sets the state before it empties retiring: either it finds
// l there, or we find it over.
func (m *Map[K, C]) retire(l *live[C]) {
	l.home.dropProbe(l)
	m.retiring.add(l)
	if m.state.Load() == over {
		m.finish(l, retired|closed)
		m.retiring.remove(l)
		return
	}
	if w := l.set(retired); w/lease == 0 {
		m.conclude(l)
	} else if w&closed != 0 {
		m.retiring.remove(l)
	}
}

// askAgain is conclude for all that were Busy when they were asked. One whose
// Busy has not answered yet is not asked a second time.
func (m *Map[K, C]) askAgain() {
	for _, l := range m.retiring.list() {
		if l.leases() == 0 && l.asking.CompareAndSwap(false, true) {
			m.crew.run(func() { m.conclude(l) })
		}
	}
}

// conclude closes a retired connection without lease, unless it is Busy and its
// going politely.
func (m *Map[K, C]) conclude(l *live[C]) {
	busy := false
	defer func() { // after a Goexit of Busy, too
		l.asking.Store(false) // before stir, or the patrol that it calls could pass l over
		if busy {
			m.janitor.stir()
		} else {
			m.closeRetired(l)
		}
	}()
	busy = l.polite && m.busy(l)
}

func (m *Map[K, C]) closeRetired(l *live[C]) {
	if l.word.CompareAndSwap(retired, retired|closed) {
		m.shutDown(l)
		return
	}
	if l.word.Load()&closed != 0 {
		m.retiring.remove(l) // it was closed before it was added
	}
}

// finish closes a connection whatever holds it, if nobody has done it before.
func (m *Map[K, C]) finish(l *live[C], bits int64) error {
	if l.set(bits)&closed != 0 {
		return nil
	}
	return m.shutDown(l)
}

// shutDown is for whoever has set closed. The watch ends before the connection
// does: a descriptor must not be used again while it is watched.
func (m *Map[K, C]) shutDown(l *live[C]) (err error) {
	defer m.conns.done()
	defer m.retiring.remove(l)
	defer m.guard(func() {
		if !l.drop {
			err = m.o.Close(l.c)
		}
	})
	if l.stop != nil {
		m.guard(l.stop)
	}
	return err
}

func (m *Map[K, C]) busy(l *live[C]) (busy bool) {
	if m.o.Busy != nil {
		m.guard(func() { busy = m.o.Busy(l.c) })
	}
	return busy
}

// lastRelease is called by the release of the last lease of a retired connection.
func (e *Entry[K, C]) lastRelease(l *live[C]) { e.m.conclude(l) }

// kill records the death of a connection. It may be called from anywhere, with
// any lock held: all that it does at once is to set a pointer.
func (m *Map[K, C]) kill(e *Entry[K, C], l *live[C], cause error) {
	if cause == nil {
		cause = errDied
	}
	if l.kill(cause) && l.word.Load()&closed == 0 {
		m.crew.run(func() { m.bury(e, l) })
	}
}

// bury does what follows from a death, on a goroutine of its own. It is called
// again at landing for what died before.
func (m *Map[K, C]) bury(e *Entry[K, C], l *live[C]) {
	e.mu.Lock()
	if !l.landed {
		e.mu.Unlock()
		return
	}
	e.withdraw(l, died, time.Now())
	tell := !l.told
	l.told = true
	pacing := l.pacing
	e.mu.Unlock()
	defer m.retire(l)
	if tell {
		m.tellEvict(e, *l.doom.Load())
	}
	if h := m.o.Hooks.Backoff; h != nil && tell && pacing != nil {
		m.guard(func() { h(pacing.Key, pacing.Err, pacing.RetryAt) })
	}
}

// evict takes l out of Open if it is there.
func (e *Entry[K, C]) evict(l *live[C], cause error) bool {
	e.mu.Lock()
	mine := e.withdraw(l, evicted, time.Now())
	if mine {
		l.told = true
	}
	e.mu.Unlock()
	if !mine {
		return false
	}
	if cause == nil {
		cause = errEvicted
	}
	defer e.m.retire(l)
	e.m.tellEvict(e, cause)
	return true
}

func (m *Map[K, C]) tellEvict(e *Entry[K, C], cause error) {
	if h := m.o.Hooks.Evict; h != nil {
		m.guard(func() { h(m.name(e.key), cause) })
	}
}

// makeRoom closes the connection that was idle for longest, or pauses.
// It returns false if there is no point in another attempt.
func (m *Map[K, C]) makeRoom(ctx context.Context) bool {
	var oldest *live[C]
	var home *Entry[K, C]
	for _, e := range m.table.values() {
		l := e.open.Load()
		if l != nil && l.leases() == 0 && (oldest == nil || l.stamp.Load() < oldest.stamp.Load()) && !m.busy(l) {
			oldest, home = l, e
		}
	}
	if oldest != nil && m.spend(home, oldest, oldest.stamp.Load(), errMakeRoom) {
		return true
	}
	m.pause()
	wait := time.NewTimer(m.o.Backoff.Base)
	defer wait.Stop()
	select {
	case <-wait.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// pause holds launches back while something of our own has run out.
func (m *Map[K, C]) pause() { m.limit.pause(&m.crew, m.o.Backoff.Base, m.departAll) }

// spend retires a connection as idle if it has no lease and was not handed out
// since its stamp was read.
func (m *Map[K, C]) spend(e *Entry[K, C], l *live[C], stamp int64, cause error) bool {
	e.mu.Lock()
	mine := e.expire(l, stamp, time.Now())
	if mine {
		l.told = true
		l.drop = m.o.OnRetire == Drop && cause != errMakeRoom
	}
	e.mu.Unlock()
	if !mine {
		return false
	}
	defer m.retire(l)
	m.tellEvict(e, cause)
	return true
}
