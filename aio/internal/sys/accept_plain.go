//go:build netbsd || openbsd

package sys

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// accept is accept(2) with close-on-exec and O_NONBLOCK. x/sys has no accept4
// here, so ForkLock keeps a fork from happening before close-on-exec is set.
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
	if err := unix.SetNonblock(nfd, true); err != nil {
		_ = unix.Close(nfd)
		return -1, nil, errno(err)
	}
	noSigpipe(nfd)
	return nfd, sa, 0
}
