//go:build darwin || openbsd

package sys

import (
	"syscall"

	"golang.org/x/sys/unix"
)

func (host) RecvMsg(fd int, p, oob []byte, flags int) (n, oobn, rflags int, from Addr, e Errno) {
	ask := flags
	if len(oob) > 0 {
		ask |= cmsgCloexec
		if cmsgCloexec == 0 { // no fork before they are close-on-exec
			syscall.ForkLock.RLock()
			defer syscall.ForkLock.RUnlock()
		}
	}
	var sa unix.Sockaddr
	n, e = again(func() (n int, err error) {
		n, oobn, rflags, sa, err = unix.RecvmsgBuffers(fd, [][]byte{cut(p)}, oob, ask)
		return n, err
	})
	if e != 0 {
		return 0, 0, 0, Addr{}, e
	}
	if cmsgCloexec == 0 {
		for _, got := range ParseRights(oob[:oobn]) { // oobn is 0 without oob
			unix.CloseOnExec(got)
		}
	}
	// x/sys receives a byte of its own when there is no room for one.
	return min(n, len(p)), oobn, rflags & reported, addr(sa), 0
}

func (host) SendMsg(fd int, p, oob []byte, to Addr, inet6 bool, flags int) (int, Errno) {
	var sa unix.Sockaddr
	if !to.None() {
		var e Errno
		if sa, e = sockaddr(to, inet6); e != 0 {
			return 0, e
		}
	}
	return again(func() (int, error) {
		return unix.SendmsgBuffers(fd, [][]byte{cut(p)}, oob, sa, flags|sendFlags)
	})
}

func (host) Readv(fd int, bufs [][]byte) (int, Errno) {
	list := pieces(bufs, 0)
	return again(func() (int, error) { return unix.Readv(fd, list) })
}

func (host) Writev(fd int, bufs [][]byte, skip int) (int, Errno) {
	list := pieces(bufs, skip)
	return again(func() (int, error) { return unix.Writev(fd, list) })
}

func (host) Sendv(fd int, bufs [][]byte, skip int) (int, Errno) {
	list := pieces(bufs, skip)
	return again(func() (int, error) { return unix.SendmsgBuffers(fd, list, nil, nil, sendFlags) })
}

func pieces(bufs [][]byte, skip int) (list [][]byte) {
	Pieces(bufs, skip, func(p []byte) bool {
		list = append(list, p)
		return true
	})
	return list
}
