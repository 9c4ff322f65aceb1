package aio

import (
	"context"
	"iter"
	"os"
	"os/signal"
	"sync"
)

// Signals yields signals that the program receives, all of them if none is
// named, from the call on, through os/signal: whoever else has asked for them
// gets them too. The loop ends with the context and with the ring; then, and
// when it is left early, the registration ends as with signal.Stop, and so it
// does if the context ends before there was a loop. A few that come while the
// loop is busy are kept, more are dropped, as os/signal does. A second loop
// registers anew.
func (r *Ring) Signals(ctx context.Context, sigs ...os.Signal) iter.Seq[os.Signal] {
	first := newSignals(ctx, sigs)
	return func(yield func(os.Signal) bool) {
		s := first.take()
		if s == nil {
			if s = newSignals(ctx, sigs).take(); s == nil {
				return
			}
		}
		defer s.stop()
		s.each(ctx, r.ended, yield)
	}
}

// kept is how many signals wait for a busy loop.
const kept = 64

// signals is one registration.
type signals struct {
	ch    chan os.Signal
	free  func() bool // ends the watch over the context
	mu    sync.Mutex
	taken bool // by a loop, or stopped
}

func newSignals(ctx context.Context, sigs []os.Signal) *signals {
	s := &signals{ch: make(chan os.Signal, kept)}
	signal.Notify(s.ch, sigs...)
	s.free = context.AfterFunc(ctx, s.end)
	return s
}

// take gives the registration to one loop.
func (s *signals) take() *signals {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken {
		return nil
	}
	s.taken = true
	return s
}

// stop ends the registration and the watch over the context.
func (s *signals) stop() {
	s.end()
	s.free()
}

// end ends the registration. The watch over the context calls it, at once if
// the context has ended, so that it must not look at free, which may not be set.
func (s *signals) end() {
	s.take()
	signal.Stop(s.ch)
}

func (s *signals) each(ctx context.Context, ended <-chan struct{}, yield func(os.Signal) bool) {
	for {
		// The end goes first: what has come besides is not looked at.
		select {
		case <-ctx.Done():
			return
		case <-ended:
			return
		default:
		}
		select {
		case sig := <-s.ch:
			if !yield(sig) {
				return
			}
		case <-ctx.Done():
			return
		case <-ended:
			return
		}
	}
}
