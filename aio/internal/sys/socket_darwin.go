package sys

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// darwin cannot make a descriptor close-on-exec in one step: ForkLock keeps a
// fork from happening in between.

func (host) Socket(domain, typ, proto int) (int, Errno) {
	syscall.ForkLock.RLock()
	fd, err := unix.Socket(domain, typ, proto)
	if err == nil {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return -1, errno(err)
	}
	return nonblocking(fd)
}

func (host) Pipe() (rd, wr int, e Errno) {
	var p [2]int
	syscall.ForkLock.RLock()
	err := unix.Pipe(p[:])
	if err == nil {
		unix.CloseOnExec(p[0])
		unix.CloseOnExec(p[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return -1, -1, errno(err)
	}
	if rd, e = nonblocking(p[0]); e != 0 {
		_ = unix.Close(p[1])
		return -1, -1, e
	}
	if wr, e = nonblocking(p[1]); e != 0 {
		_ = unix.Close(p[0])
		return -1, -1, e
	}
	return rd, wr, 0
}

// accept is accept(2) with close-on-exec and O_NONBLOCK.
func accept(fd int) (int, unix.Sockaddr, Errno) {
	syscall.ForkLock.RLock()
	nfd, sa, err := unix.Accept(fd)
	if err == nil {
		unix.CloseOnExec(nfd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return -1, nil, errno(err)
	}
	nfd, e := nonblocking(nfd)
	return nfd, sa, e
}

// nonblocking closes fd when it cannot be made so.
func nonblocking(fd int) (int, Errno) {
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return -1, errno(err)
	}
	noSigpipe(fd)
	return fd, 0
}
