//go:build dragonfly || freebsd || netbsd || openbsd

package sys

import "golang.org/x/sys/unix"

func fsync(fd int) error { return unix.Fsync(fd) }
