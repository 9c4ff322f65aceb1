package simkernel_test

import (
	"fmt"
	"net/netip"
	"syscall"
	"testing"

	"example.com/interlock/aio/internal/simkernel"
	"example.com/interlock/aio/internal/sys"
)

func TestNumbersAreReusedLowestFirst(t *testing.T) {
	k := newKit(t, simkernel.Linux(), func(c *simkernel.Config) { c.First, c.Files = 5, 4 })
	a, b := k.pipe()
	c, d := k.pipe()
	k.want([4]int{a, b, c, d}, [4]int{5, 6, 7, 8}, "numbers")
	_, _, e := k.Pipe()
	k.want(name(e), "EMFILE", "full table")
	k.ok(k.Close(c))
	k.ok(k.Close(a))
	_, _, e = k.Pipe()
	k.ok(e)
	k.want(fmt.Sprint(k.Open()), "[5 6 7 8]", "open")
	k.want(len(k.Misuse()), 0, "misuse")
	k.ok(k.Close(6))
	k.want(name(k.Close(6)), "EBADF", "second close")
	k.want(k.recv(6, 1), "EBADF", "read of a closed number")
	k.want(fmt.Sprint(k.Misuse()), "[close of 6, which is not open read of 6, which is not open]", "misuse")
}

func TestConnect(t *testing.T) {
	everywhere(t, func(t *testing.T, k kit) {
		l := k.listener(ip(1), 4)
		s := k.socket(false)
		e := name(k.Connect(s, ip(1), false))
		if k.m.SyncConnect {
			k.want(e, "ok", "connect")
		} else {
			k.want(e, "EINPROGRESS", "connect")
		}
		k.want(k.Connected(s), true, "connected over loopback")
		if k.m.ConnectOnce && !k.m.SyncConnect {
			k.want(name(k.Connect(s, ip(1), false)), "ok", "the second connect")
		}
		k.want(name(k.Connect(s, ip(1), false)), "EISCONN", "the last connect")
		c, from, e2 := k.Accept(l)
		k.ok(e2)
		local, _ := k.SockName(s)
		k.want(from, local, "the address of the client")
		at, _ := k.PeerName(s)
		k.want(at, ip(1), "the address of the server")
		at, _ = k.SockName(c)
		k.want(at, ip(1), "the server's end")
		_, _, e2 = k.Accept(l)
		k.want(name(e2), "EAGAIN", "accept of nothing")
		k.want(k.recv(s, 1), "EAGAIN", "read of nothing")
		in, _ := k.Adopt(l)
		k.want(in.Shape, sys.ShapeListener, "shape")
		in, _ = k.Adopt(c)
		k.want(in, sys.Info{Shape: sys.ShapeStream, Socket: true}, "shape")
	})
}

func TestConnectTakesTime(t *testing.T) {
	slow := func(c *simkernel.Config) { c.Latency = 1e9 }
	everywhere(t, func(t *testing.T, k kit) {
		if k.m.SyncConnect {
			return
		}
		k.listener(ip(1), 4)
		s := k.socket(false)
		k.want(name(k.Connect(s, ip(1), false)), "EINPROGRESS", "connect")
		k.want(name(k.Connect(s, ip(1), false)), "EALREADY", "connect again")
		k.want(k.Connected(s), false, "connected")
		k.want(k.recv(s, 1), "EAGAIN", "read")
		k.Advance(1e9)
		k.want(k.Connected(s), true, "connected later")
	}, slow)
}

func TestConnectRefused(t *testing.T) {
	everywhere(t, func(t *testing.T, k kit) {
		s := k.socket(false)
		e := name(k.Connect(s, ip(9), false))
		if !k.m.SyncConnect {
			k.want(e, "EINPROGRESS", "connect")
			e = name(k.SockError(s))
		}
		k.want(e, "ECONNREFUSED", "connect")
		k.want(name(k.SockError(s)), "ok", "taken")
		u := k.socket(true)
		k.want(name(k.Connect(u, path("/none"), false)), "ENOENT", "no such path")
		l := k.listener(path("/dead"), 1)
		k.ok(k.Close(l))
		k.want(name(k.Connect(u, path("/dead"), false)), "ECONNREFUSED", "a path that nobody listens on")
		k.Unlink("/dead")
		k.want(name(k.Connect(u, path("/dead"), false)), "ENOENT", "unlinked")
	})
}

