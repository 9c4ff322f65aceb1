package sys

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// child is ECHILD for what is no child of this process.
func child(pid int) Errno {
	if p, err := unix.SysctlKinfoProc("kern.proc.pid", pid); err == nil && int(p.Eproc.Ppid) != os.Getpid() {
		return syscall.ECHILD
	}
	return 0
}
