package simkernel_test

import (
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/interlock/aio/internal/simkernel"
	"example.com/interlock/aio/internal/sys"
)

func TestMain(m *testing.M) {
	before := runtime.NumGoroutine()
	code := m.Run()
	for end := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(end); {
		runtime.Gosched() // what was told to end may need a moment
	}
	if n := runtime.NumGoroutine(); code == 0 && n > before {
		fmt.Fprintf(os.Stderr, "%d goroutines are left\n", n-before)
		code = 1
	}
	os.Exit(code)
}

// kit drives a kernel; what must not fail ends the test.
type kit struct {
	*simkernel.Kernel
	t testing.TB
	m simkernel.Manners
}

func newKit(t testing.TB, m simkernel.Manners, change ...func(*simkernel.Config)) kit {
	c := simkernel.Config{Manners: m, Seed: 1}
	for _, f := range change {
		f(&c)
	}
	return kit{simkernel.New(c), t, m}
}

// everywhere runs a test for each system.
func everywhere(t *testing.T, f func(t *testing.T, k kit), change ...func(*simkernel.Config)) {
	for _, m := range simkernel.Systems() {
		t.Run(m.Name, func(t *testing.T) { f(t, newKit(t, m, change...)) })
	}
}

func (k kit) ok(e sys.Errno) {
	k.t.Helper()
	if e != 0 {
		k.t.Fatalf("unexpected %v", e)
	}
}

