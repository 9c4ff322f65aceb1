//go:build linux || dragonfly || freebsd || netbsd || openbsd

package sys

import (
	"golang.org/x/sys/unix"
)

func (host) Socket(domain, typ, proto int) (int, Errno) {
	fd, err := unix.Socket(domain, typ|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, proto)
	if err != nil {
		return -1, errno(err)
	}
	noSigpipe(fd)
	return fd, 0
}

func (host) Pipe() (rd, wr int, e Errno) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		return -1, -1, errno(err)
	}
	return p[0], p[1], 0
}
