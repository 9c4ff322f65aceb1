//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Numbers of kqueue(2) on this system.
const (
	EVFILT_READ  = unix.EVFILT_READ
	EVFILT_WRITE = unix.EVFILT_WRITE

	EV_ADD    = unix.EV_ADD
	EV_DELETE = unix.EV_DELETE
	EV_CLEAR  = unix.EV_CLEAR
	EV_EOF    = unix.EV_EOF
	EV_ERROR  = unix.EV_ERROR
)

// The two structures have one size; a difference does not compile.
var (
	_ [unsafe.Sizeof(Kevent{}) - unsafe.Sizeof(unix.Kevent_t{})]struct{}
	_ [unsafe.Sizeof(unix.Kevent_t{}) - unsafe.Sizeof(Kevent{})]struct{}
)