func (k kit) want(got, want any, what string) {
	k.t.Helper()
	if got != want {
		k.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

var home = netip.MustParseAddr("127.0.0.1")

func ip(port uint16) sys.Addr { return sys.Addr{IP: netip.AddrPortFrom(home, port)} }

func path(p string) sys.Addr { return sys.Addr{Path: p, Unix: true} }

func (k kit) socket(unix bool) int {
	k.t.Helper()
	domain := syscall.AF_INET
	if unix {
		domain = syscall.AF_UNIX
	}
	fd, e := k.Socket(domain, syscall.SOCK_STREAM, 0)
	k.ok(e)
	return fd
}

// listener listens on the address.
func (k kit) listener(at sys.Addr, backlog int) int {
	k.t.Helper()
	l := k.socket(at.Unix)
	k.ok(k.Bind(l, at, false))
	k.ok(k.Listen(l, backlog))
	return l
}

// pair is a connected pair: the client's end and the server's.
func (k kit) pair(unix bool) (a, b int) {
	k.t.Helper()
	at := ip(1000)
	if unix {
		at = path("/pair")
	}
	l := k.listener(at, 8)
	a = k.socket(unix)
	if e := k.Connect(a, at, false); e != 0 && e != syscall.EINPROGRESS {
		k.t.Fatal(e)
	}
	k.settle()
	b, _, e := k.Accept(l)
	k.ok(e)
	k.ok(k.Close(l))
	k.Unlink("/pair")
	return a, b
}

// settle lets everything arrive.
func (k kit) settle() { k.Advance(1e6) }

func (k kit) pipe() (rd, wr int) {
	k.t.Helper()
	rd, wr, e := k.Pipe()
	k.ok(e)
	return rd, wr
}

func (k kit) send(fd int, s string) {
	k.t.Helper()
	n, e := k.Write(fd, []byte(s))
	if e != 0 || n != len(s) {
		k.t.Fatalf("write of %d bytes: %d, %v", len(s), n, e)
	}
}

// recv reads up to n bytes and tells how: the bytes, "eof" or the errno.
func (k kit) recv(fd, n int) string {
	p := make([]byte, n)
	n, e := k.Read(fd, p)
	switch {
	case e != 0:
		return name(e)
	case n == 0:
		return "eof"
	}
	return string(p[:n])
}

func (k kit) write(fd, n int) string {
	n, e := k.Write(fd, make([]byte, n))
	if e != 0 {
		return name(e)
	}
	return fmt.Sprint(n)
}

// name is an errno the same on every system that runs the tests.
func name(e sys.Errno) string {
	for n, x := range map[string]sys.Errno{
		"ok": 0, "EAGAIN": syscall.EAGAIN, "EPIPE": syscall.EPIPE, "ECONNRESET": syscall.ECONNRESET, "ECONNREFUSED": syscall.ECONNREFUSED,
		"EINPROGRESS": syscall.EINPROGRESS, "EALREADY": syscall.EALREADY, "EISCONN": syscall.EISCONN, "ENOTCONN": syscall.ENOTCONN,
		"EBADF": syscall.EBADF, "EINVAL": syscall.EINVAL, "ENOENT": syscall.ENOENT, "EEXIST": syscall.EEXIST, "EPERM": syscall.EPERM,
		"EMFILE": syscall.EMFILE, "ENFILE": syscall.ENFILE, "ECONNABORTED": syscall.ECONNABORTED, "ETIMEDOUT": syscall.ETIMEDOUT, "EINTR": syscall.EINTR,
		"ENETUNREACH": syscall.ENETUNREACH, "ENOSYS": syscall.ENOSYS, "ENOTSOCK": syscall.ENOTSOCK, "EADDRINUSE": syscall.EADDRINUSE,
	} {
		if x == e {
			return n
		}
	}
	return e.Error()
}

// poller is an epoll or kqueue of the kernel.
func (k kit) poller() int {
	k.t.Helper()
	if k.m.Poller == sys.Epoll {
		ep, e := k.EpollCreate()
		k.ok(e)
		return ep
	}
	kq, e := k.KqueueCreate()
	k.ok(e)
	return kq
}

// epoll registers and returns a function that lists the events now.
func (k kit) epoll(ep, fd int, events uint32) {
	k.t.Helper()
	k.ok(k.EpollCtl(ep, sys.EPOLL_CTL_ADD, fd, sys.EpollEvent{Events: events, Fd: int32(fd), Pad: 7}))
}

func (k kit) events(ep int) string {
	var evs [8]sys.EpollEvent
	n, e := k.EpollWait(ep, evs[:], 0)
	if e != 0 {
		return name(e)
	}
	var out []string
	for _, ev := range evs[:n] {
		out = append(out, fmt.Sprintf("%d:%s", ev.Fd, bits(ev.Events)))
	}
	return strings.Join(out, " ")
}

func bits(m uint32) string {
	var out []string
	for _, b := range []struct {
		bit  uint32
		name string
	}{{sys.EPOLLIN, "IN"}, {sys.EPOLLOUT, "OUT"}, {sys.EPOLLRDHUP, "RDHUP"}, {sys.EPOLLHUP, "HUP"}, {sys.EPOLLERR, "ERR"}} {
		if m&b.bit != 0 {
			out = append(out, b.name)
		}
	}
	return strings.Join(out, "|")
}

// Flags whose names aio has no use for.
const (
	enable  = 0x4
	disable = 0x8
	oneshot = 0x10
)

// change makes one change with a token and tells its errno.
func (k kit) change(kq, fd, filter, flags int, token uintptr) string {
	_, e := k.Kevent(kq, []sys.Kevent{sys.Change(fd, filter, flags, 0, token)}, nil, 0)
	return name(e)
}

// notes lists the events of a kqueue.
func (k kit) notes(kq int) string {
	evs := make([]sys.Kevent, 8)
	n, e := k.Kevent(kq, nil, evs, 0)
	if e != 0 {
		return name(e)
	}
	return list(evs[:n])
}

func list(evs []sys.Kevent) string {
	var out []string
	for _, ev := range evs {
		s := "READ"
		switch int(ev.Filter) {
		case sys.EVFILT_WRITE:
			s = "WRITE"
		case sys.EVFILT_USER:
			s = "USER"
		}
		for _, f := range []struct {
			bit  int
			name string
		}{{sys.EV_ERROR, "ERROR"}, {sys.EV_EOF, "EOF"}, {sys.EV_ADD, "ADD"}, {oneshot, "ONESHOT"}} {
			if int(ev.Flags)&f.bit != 0 {
				s += "|" + f.name
			}
		}
		if ev.Fflags != 0 {
			s += "/" + name(sys.Errno(ev.Fflags))
		}
		if int(ev.Filter) == sys.EVFILT_READ && int(ev.Flags)&sys.EV_ERROR == 0 {
			s += fmt.Sprintf(":%d", ev.Data)
		}
		out = append(out, fmt.Sprintf("%s@%d", s, ev.Udata))
	}
	return strings.Join(out, " ")
}
