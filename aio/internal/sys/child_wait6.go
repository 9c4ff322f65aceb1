//go:build dragonfly || netbsd || (freebsd && !386 && !arm)

package sys

import (
	"runtime"
	"syscall"
	"unsafe"
)

// child is ECHILD for what is no child of this process. It asks without
// waiting and without fetching.
func child(pid int) Errno {
	byPid := uintptr(0)
	if runtime.GOOS == "netbsd" {
		byPid = 1
	}
	var status int32
	for {
		_, _, e := syscall.Syscall6(syscall.SYS_WAIT6, byPid, uintptr(pid), uintptr(unsafe.Pointer(&status)),
			syscall.WEXITED|syscall.WNOHANG|syscall.WNOWAIT, 0, 0)
		switch e {
		case syscall.EINTR:
		case syscall.ECHILD:
			return e
		default: // a system without the call cannot say
			return 0
		}
	}
}
