package sys

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// WatchProcess gives a descriptor that is readable when the child p has ended,
// its state not fetched yet. ended: it has.
func WatchProcess(p *os.Process) (fd int, ended bool, e Errno) {
	fd = -1
	err := p.WithHandle(func(h uintptr) {
		// It asks without waiting and without fetching: what is no child
		// would else be noticed at its end only.
		if e = child(unix.P_PIDFD, int(h)); e == 0 {
			fd, e = host{}.Dup(int(h))
		}
	})
	switch err {
	case nil:
		return fd, false, e
	case os.ErrProcessDone:
		return -1, false, syscall.ECHILD
	}
	if e = child(unix.P_PID, p.Pid); e != 0 { // no handle: the number has to do
		return -1, false, e
	}
	fd, perr := unix.PidfdOpen(p.Pid, unix.PIDFD_NONBLOCK)
	return fd, false, errno(perr)
}

func child(kind, id int) Errno {
	return retry(func() error {
		return unix.Waitid(kind, id, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	})
}
