package sys

import "golang.org/x/sys/unix"

// soLinger is the option that counts in seconds: darwin's SO_LINGER counts
// ticks of its clock.
const soLinger = unix.SO_LINGER_SEC
