//go:build !(linux || darwin || dragonfly || freebsd || netbsd || openbsd)

package sys

// Host returns nil: this system has neither epoll nor kqueue.
func Host() Kernel { return nil }
