//go:build darwin || openbsd

package sys

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// On these systems system calls go through the C library only.

func (host) Read(fd int, p []byte) (int, Errno) {
	return again(func() (int, error) { return unix.Read(fd, cut(p)) })
}

func (host) Write(fd int, p []byte) (int, Errno) {
	return again(func() (int, error) { return unix.Write(fd, cut(p)) })
}

func (h host) Recv(fd int, p []byte, flags int) (int, Errno) {
	if flags == 0 {
		return h.Read(fd, p)
	}
	return again(func() (int, error) {
		n, _, err := unix.Recvfrom(fd, cut(p), flags)
		return n, err
	})
}

func (h host) Send(fd int, p []byte, flags int) (int, Errno) {
	if flags|sendFlags == 0 {
		return h.Write(fd, p)
	}
	return again(func() (int, error) { return unix.SendmsgN(fd, cut(p), nil, nil, flags|sendFlags) })
}

func cut(p []byte) []byte { return p[:min(len(p), maxRW)] }

func again(call func() (int, error)) (int, Errno) {
	for {
		n, err := call()
		if err == nil {
			return n, 0
		}
		if e := errno(err); e != syscall.EINTR {
			return 0, e
		}
	}
}

func (host) Connected(fd int) bool {
	_, err := unix.Getpeername(fd)
	return err == nil
}
