//go:build linux || freebsd || netbsd || dragonfly

package sys

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// These four calls cannot wait, so the scheduler is not told of them: an
// entersyscall and exitsyscall would be a tenth of a small echo's cost.

func (host) Read(fd int, p []byte) (int, Errno) {
	return transfer(unix.SYS_READ, fd, p, 0)
}

func (host) Write(fd int, p []byte) (int, Errno) {
	return transfer(unix.SYS_WRITE, fd, p, 0)
}

func (host) Recv(fd int, p []byte, flags int) (int, Errno) {
	return transfer(unix.SYS_RECVFROM, fd, p, flags)
}

func (host) Send(fd int, p []byte, flags int) (int, Errno) {
	return transfer(unix.SYS_SENDTO, fd, p, flags|sendFlags)
}

// transfer makes a call of the form (fd, p, len, flags, nil, 0); read and
// write do not look at what follows the length.
func transfer(trap uintptr, fd int, p []byte, flags int) (int, Errno) {
	size := min(len(p), maxRW)
	for {
		n, _, e := syscall.RawSyscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(size), uintptr(flags), 0, 0)
		if e == 0 {
			return int(n), 0
		}
		if e != syscall.EINTR {
			return 0, e
		}
	}
}

func (host) Connected(fd int) bool {
	var raw unix.RawSockaddrAny
	size := uint32(unix.SizeofSockaddrAny)
	_, _, e := syscall.RawSyscall(unix.SYS_GETPEERNAME, uintptr(fd), uintptr(unsafe.Pointer(&raw)), uintptr(unsafe.Pointer(&size)))
	return e == 0
}
