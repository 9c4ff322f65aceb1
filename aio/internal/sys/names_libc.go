//go:build darwin || openbsd

package sys

import "golang.org/x/sys/unix"

func (host) Connect(fd int, to Addr, inet6 bool) Errno {
	sa, e := sockaddr(to, inet6)
	if e != 0 {
		return e
	}
	return begun(errno(unix.Connect(fd, sa)))
}

func (host) SockName(fd int) (Addr, Errno) {
	sa, err := unix.Getsockname(fd)
	return addr(sa), errno(err)
}

func (host) PeerName(fd int) (Addr, Errno) {
	sa, err := unix.Getpeername(fd)
	return addr(sa), errno(err)
}
