//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package sys

import (
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pollRDHUP is not known on all of these: kqueue's EV_EOF tells instead.
const pollRDHUP = 0

func (host) Poller() Poller { return Kqueue }

func (host) Accept(fd int) (int, Addr, Errno) {
	for {
		nfd, sa, e := accept(fd)
		if e != syscall.EINTR {
			return nfd, addr(sa), e
		}
	}
}

func (host) KqueueCreate() (int, Errno) {
	kq, err := unix.Kqueue()
	if err != nil {
		return -1, errno(err)
	}
	unix.CloseOnExec(kq)
	return kq, 0
}

// maxWait is the longest wait that every kernel accepts; the caller asks again.
const maxWait = int64(1e6 * 1e9)

func (host) Kevent(kq int, changes, events []Kevent, timeout int64) (int, Errno) {
	var limit *unix.Timespec
	if timeout >= 0 {
		ts := unix.NsecToTimespec(min(timeout, maxWait))
		limit = &ts
	}
	n, err := unix.Kevent(kq, kevents(changes), kevents(events), limit)
	if e := errno(err); e != 0 && e != syscall.ETIMEDOUT { // darwin has been seen to say so
		return 0, e
	}
	return max(n, 0), 0
}

// kevents reinterprets: the layouts are equal, kevent_const_bsd.go.
func kevents(k []Kevent) []unix.Kevent_t {
	return unsafe.Slice((*unix.Kevent_t)(unsafe.Pointer(unsafe.SliceData(k))), len(k))
}

func (host) UserEvents() bool { return userEvents }

// None of these has epoll.

func (host) EpollCreate() (int, Errno) { return -1, syscall.ENOSYS }

func (host) EpollCtl(int, int, int, EpollEvent) Errno { return syscall.ENOSYS }

func (host) EpollWait(int, []EpollEvent, int64) (int, Errno) { return 0, syscall.ENOSYS }

func (host) EventFD() (int, Errno) { return -1, syscall.ENOSYS }

func (host) Nest(int) Nest { return nil }

func pollNow(p *unix.PollFd) Errno {
	return retry(func() error { _, err := unix.Poll(unsafe.Slice(p, 1), 0); return err })
}

// addr is the Addr of what x/sys gave.
func addr(sa unix.Sockaddr) Addr {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return Addr{IP: netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))}
	case *unix.SockaddrInet6:
		return inet6Addr(sa.Addr, uint16(sa.Port), sa.ZoneId)
	case *unix.SockaddrUnix:
		return Addr{Path: sa.Name, Unix: true}
	}
	return Addr{}
}
