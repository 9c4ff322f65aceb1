//go:build !(linux || darwin || dragonfly || freebsd || netbsd || openbsd)

package sys

import (
	"os"
	"syscall"
)

// WatchProcess is not possible here, where there is no ring either.
func WatchProcess(*os.Process) (fd int, ended bool, e Errno) { return -1, false, syscall.EINVAL }
