//go:build darwin || dragonfly || freebsd || netbsd

package sys

import "golang.org/x/sys/unix"

// noSigpipe lets a write to a dead peer fail without a signal. It fails on
// what is no socket, which is fine: Go's runtime ignores SIGPIPE of those.
func noSigpipe(fd int) { _ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_NOSIGPIPE, 1) }
