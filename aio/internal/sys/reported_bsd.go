//go:build darwin || dragonfly || freebsd

package sys

import "golang.org/x/sys/unix"

// reported are the flags of a received message that tell something: these
// systems give back what was asked with, and flags of their own besides.
const reported = unix.MSG_TRUNC | unix.MSG_CTRUNC | unix.MSG_EOR | unix.MSG_OOB
