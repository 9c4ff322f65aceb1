//go:build linux || freebsd || netbsd || dragonfly

package sys

import (
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

func (host) RecvMsg(fd int, p, oob []byte, flags int) (n, oobn, rflags int, from Addr, e Errno) {
	var raw unix.RawSockaddrAny
	iov := unix.Iovec{Base: unsafe.SliceData(p)}
	iov.SetLen(min(len(p), maxRW))
	m := unix.Msghdr{Name: (*byte)(unsafe.Pointer(&raw)), Namelen: unix.SizeofSockaddrAny, Iov: &iov}
	m.SetIovlen(1)
	ask := flags
	if len(oob) > 0 {
		m.Control = unsafe.SliceData(oob)
		m.SetControllen(len(oob))
		ask |= cmsgCloexec
	}
	if n, e = message(unix.SYS_RECVMSG, fd, &m, ask); e != 0 {
		return 0, 0, 0, Addr{}, e
	}
	return n, int(m.Controllen), int(m.Flags) & reported, rawAddr(&raw, uint32(m.Namelen)), 0
}

func (host) SendMsg(fd int, p, oob []byte, to Addr, inet6 bool, flags int) (int, Errno) {
	var raw unix.RawSockaddrAny
	iov := unix.Iovec{Base: unsafe.SliceData(p)}
	iov.SetLen(min(len(p), maxRW))
	m := unix.Msghdr{Iov: &iov}
	m.SetIovlen(1)
	if !to.None() {
		size, e := setRaw(&raw, to, inet6)
		if e != 0 {
			return 0, e
		}
		m.Name, m.Namelen = (*byte)(unsafe.Pointer(&raw)), size
	}
	if len(oob) > 0 {
		m.Control = unsafe.SliceData(oob)
		m.SetControllen(len(oob))
	}
	return message(unix.SYS_SENDMSG, fd, &m, flags|sendFlags)
}

func (host) Readv(fd int, bufs [][]byte) (int, Errno) {
	return vectored(unix.SYS_READV, fd, bufs, 0)
}

func (host) Writev(fd int, bufs [][]byte, skip int) (int, Errno) {
	return vectored(unix.SYS_WRITEV, fd, bufs, skip)
}

func (host) Sendv(fd int, bufs [][]byte, skip int) (int, Errno) {
	var v vector
	v.fill(bufs, skip)
	defer v.free()
	m := unix.Msghdr{Iov: v.first()}
	m.SetIovlen(v.n)
	return message(unix.SYS_SENDMSG, fd, &m, sendFlags)
}

// message makes a call of the form (fd, msghdr, flags), which cannot wait.
func message(trap uintptr, fd int, m *unix.Msghdr, flags int) (int, Errno) {
	for {
		n, _, e := syscall.RawSyscall(trap, uintptr(fd), uintptr(unsafe.Pointer(m)), uintptr(flags))
		if e == 0 {
			return int(n), 0
		}
		if e != syscall.EINTR {
			return 0, e
		}
	}
}

// vectored is readv(2) or writev(2). On a regular file it may wait for the
// disk, so the scheduler is told.
func vectored(trap uintptr, fd int, bufs [][]byte, skip int) (int, Errno) {
	var v vector
	v.fill(bufs, skip)
	defer v.free()
	for {
		n, _, e := syscall.Syscall(trap, uintptr(fd), uintptr(unsafe.Pointer(v.first())), uintptr(v.n))
		if e == 0 {
			return int(n), 0
		}
		if e != syscall.EINTR {
			return 0, e
		}
	}
}

// vector is a list of buffers as the system wants it; a short one takes no
// memory of its own.
type vector struct {
	few  [16]unix.Iovec
	many *[MaxVector]unix.Iovec
	n    int
}

var vectors = sync.Pool{New: func() any { return new([MaxVector]unix.Iovec) }}

func (v *vector) fill(bufs [][]byte, skip int) {
	Pieces(bufs, skip, func(p []byte) bool {
		if v.n == len(v.few) {
			v.many = vectors.Get().(*[MaxVector]unix.Iovec)
			copy(v.many[:], v.few[:])
		}
		iov := &v.few[v.n%len(v.few)]
		if v.many != nil {
			iov = &v.many[v.n]
		}
		iov.Base = unsafe.SliceData(p)
		iov.SetLen(len(p))
		v.n++
		return true
	})
}

func (v *vector) first() *unix.Iovec {
	if v.many != nil {
		return &v.many[0]
	}
	return &v.few[0]
}

// free lets go of the buffers.
func (v *vector) free() {
	if v.many != nil {
		clear(v.many[:v.n])
		vectors.Put(v.many)
	}
}
