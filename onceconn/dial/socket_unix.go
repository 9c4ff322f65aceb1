//go:build unix

package dial

import (
	"net/netip"
	"time"

	"example.com/interlock/aio"
	"golang.org/x/sys/unix"
)

// socket makes the socket for one address.
func (d *Dialer) socket(r *aio.Ring, addr netip.AddrPort) (*aio.FD, error) {
	if addr.Addr().Is4() {
		return d.prepare(r, unix.AF_INET, "tcp4", addr.String)
	}
	return d.prepare(r, unix.AF_INET6, "tcp6", addr.String)
}

func (d *Dialer) unixSocket(r *aio.Ring, path string) (*aio.FD, error) {
	return d.prepare(r, unix.AF_UNIX, "unix", func() string { return path })
}

// prepare makes a socket and shows it to Control. If that panics the descriptor
// does not leak.
func (d *Dialer) prepare(r *aio.Ring, domain int, network string, address func() string) (*aio.FD, error) {
	fd, err := r.Socket(domain, unix.SOCK_STREAM, 0)
	if err != nil || d.Control == nil {
		return fd, bare(err)
	}
	fine := false
	defer func() {
		if !fine {
			fd.Close()
		}
	}()
	raw, _ := aio.NewConn(fd).SyscallConn() // never fails
	if err = d.Control(network, address(), raw); err != nil {
		return nil, err
	}
	fine = true
	return fd, nil
}

// tune sets the options of a TCP connection. Not before it is one: the user
// timeout would limit the handshake too. What the system refuses to set it does
// not have, and the connection works without.
func (d *Dialer) tune(c *aio.Conn) {
	raw, _ := c.SyscallConn() // never fails
	raw.Control(func(fd uintptr) { d.setOptions(int(fd)) })
}

// setOptions turns keep-alive on last: the socket has its times by then, and the
// system winds its timer once.
func (d *Dialer) setOptions(fd int) {
	setOption(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if k := d.keepAlive(); k.Enable {
		setKeepAlive(fd, k.Idle, k.Interval, k.Count)
		setOption(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	}
	if t := d.userTimeout(); t > 0 {
		setUserTimeout(fd, t)
	}
}

// set leaves the system's value where n is negative.
func set(fd, option, n int) {
	if n > 0 {
		setOption(fd, unix.IPPROTO_TCP, option, n)
	}
}

// seconds rounds up: a keep-alive of less than a second is none.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// userTimeout is how long sent bytes may stay unacknowledged.
func (d *Dialer) userTimeout() time.Duration {
	if d.UserTimeout == 0 {
		return 30 * time.Second
	}
	return d.UserTimeout
}
