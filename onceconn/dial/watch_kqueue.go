//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package dial

import (
	"errors"
	"syscall"

	"example.com/interlock/aio"
	"golang.org/x/sys/unix"
)

// newWatchSet makes a kqueue and gives it to the ring.
func newWatchSet(r *aio.Ring) (*watchSet, error) {
	kq, err := unix.Kqueue()
	if err != nil {
		return nil, err
	}
	unix.CloseOnExec(kq)
	return adopt(r, kq)
}

// register asks for edges: each thing is told once.
func (w *watcher) register(set int) error {
	return w.change(set, unix.EV_ADD|unix.EV_CLEAR)
}

func (w *watcher) unregister(set int) { w.change(set, unix.EV_DELETE) }

func (w *watcher) change(set, flags int) error {
	var ev [1]unix.Kevent_t
	unix.SetKevent(&ev[0], int(w.fd), unix.EVFILT_READ, flags)
	for {
		if _, err := unix.Kevent(set, ev[:], nil, nil); err != unix.EINTR {
			return err
		}
	}
}

// collect takes all events that there are. The field for the user's data has
// another type on each system, so the event does not tell the serial (W1); instead
// the socket is asked whether what the event says is so.
func (s *watchSet) collect() (hits []hit) {
	var events [64]unix.Kevent_t
	for {
		n := 0
		s.raw.Control(func(set uintptr) {
			var now unix.Timespec
			err := error(unix.EINTR)
			for err == unix.EINTR {
				n, err = unix.Kevent(int(set), nil, events[:], &now)
			}
		})
		for _, ev := range events[:max(n, 0)] {
			if w := s.findAny(int32(ev.Ident)); w != nil {
				if cause := w.judge(&ev); cause != nil {
					hits = append(hits, hit{w, cause})
				}
			}
		}
		if n < len(events) {
			return hits
		}
	}
}

func (s *watchSet) findAny(fd int32) *watcher {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.watchers[fd]; w != nil && !w.over.Load() {
		return w
	}
	return nil
}

// judge says what the event means for the socket, nil if nothing.
func (w *watcher) judge(ev *unix.Kevent_t) (cause error) {
	raw, err := w.socket.SyscallConn()
	if err != nil {
		return nil // closed by its owner
	}
	raw.Control(func(fd uintptr) {
		var one [1]byte
		n, _, err := unix.Recvfrom(int(fd), one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		eof := ev.Flags&unix.EV_EOF != 0
		switch {
		case err != nil && !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR), eof && ev.Fflags != 0 && err != nil:
			cause = errBroken
		case n > 0 && w.opts.EvictUnsolicited:
			cause = errUnsolicited
		case !w.opts.HalfCloseOK && err == nil && (n == 0 || eof): // with data before the end, too
			cause = errHungUp
		}
	})
	return cause
}
