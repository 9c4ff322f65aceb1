package echo

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Load is a closed loop: each connection sends one message, waits for all of
// its echo and sends the next. It runs on one thread over its own epoll set,
// so that nothing of what is measured is also the measure.
type Load struct {
	size  int
	epoll int
	conns []int // sockets
	got   []int // bytes of the present echo that came, by connection
	buf   []byte
}

// Dial opens conns connections to addr for messages of size bytes.
func Dial(addr string, conns, size int) (*Load, error) {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, err
	}
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	l := &Load{size: size, epoll: epoll, buf: make([]byte, size)}
	for i := range conns {
		if err := l.connect(ap, int32(i)); err != nil {
			l.Close()
			return nil, fmt.Errorf("echo: connection %d: %w", i, err)
		}
	}
	l.got = make([]int, conns)
	return l, nil
}

func (l *Load) connect(to netip.AddrPort, index int32) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	l.conns = append(l.conns, fd)
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return err
	}
	return unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: index})
}

// Close resets the connections, so that no port waits for its end.
func (l *Load) Close() {
	for _, fd := range l.conns {
		unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		unix.Close(fd)
	}
	unix.Close(l.epoll)
}

// Run keeps every connection busy for d and returns how many echoes came.
// When it returns every message has been answered.
func (l *Load) Run(d time.Duration) (requests int, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, fd := range l.conns {
		if err := l.send(fd); err != nil {
			return 0, err
		}
	}
	outstanding, end := len(l.conns), time.Now().Add(d)
	events := make([]unix.EpollEvent, 256)
	for outstanding > 0 {
		n, err := unix.EpollWait(l.epoll, events, 5000)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return requests, err
		}
		if n == 0 {
			return requests, fmt.Errorf("echo: %d of %d connections had no answer for 5 s", outstanding, len(l.conns))
		}
		more := time.Now().Before(end)
		for _, ev := range events[:n] {
			done, err := l.receive(ev.Fd)
			if err != nil {
				return requests, err
			}
			if !done {
				continue
			}
			requests++
			if !more {
				outstanding--
				continue
			}
			if err := l.send(l.conns[ev.Fd]); err != nil {
				return requests, err
			}
		}
	}
	return requests, nil
}

func (l *Load) send(fd int) error {
	n, err := unix.Write(fd, l.buf)
	if err == nil && n < l.size {
		err = errors.New("echo: the socket's buffer cannot hold one message")
	}
	return err
}

// receive takes what has come on a connection and reports whether that
// completes its echo.
func (l *Load) receive(index int32) (done bool, err error) {
	n, err := unix.Read(l.conns[index], l.buf[:l.size-l.got[index]])
	switch {
	case err == unix.EAGAIN:
		return false, nil
	case err != nil:
		return false, err
	case n == 0:
		return false, errors.New("echo: the server closed a connection")
	}
	l.got[index] += n
	if l.got[index] < l.size {
		return false, nil
	}
	l.got[index] = 0
	return true, nil
}
