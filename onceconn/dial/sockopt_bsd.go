//go:build freebsd || netbsd || dragonfly

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

// setUserTimeout does nothing: there is no such option.
func setUserTimeout(int, time.Duration) {}
