package onceconn

import (
	"context"
	"runtime/debug"
	"time"
)

// probe is one Ping of a connection that was idle, with those who wait for it.
// Whoever takes it off its live, under the entry's lock, closes done.
type probe struct {
	done    chan struct{}
	waiters int
	cancel  context.CancelCauseFunc
	overdue *alarm
}

// pingDue reports whether l was idle for so long that it is pinged first. Both
// the stamp and the clock may be a tick behind: better a little too early.
func (m *Map[K, C]) pingDue(l *live[C]) bool {
	return m.o.Ping != nil && time.Duration(l.clock.Load()-l.stamp.Load()) >= m.o.PingAfterIdle-m.janitor.tick
}

// joinProbe lets a caller wait for a Ping if one is due. The entry's lock is held.
func (e *Entry[K, C]) joinProbe(l *live[C]) (p *probe, first bool) {
	if !e.m.pingDue(l) {
		return nil, false
	}
	if l.probe == nil {
		first = true
		l.probe = &probe{done: make(chan struct{})}
	}
	l.probe.waiters++
	return l.probe, first
}

// sendProbe starts the Ping.
func (e *Entry[K, C]) sendProbe(l *live[C], p *probe) {
	m := e.m
	ctx, cancel := context.WithCancelCause(context.Background())
	e.mu.Lock()
	defer e.mu.Unlock()
	if l.probe != p { // shut
		cancel(ErrClosed)
		return
	}
	p.cancel = cancel
	p.overdue = m.crew.after(sum(m.o.PingTimeout, m.o.Grace), func() { e.probed(l, p, errPing) })
	m.crew.run(func() {
		err := ErrLaunchExited
		defer func() { e.probed(l, p, err) }()
		err = m.ping(ctx, l.c)
	})
}

func (m *Map[K, C]) ping(ctx context.Context, c C) (err error) {
	if d := m.o.PingTimeout; d != Forever {
		var end context.CancelFunc
		ctx, end = context.WithTimeoutCause(ctx, d, errPing)
		defer end()
	}
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return m.o.Ping(ctx, c)
}

// probed ends the Ping: its outcome has come, or it is long overdue.
func (e *Entry[K, C]) probed(l *live[C], p *probe, err error) {
	m := e.m
	m.janitor.wind() // so that the stamp is not from before the Ping
	e.mu.Lock()
	mine := l.probe == p
	if mine {
		l.probe = nil
		l.stamp.Store(l.clock.Load())
	}
	e.mu.Unlock()
	if !mine {
		return
	}
	p.overdue.stop()
	p.cancel(nil)
	if err != nil {
		m.kill(e, l, err)
	}
	close(p.done)
}

func (e *Entry[K, C]) waitProbe(ctx context.Context, p *probe) error {
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		e.mu.Lock()
		p.waiters--
		e.mu.Unlock()
		return context.Cause(ctx)
	}
}

// dropProbe ends the Ping of a connection that is not handed out any more.
func (e *Entry[K, C]) dropProbe(l *live[C]) {
	e.mu.Lock()
	p := l.probe
	l.probe = nil
	e.mu.Unlock()
	p.end(context.Canceled)
}

// end tells the Ping that nobody wants its outcome, and its waiters to come again.
func (p *probe) end(cause error) {
	if p == nil {
		return
	}
	p.overdue.stop()
	if p.cancel != nil {
		p.cancel(cause)
	}
	close(p.done)
}
