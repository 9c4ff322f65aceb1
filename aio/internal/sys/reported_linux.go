package sys

import "golang.org/x/sys/unix"

// reported are the flags of a received message that tell something; linux
// gives back one that was asked with.
const reported = ^unix.MSG_CMSG_CLOEXEC
