//go:build unix

package dial

import (
	"net/netip"
	"syscall"
	"time"

	"example.com/interlock/aio"
	"golang.org/x/sys/unix"
)

// socket makes the socket for one address, with its options set.
func (d *Dialer) socket(r *aio.Ring, addr netip.AddrPort) (*aio.FD, error) {
	domain, network := unix.AF_INET6, "tcp6"
	if addr.Addr().Is4() {
		domain, network = unix.AF_INET, "tcp4"
	}
	return d.prepare(r, domain, network, addr.String(), d.tune)
}

func (d *Dialer) unixSocket(r *aio.Ring, path string) (*aio.FD, error) {
	return d.prepare(r, unix.AF_UNIX, "unix", path, nil)
}

func (d *Dialer) prepare(r *aio.Ring, domain int, network, address string, tune func(fd int)) (*aio.FD, error) {
	fd, err := r.Socket(domain, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, err
	}
	if tune == nil && d.Control == nil {
		return fd, nil
	}
	raw, err := aio.NewConn(fd).SyscallConn()
	if err == nil && tune != nil {
		err = raw.Control(func(fd uintptr) { tune(int(fd)) })
	}
	if err == nil && d.Control != nil {
		err = d.control(network, address, raw)
	}
	if err != nil {
		fd.Close()
		return nil, err
	}
	return fd, nil
}

// control calls the user's function; the descriptor does not leak if it panics.
func (d *Dialer) control(network, address string, raw syscall.RawConn) error {
	return d.Control(network, address, raw)
}

// tune sets what a system may refuse without the connection being any worse.
func (d *Dialer) tune(fd int) {
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if k := d.keepAlive(); k.Enable {
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
		setKeepAlive(fd, k.Idle, k.Interval, k.Count)
	}
	if t := d.userTimeout(); t > 0 {
		setUserTimeout(fd, t)
	}
}

// seconds rounds up: a keep-alive of less than a second is none.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
