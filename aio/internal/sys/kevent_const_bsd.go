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

// Both structures have one size, and their fields one place each; a difference
// does not compile.
var (
	ours   Kevent
	theirs unix.Kevent_t

	_ [unsafe.Sizeof(ours) - unsafe.Sizeof(theirs)]struct{}
	_ [unsafe.Sizeof(theirs) - unsafe.Sizeof(ours)]struct{}

	_ = [1]struct{}{}[unsafe.Offsetof(ours.Ident)-unsafe.Offsetof(theirs.Ident)]
	_ = [1]struct{}{}[unsafe.Offsetof(ours.Filter)-unsafe.Offsetof(theirs.Filter)]
	_ = [1]struct{}{}[unsafe.Offsetof(ours.Flags)-unsafe.Offsetof(theirs.Flags)]
	_ = [1]struct{}{}[unsafe.Offsetof(ours.Fflags)-unsafe.Offsetof(theirs.Fflags)]
	_ = [1]struct{}{}[unsafe.Offsetof(ours.Data)-unsafe.Offsetof(theirs.Data)]
	_ = [1]struct{}{}[unsafe.Offsetof(ours.Udata)-unsafe.Offsetof(theirs.Udata)]
)
