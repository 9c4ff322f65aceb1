package dial

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func setKeepAlive(fd int, idle, interval time.Duration, count int) {
	set(fd, unix.TCP_KEEPIDLE, seconds(idle))
	set(fd, unix.TCP_KEEPINTVL, seconds(interval))
	set(fd, unix.TCP_KEEPCNT, count)
}

func setUserTimeout(fd int, d time.Duration) {
	set(fd, unix.TCP_USER_TIMEOUT, int((d+time.Millisecond-1)/time.Millisecond))
}

// setOption does not tell the scheduler: the call does not wait, and there are
// half a dozen to each connection.
func setOption(fd, level, option, n int) {
	v := int32(n)
	syscall.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(option), uintptr(unsafe.Pointer(&v)), unsafe.Sizeof(v), 0)
}