func TestBacklog(t *testing.T) {
	everywhere(t, func(t *testing.T, k kit) {
		room := 1
		if k.m.Poller == sys.Epoll {
			room = 2
		}
		l, u := k.listener(ip(1), 1), k.listener(path("/u"), 1)
		for range room {
			k.Connect(k.socket(false), ip(1), false)
			k.ok(k.Connect(k.socket(true), path("/u"), false))
		}
		k.want(k.Connect(k.socket(true), path("/u"), false), k.m.UnixBacklog, "unix, full")
		s := k.socket(false)
		k.want(name(k.Connect(s, ip(1), false)), "EINPROGRESS", "tcp, full")
		k.Advance(10e9)
		k.want(k.Connected(s), false, "nobody accepts")
		_, _, e := k.Accept(l)
		k.ok(e)
		k.Advance(2e9)
		k.want(k.Connected(s), true, "somebody has accepted")
		k.Accept(u)
		k.ok(k.Connect(k.socket(true), path("/u"), false))

		s = k.socket(false)
		k.Connect(s, ip(1), false)
		k.Advance(200e9)
		k.want(name(k.SockError(s)), "ETIMEDOUT", "nobody accepts for long")
	})
}

func TestRoutes(t *testing.T) {
	k := newKit(t, simkernel.FreeBSD())
	hole := netip.MustParseAddrPort("192.0.2.1:80")
	k.SetRoute(hole.Addr(), simkernel.BlackHole)
	s := k.socket(false)
	k.want(name(k.Connect(s, sys.Addr{IP: hole}, false)), "EINPROGRESS", "black hole")
	k.Advance(126e9)
	k.want(name(k.Connect(s, sys.Addr{IP: hole}, false)), "EALREADY", "still trying")
	k.Advance(2e9)
	k.want(name(k.SockError(s)), "ETIMEDOUT", "given up")
	k.SetRoute(hole.Addr(), simkernel.Unreachable)
	k.want(name(k.Connect(k.socket(false), sys.Addr{IP: hole}, false)), "ENETUNREACH", "unreachable")
}

func TestBind(t *testing.T) {
	k := newKit(t, simkernel.Linux())
	l := k.listener(ip(80), 1)
	k.want(name(k.Bind(k.socket(false), ip(80), false)), "EADDRINUSE", "taken")
	k.want(name(k.Bind(l, ip(81), false)), "EINVAL", "bound twice")
	u, e := k.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	k.ok(e)
	k.ok(k.Bind(u, ip(80), false))
	k.ok(k.Close(l))
	k.ok(k.Bind(k.socket(false), ip(80), false))
	k.ok(k.Bind(k.socket(true), path("/p"), false))
	k.want(name(k.Bind(k.socket(true), path("/p"), false)), "EADDRINUSE", "path taken")
	a, b := k.socket(false), k.socket(false)
	k.ok(k.SetOption(a, sys.OptReusePort, 1))
	k.ok(k.SetOption(b, sys.OptReusePort, 1))
	k.ok(k.Bind(a, ip(90), false))
	k.ok(k.Bind(b, ip(90), false))
	c, d := k.socket(false), k.socket(false)
	k.ok(k.Bind(c, ip(0), false))
	k.ok(k.Bind(d, ip(0), false))
	x, _ := k.SockName(c)
	y, _ := k.SockName(d)
	k.want(x.IP.Port() != 0 && y.IP.Port() != 0 && x != y, true, "free ports differ")
	k.want(k.Bind(c, path("/q"), false) != 0, true, "path for tcp")
	any6, e := k.Socket(syscall.AF_INET6, syscall.SOCK_STREAM, 0)
	k.ok(e)
	k.ok(k.Bind(any6, sys.Addr{IP: netip.MustParseAddrPort("[::]:70")}, true))
	k.ok(k.Listen(any6, 1))
	s := k.socket(false)
	k.Connect(s, ip(70), false)
	k.want(k.Connected(s), true, "an IPv6 listener takes IPv4")
}

func TestCloseWithUnreadData(t *testing.T) {
	everywhere(t, func(t *testing.T, k kit) {
		for _, unix := range []bool{false, true} {
			a, b := k.pair(unix)
			k.send(a, "x")
			k.ok(k.Close(b))
			want := "eof"
			if k.m.UnreadResets {
				want = "ECONNRESET"
			}
			k.want(k.recv(a, 1), want, fmt.Sprintf("read, unix %v", unix))
			k.ok(k.Close(a))
		}
	})
}

func TestAcceptAfterReset(t *testing.T) {
	everywhere(t, func(t *testing.T, k kit) {
		l := k.listener(ip(1), 4)
		s := k.socket(false)
		k.Connect(s, ip(1), false)
		k.ok(k.SetOption(s, sys.OptReset, 1))
		k.ok(k.Close(s))
		fd, _, e := k.Accept(l)
		if k.m.AbortedAccept {
			k.want(name(e), "ECONNABORTED", "accept")
			_, _, e = k.Accept(l)
			k.want(name(e), "EAGAIN", "accept again")
			return
		}
		k.ok(e)
		k.want(k.recv(fd, 1), "ECONNRESET", "read")
	})
}

