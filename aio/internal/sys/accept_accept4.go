//go:build dragonfly || freebsd

package sys

import "golang.org/x/sys/unix"

// accept is accept(2) with close-on-exec and O_NONBLOCK.
func accept(fd int) (int, unix.Sockaddr, Errno) {
	nfd, sa, err := unix.Accept4(fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if err != nil {
		return -1, nil, errno(err)
	}
	noSigpipe(nfd)
	return nfd, sa, 0
}
