package dial

import (
	"errors"

	"example.com/interlock/aio"
	"golang.org/x/sys/unix"
)

var errWatched = errors.New("dial: connection is watched already")

// newWatchSet makes an epoll set and gives it to the ring.
func newWatchSet(r *aio.Ring) (*watchSet, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return adopt(r, ep)
}

// register asks for edges: each thing is told once.
func (w *watcher) register(set int) error {
	ev := unix.EpollEvent{Events: unix.EPOLLET, Fd: w.fd, Pad: w.serial}
	if !w.opts.HalfCloseOK {
		ev.Events |= unix.EPOLLRDHUP
	}
	if w.opts.EvictUnsolicited {
		ev.Events |= unix.EPOLLIN
	}
	err := unix.EpollCtl(set, unix.EPOLL_CTL_ADD, int(w.fd), &ev)
	if errors.Is(err, unix.EEXIST) {
		return errWatched
	}
	return err
}

func (w *watcher) unregister(set int) {
	unix.EpollCtl(set, unix.EPOLL_CTL_DEL, int(w.fd), nil)
}

// collect takes the events that there are. If there are more than it has room for
// the set stays readable, and Complete is called again.
func (s *watchSet) collect() (hits []hit) {
	var events [64]unix.EpollEvent
	n := 0
	s.raw.Control(func(set uintptr) {
		n, _ = unix.EpollWait(int(set), events[:], 0) // does not wait: nothing interrupts it
	})
	for _, ev := range events[:max(n, 0)] {
		if w := s.find(ev.Fd, ev.Pad); w != nil && w.open() {
			hits = append(hits, hit{w, cause(ev.Events)})
		}
	}
	return hits
}

func cause(events uint32) error {
	switch {
	case events&unix.EPOLLERR != 0:
		return errBroken
	case events&(unix.EPOLLRDHUP|unix.EPOLLHUP) != 0:
		return errHungUp
	}
	return errUnsolicited
}

// find returns the watcher of an event.
func (s *watchSet) find(fd, serial int32) *watcher {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.watchers[fd]; w != nil && w.serial == serial && !w.over.Load() {
		return w
	}
	return nil
}

// open reports whether the socket's owner still has it open (W3).
func (w *watcher) open() bool {
	raw, err := w.socket.SyscallConn()
	return err == nil && raw.Control(func(uintptr) {}) == nil
}
