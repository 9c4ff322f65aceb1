//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sys

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// maxRW cuts one read or write: larger counts are EINVAL on some systems.
const maxRW = 1 << 30

// host is the machine's kernel. It has the size of a pointer, always nil,
// because an interface then calls its methods without a wrapper in between.
type host struct{ _ *byte }

// epoch is one clock reading with its monotonic part; a nanosecond early, so
// that Now is never zero.
var epoch = time.Now().Add(-1)

func (host) Now() int64 { return int64(time.Since(epoch)) }

func (host) When(t time.Time) int64 { return max(int64(t.Sub(epoch)), 1) }

func (host) Close(fd int) Errno {
	// Never repeated: whether EINTR closed the number is not knowable on
	// every system, and on these it did. FreeBSD may say ECONNRESET of a peer
	// that was quicker.
	e := errno(unix.Close(fd))
	if e == syscall.EINTR || e == syscall.ECONNRESET {
		return 0
	}
	return e
}

func (host) Dup(fd int) (int, Errno) {
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	return n, errno(err)
}

func (host) Adopt(fd int) (Info, Errno) {
	var in Info
	var st unix.Stat_t
	if e := retry(func() error { return unix.Fstat(fd, &st) }); e != 0 {
		return in, e
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG, unix.S_IFDIR:
		in.Shape = ShapeFile
	case unix.S_IFIFO:
		in.Shape = ShapePipe
	case unix.S_IFSOCK:
		in = socketInfo(fd)
	}
	unix.CloseOnExec(fd)
	if in.Shape == ShapeFile {
		return in, 0
	}
	e := errno(unix.SetNonblock(fd, true))
	if e == syscall.ENOTTY && !in.Socket {
		return in, 0 // a kqueue takes no such flag, and does not block
	}
	return in, e
}

func socketInfo(fd int) Info {
	in := Info{Shape: ShapePacket, Socket: true}
	typ, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	in.Seq = typ == unix.SOCK_SEQPACKET
	if typ == unix.SOCK_STREAM {
		in.Shape = ShapeStream
	}
	if in.Seq || typ == unix.SOCK_STREAM {
		if on, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err == nil && on != 0 {
			in.Shape = ShapeListener
		}
	}
	switch sa, _ := unix.Getsockname(fd); sa.(type) {
	case *unix.SockaddrInet6:
		in.Inet6 = true
	case *unix.SockaddrUnix:
		in.Unix = true
	}
	noSigpipe(fd)
	return in
}

// begun is the outcome of a connect. One that a signal interrupted goes on by
// itself: repeating it would answer EALREADY.
func begun(e Errno) Errno {
	if e == syscall.EINTR {
		return syscall.EINPROGRESS
	}
	return e
}

func (host) Bind(fd int, to Addr, inet6 bool) Errno {
	sa, e := sockaddr(to, inet6)
	if e != 0 {
		return e
	}
	return errno(unix.Bind(fd, sa))
}

func (host) Listen(fd, backlog int) Errno { return errno(unix.Listen(fd, backlog)) }

func (host) Shutdown(fd, how int) Errno { return errno(unix.Shutdown(fd, how)) }

func (host) SockError(fd int) Errno {
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return errno(err)
	}
	return Errno(n)
}

// option is the system's name of an option.
func option(o Option) (level, name int) {
	switch o {
	case OptReuseAddr:
		return unix.SOL_SOCKET, unix.SO_REUSEADDR
	case OptReusePort:
		return unix.SOL_SOCKET, unix.SO_REUSEPORT
	case OptKeepAlive:
		return unix.SOL_SOCKET, unix.SO_KEEPALIVE
	case OptBroadcast:
		return unix.SOL_SOCKET, unix.SO_BROADCAST
	case OptSendBuffer:
		return unix.SOL_SOCKET, unix.SO_SNDBUF
	case OptReceiveBuffer:
		return unix.SOL_SOCKET, unix.SO_RCVBUF
	case OptError:
		return unix.SOL_SOCKET, unix.SO_ERROR
	case OptNoDelay:
		return unix.IPPROTO_TCP, unix.TCP_NODELAY
	case OptV6Only:
		return unix.IPPROTO_IPV6, unix.IPV6_V6ONLY
	}
	return -1, -1
}

func (host) SetOption(fd int, o Option, v int) Errno {
	switch o {
	case OptReset:
		return setLinger(fd, 0)
	case OptLinger:
		return setLinger(fd, v)
	}
	level, name := option(o)
	return errno(unix.SetsockoptInt(fd, level, name, v))
}

func setLinger(fd, seconds int) Errno {
	l := unix.Linger{Onoff: 1, Linger: int32(seconds)}
	if seconds < 0 {
		l = unix.Linger{}
	}
	return errno(unix.SetsockoptLinger(fd, unix.SOL_SOCKET, soLinger, &l))
}

func (host) GetOption(fd int, o Option) (int, Errno) {
	if o == OptLinger {
		l, err := unix.GetsockoptLinger(fd, unix.SOL_SOCKET, soLinger)
		switch {
		case err != nil:
			return 0, errno(err)
		case l.Onoff == 0:
			return -1, 0
		}
		return int(l.Linger), 0
	}
	level, name := option(o)
	v, err := unix.GetsockoptInt(fd, level, name)
	return v, errno(err)
}

func (host) Poll(fd int, ask Ready) (Ready, Errno) {
	p := unix.PollFd{Fd: int32(fd)}
	if ask&Readable != 0 {
		p.Events |= unix.POLLIN
	}
	if ask&Writable != 0 {
		p.Events |= unix.POLLOUT
	}
	if ask&Priority != 0 {
		p.Events |= unix.POLLPRI
	}
	if ask&HangUp != 0 {
		p.Events |= pollRDHUP
	}
	if e := pollNow(&p); e != 0 {
		return 0, e
	}
	got := p.Revents
	if got&unix.POLLNVAL != 0 {
		return 0, syscall.EBADF
	}
	var r Ready
	if got&unix.POLLIN != 0 {
		r |= Readable
	}
	if got&unix.POLLOUT != 0 {
		r |= Writable
	}
	if got&unix.POLLPRI != 0 {
		r |= Priority
	}
	if got&(pollRDHUP|unix.POLLHUP) != 0 {
		r |= HangUp | Readable
	}
	if got&(unix.POLLHUP|unix.POLLERR) != 0 {
		r |= HangUp | Readable | Writable
	}
	return r & ask, 0
}

// errno is the number in an error of x/sys.
func errno(err error) Errno {
	switch err := err.(type) {
	case nil:
		return 0
	case syscall.Errno:
		return err
	}
	return syscall.EINVAL
}

// retry repeats a call that signals interrupt.
func retry(call func() error) Errno {
	for {
		if e := errno(call()); e != syscall.EINTR {
			return e
		}
	}
}
