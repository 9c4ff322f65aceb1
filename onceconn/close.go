package onceconn

import (
	"context"
	"errors"
	"fmt"
)

// Drain closes the Map gently: from now on every call gets ErrClosed, and so do
// those who wait for a launch; launches are cancelled. Connections are closed as
// soon as they have no lease and are not Busy. When all are closed Drain closes
// the Map and returns what Close returns.
//
// If ctx ends first Drain returns context.Cause(ctx) and nothing is forced: the
// Map goes on draining. Close forces it. What can be closed at once is closed before
// Drain looks at ctx.
func (m *Map[K, C]) Drain(ctx context.Context) error {
	m.end(draining)
	if !wait(m.conns.idle(), ctx.Done()) {
		return context.Cause(ctx)
	}
	return m.Close()
}

// Close ends the Map: every call, and everyone who waits, gets ErrClosed;
// launches are cancelled and their late connections closed; all connections are
// closed, also those with leases, one after another and by Close itself, which a
// connection that is slow to close therefore holds up. Then Close waits until every
// launch, timer and goroutine of the Map is gone, and what others are closing is
// closed, for at most Options.Grace, and says in its error what is left. It returns
// the errors of closing connections, joined.
//
// Closing again waits for the first Close and returns nil.
func (m *Map[K, C]) Close() error {
	first, err := m.end(over)
	if !first {
		m.await(&m.ended)
		return nil
	}
	defer m.ended.done()
	m.janitor.stop()
	errs := []error{err}
	for _, l := range m.retiring.list() {
		errs = append(errs, m.finish(l, retired|closed))
	}
	// Connections come from launches only, which the crew counts, late ones to
	// their end: so when one after the other was idle, all is over.
	if !m.await(&m.conns, &m.crew) {
		errs = append(errs, fmt.Errorf("onceconn: %d launches or other calls have not returned, %d connections are not closed",
			m.crew.count(), m.conns.count()))
	}
	return errors.Join(errs...)
}

// end takes the Map to state, and everything in it to its end. first: it was not
// there yet.
func (m *Map[K, C]) end(state int32) (first bool, err error) {
	entries := m.table.seal(func() {
		if first = m.state.Load() < state; !first {
			return
		}
		m.state.Store(state)
		if state == over {
			m.ended.add()
		}
	})
	if !first {
		return false, nil
	}
	m.limit.stop()
	var lives []*live[C]
	var homes []*Entry[K, C]
	for _, e := range entries {
		f, g, p, l := e.shut()
		g.open()
		p.end(ErrClosed)
		if f != nil {
			m.cut(f)
		}
		if l != nil {
			lives, homes = append(lives, l), append(homes, e)
		}
	}
	var errs []error
	for i, l := range lives {
		m.tellEvict(homes[i], ErrClosed)
		if state == draining {
			m.retire(l)
		} else {
			errs = append(errs, m.finish(l, retired|closed))
		}
	}
	return true, errors.Join(errs...)
}

// cut ends a flight whose waiters have their answer already. If it is queued it
// stays there: the limiter begins nothing any more.
func (m *Map[K, C]) cut(f *flight[K, C]) {
	close(f.done)
	f.cancel(ErrClosed)
}

// cancel tells a launch that nobody wants it. One that has not begun ends here.
func (m *Map[K, C]) cancel(f *flight[K, C]) {
	f.cancel(errAbandoned)
	if m.limit.withdraw(f) {
		m.landed(f, nil, errAbandoned)
	}
}

// lingered is called when nobody has waited for f for long enough. bell is the
// alarm that rang: another one may have been set since.
func (m *Map[K, C]) lingered(f *flight[K, C], bell **alarm) {
	e := f.e
	e.mu.Lock()
	mine := !f.settled && f.linger != nil && f.linger == *bell && e.phase == PhaseLaunching
	if mine {
		e.abandon(f)
	}
	e.mu.Unlock()
	if mine {
		m.cancel(f)
	}
}

// await waits for crews, but not longer than Grace.
func (m *Map[K, C]) await(crews ...*crew) bool {
	enough := context.Background()
	if m.o.Grace != Forever {
		var cancel context.CancelFunc
		enough, cancel = context.WithTimeout(enough, m.o.Grace)
		defer cancel()
	}
	for _, c := range crews {
		if !wait(c.idle(), enough.Done()) {
			return false
		}
	}
	return true
}

// wait waits for idle, unless enough comes first. What is idle already is so
// whatever enough says.
func wait(idle, enough <-chan struct{}) bool {
	select {
	case <-idle:
		return true
	default:
	}
	select {
	case <-idle:
		return true
	case <-enough:
		return false
	}
}