func TestListenerClosedWithQueue(t *testing.T) {
	everywhere(t, func(t *testing.T, k kit) {
		l := k.listener(ip(1), 4)
		s := k.socket(false)
		k.Connect(s, ip(1), false)
		k.ok(k.Close(l))
		k.want(k.recv(s, 1), "ECONNRESET", "the client")
		k.want(k.Connected(s), false, "has no peer")
	})
}

func TestShutdownRead(t *testing.T) {
	everywhere(t, func(t *testing.T, k kit) {
		a, b := k.pair(false)
		k.ok(k.Shutdown(a, 0))
		k.want(k.recv(a, 1), "eof", "read")
		k.want(k.write(b, 5), "5", "the peer's writes are lost")
		k.want(k.recv(a, 1), "eof", "read")
		k.ok(k.Shutdown(a, 2))
		k.want(k.write(a, 1), "EPIPE", "write")
		k.want(k.recv(b, 1), "eof", "the peer")
		unconnected := map[bool]string{true: "ok", false: "ENOTCONN"}[k.m.LooseShutdown]
		k.want(name(k.Shutdown(k.socket(false), 1)), unconnected, "unconnected")
	})
}

func TestShutdownReadOfAUnixPeer(t *testing.T) {
	everywhere(t, func(t *testing.T, k kit) {
		a, b := k.pair(true)
		k.ok(k.Shutdown(a, 0))
		k.want(k.write(b, 5), map[bool]string{true: "EPIPE", false: "5"}[k.m.ReadEndEnds], "the peer's write")
	})
}

func TestPeekAndEmpty(t *testing.T) {
	k := newKit(t, simkernel.Linux())
	a, b := k.pair(false)
	k.send(b, "abc")
	p := make([]byte, 9)
	n, e := k.Recv(a, p, 2)
	k.want(n == 3 && e == 0, true, "peek")
	n, e = k.Recv(a, p, 0)
	k.want(n == 3 && e == 0, true, "recv")
	n, e = k.Recv(a, nil, 0)
	k.want(n == 0 && e == 0, true, "recv of nothing")
	n, e = k.Send(a, nil, 0)
	k.want(n == 0 && e == 0, true, "send of nothing")
	rd, wr := k.pipe()
	_, e = k.Recv(rd, p, 0)
	k.want(name(e), "ENOTSOCK", "recv from a pipe")
	_, e = k.Send(wr, p, 0)
	k.want(name(e), "ENOTSOCK", "send into a pipe")
	k.want(k.recv(wr, 1), "EBADF", "read of the wrong end")
	k.want(k.write(rd, 1), "EBADF", "write to the wrong end")
}

func TestDatagrams(t *testing.T) {
	k := newKit(t, simkernel.NetBSD())
	u := func() int {
		fd, e := k.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
		k.ok(e)
		return fd
	}
	a, b := u(), u()
	k.ok(k.Bind(a, ip(7), false))
	k.ok(k.Connect(b, ip(7), false))
	k.want(k.write(b, 0), "0", "empty")
	k.want(k.write(b, 5), "5", "five")
	k.want(k.recv(a, 9), "eof", "the empty one")
	p := make([]byte, 3)
	n, e := k.Read(a, p)
	k.want(n == 3 && e == 0, true, "cut")
	k.want(k.recv(a, 9), "EAGAIN", "no more")
	k.ok(k.Close(a))
	k.want(k.write(b, 5), "5", "to nobody")
	k.want(k.recv(b, 5), "ECONNREFUSED", "the answer")
	in, _ := k.Adopt(b)
	k.want(in.Shape, sys.ShapePacket, "shape")
}

func TestPipeAtomic(t *testing.T) {
	k := newKit(t, simkernel.Linux(), func(c *simkernel.Config) { c.PipeBuffer, c.PipeAtomic = 100, 10 })
	rd, wr := k.pipe()
	k.want(k.write(wr, 95), "95", "write")
	k.want(k.write(wr, 10), "EAGAIN", "small writes are not split")
	k.want(k.write(wr, 11), "5", "others are")
	k.want(k.write(wr, 1), "EAGAIN", "full")
	k.want(len(k.recv(rd, 200)), 100, "read")
	in, _ := k.Adopt(rd)
	k.want(in, sys.Info{Shape: sys.ShapePipe}, "shape")
}
