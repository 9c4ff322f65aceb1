//go:build dragonfly || freebsd || netbsd || openbsd

package sys

import "golang.org/x/sys/unix"

const (
	sendFlags   = unix.MSG_NOSIGNAL
	cmsgCloexec = unix.MSG_CMSG_CLOEXEC
)
