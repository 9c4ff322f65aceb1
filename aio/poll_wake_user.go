package aio

import "example.com/interlock/aio/internal/sys"

// wakeUser wakes by EVFILT_USER: darwin, dragonfly, freebsd. Its ident is one
// that no other filter shares, for filters have spaces of their own.
type wakeUser struct{ p *kqueue }

func (w *wakeUser) open() sys.Errno {
	return w.p.set(0, sys.EVFILT_USER, sys.EV_ADD|sys.EV_CLEAR, 0, 0)
}

// wake triggers. The trigger's udata replaces the one that is registered, so
// it must be 0 here as well.
func (w *wakeUser) wake() { w.p.set(0, sys.EVFILT_USER, 0, sys.NOTE_TRIGGER, 0) }

func (w *wakeUser) drain() {} // EV_CLEAR has done it

func (w *wakeUser) close() {} // it goes with the kqueue
