//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import "golang.org/x/sys/unix"

func fcntlGetFD(fd int) (int, error) { return unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0) }
