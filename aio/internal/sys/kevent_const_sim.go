//go:build !(darwin || dragonfly || freebsd || netbsd || openbsd)

package sys

// Numbers of kqueue(2) for the simulated kernel: FreeBSD's.
const (
	EVFILT_READ  = -1
	EVFILT_WRITE = -2
	EVFILT_USER  = -11

	EV_ADD    = 0x1
	EV_DELETE = 0x2
	EV_CLEAR  = 0x20
	EV_EOF    = 0x8000
	EV_ERROR  = 0x4000

	NOTE_TRIGGER = 0x01000000
)
