//go:build linux || freebsd || netbsd || dragonfly

package sys

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Connect does not wait: the socket is non-blocking. So the scheduler is not
// told of it, or it would give the processor away under a handshake that is over
// before anybody else has begun. To find the path of a unix socket may take a
// disk.
func (host) Connect(fd int, to Addr, inet6 bool) Errno {
	if to.Unix {
		return begun(errno(unix.Connect(fd, &unix.SockaddrUnix{Name: to.Path})))
	}
	if !to.IP.IsValid() {
		return syscall.EINVAL
	}
	var raw unix.RawSockaddrAny
	size, e := setRaw(&raw, to, inet6)
	if e != 0 {
		return e
	}
	_, _, e = syscall.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&raw)), uintptr(size))
	return begun(e)
}

// SockName and PeerName are made here because x/sys asks for the protocol too,
// which costs as much again. Each is one frame on the stack, not more: many a
// goroutine asks for its connection's names and then only waits.

func (host) SockName(fd int) (Addr, Errno) {
	var raw unix.RawSockaddrAny
	size := uint32(unix.SizeofSockaddrAny)
	_, _, e := syscall.RawSyscall(unix.SYS_GETSOCKNAME, uintptr(fd), uintptr(unsafe.Pointer(&raw)), uintptr(unsafe.Pointer(&size)))
	if e != 0 {
		return Addr{}, e
	}
	return rawAddr(&raw, size), 0
}

func (host) PeerName(fd int) (Addr, Errno) {
	var raw unix.RawSockaddrAny
	size := uint32(unix.SizeofSockaddrAny)
	_, _, e := syscall.RawSyscall(unix.SYS_GETPEERNAME, uintptr(fd), uintptr(unsafe.Pointer(&raw)), uintptr(unsafe.Pointer(&size)))
	if e != 0 {
		return Addr{}, e
	}
	return rawAddr(&raw, size), 0
}
