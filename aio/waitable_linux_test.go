package aio_test

import "golang.org/x/sys/unix"

// waitable says whether a child has ended and nobody has fetched its state.
func waitable(pid int) bool {
	var in unix.Siginfo
	err := unix.Waitid(unix.P_PID, pid, &in, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	return err == nil && in.Signo != 0
}
