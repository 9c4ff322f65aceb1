//go:build (linux && !aiokqueue) || darwin || dragonfly || freebsd || netbsd || openbsd

package sys

// Host returns the machine's own kernel.
func Host() Kernel { return host{} }
