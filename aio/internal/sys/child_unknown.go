//go:build openbsd || (freebsd && (386 || arm))

package sys

import (
	"os"
	"syscall"
)

// child is ECHILD for what is no child of this process, as far as that can be
// told without fetching the state of one that has ended.
func child(pid int) Errno {
	if pid == os.Getpid() || pid == os.Getppid() {
		return syscall.ECHILD
	}
	return 0
}
