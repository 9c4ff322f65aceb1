package dial

import (
	"time"

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

// set leaves the system's value where n is negative.
func set(fd, option, n int) {
	if n > 0 {
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, option, n)
	}
}
