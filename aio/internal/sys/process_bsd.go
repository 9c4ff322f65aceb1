//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package sys

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// WatchProcess gives a descriptor that is readable when p has ended, its state
// not fetched yet: a kqueue with nothing else in it. ended: it has, or is not
// known, which the fetching tells apart.
func WatchProcess(p *os.Process) (fd int, ended bool, e Errno) {
	if p.Pid <= 0 {
		return -1, false, syscall.ECHILD
	}
	// The end of what is no child would be noticed too, and nothing else.
	if e = child(p.Pid); e != 0 {
		return -1, false, e
	}
	kq, e := host{}.KqueueCreate()
	if e != 0 {
		return -1, false, e
	}
	// Once: the process' number may be another's afterwards.
	ev := []Kevent{Change(p.Pid, unix.EVFILT_PROC, unix.EV_ADD|unix.EV_ONESHOT, unix.NOTE_EXIT, 0)}
	if _, e = (host{}).Kevent(kq, ev, nil, 0); e != 0 {
		_ = unix.Close(kq)
		return -1, e == syscall.ESRCH, gone(e)
	}
	return kq, false, 0
}

func gone(e Errno) Errno {
	if e == syscall.ESRCH {
		return 0
	}
	return e
}
