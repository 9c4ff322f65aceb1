//go:build linux || dragonfly || freebsd || netbsd || openbsd

package sys

import "golang.org/x/sys/unix"

// soLinger is the option that counts in seconds.
const soLinger = unix.SO_LINGER
