//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

func child(role string) int {
	if f, ok := roles[role]; ok {
		return f()
	}
	return 2
}

// roles are what a second process of this binary can be.
var roles = map[string]func() int{}
