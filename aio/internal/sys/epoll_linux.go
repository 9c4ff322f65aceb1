package sys

import "golang.org/x/sys/unix"

// EpollEvent is the kernel's own structure. Fd and Pad together are the 64
// bits of user data: the descriptor's number and its generation.
type EpollEvent = unix.EpollEvent
