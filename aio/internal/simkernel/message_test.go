package simkernel_test

import (
	"slices"
	"syscall"
	"testing"

	"example.com/interlock/aio/internal/simkernel"
	"example.com/interlock/aio/internal/sys"
)

func (k kit) packet(unix bool, at sys.Addr) int {
	k.t.Helper()
	domain := syscall.AF_INET
	if unix {
		domain = syscall.AF_UNIX
	}
	fd, e := k.Socket(domain, syscall.SOCK_DGRAM, 0)
	k.ok(e)
	if !at.None() {
		k.ok(k.Bind(fd, at, false))
	}
	return fd
}

func TestVectorsGatherAndScatter(t *testing.T) {
	everywhere(t, func(t *testing.T, k kit) {
		rd, wr, e := k.Pipe()
		k.ok(e)
		n, e := k.Writev(wr, [][]byte{[]byte("abc"), nil, []byte("def")}, 2)
		k.want(n, 4, "written but for what is skipped")
		k.ok(e)
		a, b := make([]byte, 1), make([]byte, 5)
		n, e = k.Readv(rd, [][]byte{nil, a, b})
		k.ok(e)
		k.want(n, 4, "read")
		k.want(string(a)+string(b[:3]), "cdef", "what was read")
		_, e = k.Sendv(wr, [][]byte{a}, 0)
		k.want(e, sys.Errno(syscall.ENOTSOCK), "sendv to a pipe")
		_, e = k.Readv(rd, [][]byte{a})
		k.want(e, sys.Errno(syscall.EAGAIN), "readv of nothing")
	})
}

func TestMessagesNameTheirSender(t *testing.T) {
	everywhere(t, func(t *testing.T, k kit) {
		a, b := k.packet(false, ip(1)), k.packet(false, sys.Addr{})
		p := make([]byte, 3)
		_, e := k.SendMsg(b, []byte("x"), nil, sys.Addr{}, false, 0)
		k.want(e, sys.Errno(syscall.EDESTADDRREQ), "to nobody")
		n, e := k.SendMsg(b, []byte("four"), nil, ip(1), false, 0)
		k.ok(e)
		k.want(n, 4, "sent")
		own, e := k.SockName(b)
		k.ok(e)
		for _, flags := range []int{2, 0} { // peek first
			n, _, rflags, from, e := k.RecvMsg(a, p, nil, flags)
			k.ok(e)
			k.want(n, 3, "received")
			k.want(rflags, sys.MSG_TRUNC, "flags")
			k.want(from, own, "sender")
		}
		_, _, _, _, e = k.RecvMsg(a, p, nil, 0)
		k.want(e, sys.Errno(syscall.EAGAIN), "a second time")
		_, e = k.SendMsg(b, p, nil, path("/x"), false, 0)
		k.want(e, sys.Errno(syscall.EAFNOSUPPORT), "to another family")
		_, e = k.SendMsg(b, []byte("lost"), nil, ip(7), false, 0)
		k.ok(e) // an unconnected sender is not told that nobody listens
		k.want(k.SockError(b), sys.Errno(0), "error")
		k.ok(k.Connect(b, ip(1), false))
		_, e = k.SendMsg(b, p, nil, ip(1), false, 0)
		if k.m.Poller == sys.Kqueue {
			k.want(e, sys.Errno(syscall.EISCONN), "to an address, connected")
		} else {
			k.ok(e)
		}
	})
}

func TestMessagesCarryDescriptors(t *testing.T) {
	everywhere(t, func(t *testing.T, k kit) {
		a, b := k.packet(true, path("/a")), k.packet(true, sys.Addr{})
		rd, wr, e := k.Pipe()
		k.ok(e)
		_, e = k.SendMsg(b, []byte("x"), sys.Rights([]int{rd, wr}), path("/a"), false, 0)
		k.ok(e)
		k.ok(k.Kernel.Close(wr)) // the one that is under way lives on
		oob, p := make([]byte, sys.RightsSpace(2)), make([]byte, 1)
		_, oobn, rflags, _, e := k.RecvMsg(a, p, oob, 0)
		k.ok(e)
		fds := sys.ParseRights(oob[:oobn])
		k.want(len(fds), 2, "descriptors")
		k.want(rflags, 0, "flags")
		n, e := k.Write(fds[1], []byte("y"))
		k.ok(e)
		k.want(n, 1, "written to the received end")
		n, e = k.Read(rd, p)
		k.ok(e)
		k.want(n, 1, "read from the kept end")

		open := k.Open()
		_, e = k.SendMsg(b, nil, sys.Rights(fds), path("/a"), false, 0)
		k.ok(e)
		_, oobn, rflags, _, e = k.RecvMsg(a, p, nil, 0)
		k.ok(e)
		k.want(oobn, 0, "control data without room")
		k.want(rflags, sys.MSG_CTRUNC, "flags")
		k.want(slices.Equal(k.Open(), open), true, "what does not fit is closed")

		_, e = k.SendMsg(b, nil, sys.Rights(fds), path("/a"), false, 0)
		k.ok(e)
		for _, fd := range k.Open() {
			k.ok(k.Kernel.Close(fd))
		}
		k.want(len(k.Misuse()), 0, "misuse")
	})
}

func TestGetOptionGivesWhatWasSet(t *testing.T) {
	everywhere(t, func(t *testing.T, k kit) {
		fd := k.socket(false)
		get := func(o sys.Option, want int) {
			t.Helper()
			v, e := k.GetOption(fd, o)
			k.ok(e)
			k.want(v, want, "option")
		}
		get(sys.OptLinger, -1)
		get(sys.OptSendBuffer, 1234)
		get(sys.OptKeepAlive, 0)
		k.ok(k.SetOption(fd, sys.OptKeepAlive, 1))
		get(sys.OptKeepAlive, 1)
		k.ok(k.SetOption(fd, sys.OptLinger, 3))
		get(sys.OptLinger, 3)
		get(sys.OptReset, 0)
		k.ok(k.SetOption(fd, sys.OptLinger, 0))
		get(sys.OptReset, 1)
		k.ok(k.SetOption(fd, sys.OptReset, 0))
		get(sys.OptLinger, 0)
		get(sys.OptError, 0)
	}, func(c *simkernel.Config) { c.Buffer = 1234 })
}
