package line

import (
	"sync"
	"sync/atomic"
)

// A lobby is what a line needs once somebody waits or a repair fails. It is
// made then and stays.
type lobby struct {
	failed atomic.Pointer[failure] // the newest failures; nil = none yet
	owner  owner                   // told of every end; nil unless the line belongs to a Group; never changes

	mu     sync.Mutex // protects period, and the line's state while that is waited for
	period *period    // of the present hold; nil = nobody has waited for it yet
}

// An owner is the Group that a line belongs to.
type owner interface {
	// ended is called after each end of a hold that left the line free, with
	// no lock held.
	ended()
}

// A period is what the waiters of one hold share.
type period struct {
	done chan struct{} // closed at the end of the hold

	parked int // goroutines in Wait; protected by lobby.mu

	// The outcome. Written under lobby.mu before done is closed, read under
	// lobby.mu or after done was closed.
	over    bool
	failed  *failure // nil = repaired
	yielded bool     // the line is held for whoever inherits it first

	heir atomic.Bool // somebody has inherited it
}

// openLobby returns the line's lobby, made if there is none.
func (l *Line) openLobby() *lobby {
	if b := l.lobby.Load(); b != nil {
		return b
	}
	l.lobby.CompareAndSwap(nil, new(lobby))
	return l.lobby.Load()
}

// join returns the period of the hold named by epoch and yields, made if its
// caller is the first to wait, or nil if that hold has ended.
func (l *Line) join(epoch Epoch, yields uint64, park bool) *period {
	b := l.openLobby()
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		s := l.state.Load()
		switch {
		case s&held == 0 || epochOf(s) != epoch || l.yields.Load() != yields:
			return nil
		case s&waited != 0:
			if park {
				b.period.parked++
			}
			return b.period
		}
		// A hold may end at this moment, but no other begin and be waited
		// for: that takes the lock. So a swap that works is for this hold.
		if l.state.CompareAndSwap(s, s|waited) {
			b.period = &period{done: make(chan struct{})}
		}
	}
}

// leave takes one parked waiter out of the period. It reports false when the
// period was over before, so that its outcome is the waiter's.
func (b *lobby) leave(p *period) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p.over {
		return false
	}
	p.parked--
	return true
}

// A failure is the verdict of a hold that failed. It remembers those of the
// holds just before, for waiters that ask late.
type failure struct {
	epoch Epoch // that the hold ended
	err   error
	older *failure // of an earlier epoch, two back at most
}

// of returns the failure of the hold that ended epoch e, or nil if that was a
// success or is forgotten.
func (f *failure) of(e Epoch) *failure {
	for ; f != nil; f = f.older {
		if f.epoch == e {
			return f
		}
	}
	return nil
}

// since returns a copy of f and its elders without those from before epoch e:
// what is linked must not grow for ever.
func (f *failure) since(e Epoch) *failure {
	if f == nil || f.epoch < e {
		return nil
	}
	return &failure{f.epoch, f.err, f.older.since(e)}
}
