package sys

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	sendFlags = unix.MSG_NOSIGNAL
	pollRDHUP = unix.POLLRDHUP

	cmsgCloexec = unix.MSG_CMSG_CLOEXEC
)

func (host) Poller() Poller { return Epoll }

func (host) Accept(fd int) (int, Addr, Errno) {
	var raw unix.RawSockaddrAny
	for {
		size := uint32(unix.SizeofSockaddrAny)
		n, _, e := syscall.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(&raw)), uintptr(unsafe.Pointer(&size)),
			unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
		if e == 0 {
			return int(n), rawAddr(&raw, size), 0
		}
		if e != syscall.EINTR {
			return -1, Addr{}, e
		}
	}
}

// pollNow is poll(2) that cannot wait, so the scheduler is not told.
func pollNow(p *unix.PollFd) Errno {
	var now unix.Timespec
	for {
		_, _, e := syscall.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(p)), 1, uintptr(unsafe.Pointer(&now)), 0, 0, 0)
		if e != syscall.EINTR {
			return e
		}
	}
}

func (host) EpollCreate() (int, Errno) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	return ep, errno(err)
}

func (host) EpollCtl(ep, op, fd int, ev EpollEvent) Errno {
	_, _, e := syscall.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(ep), uintptr(op), uintptr(fd), uintptr(unsafe.Pointer(&ev)), 0, 0)
	return e
}

func (host) EpollWait(ep int, evs []EpollEvent, timeout int64) (int, Errno) {
	if timeout == 0 {
		// Asking cannot wait, so the scheduler is not told.
		n, _, e := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(ep), uintptr(unsafe.Pointer(&evs[0])), uintptr(len(evs)), 0, 0, 0)
		if e != 0 {
			return 0, e
		}
		return int(n), 0
	}
	n, err := unix.EpollWait(ep, evs, millis(timeout))
	return max(n, 0), errno(err)
}

// millis rounds up: rounded down, the last part of a millisecond would be
// spent asking again and again.
func millis(ns int64) int {
	if ns < 0 {
		return -1
	}
	return int(min((ns+int64(time.Millisecond)-1)/int64(time.Millisecond), 1<<30))
}

func (host) EventFD() (int, Errno) {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	return fd, errno(err)
}

// linux has no kqueue.

func (host) KqueueCreate() (int, Errno) { return -1, syscall.ENOSYS }

func (host) Kevent(int, []Kevent, []Kevent, int64) (int, Errno) { return 0, syscall.ENOSYS }

func (host) UserEvents() bool { return false }
