//go:build unix

package integration

import (
	"net"
	"path/filepath"
	"syscall"
	"testing"

	"example.com/interlock/aio"
	"golang.org/x/net/nettest"
)

// x/net's conformance suite for net.Conn, over everything that NewConn takes.
func TestConnOverTCP(t *testing.T) {
	everyPoller(t, func(t *testing.T, r *aio.Ring) {
		nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
			return connPair(t, r, "tcp", "127.0.0.1:0")
		})
	})
}

func TestConnOverUnix(t *testing.T) {
	everyPoller(t, func(t *testing.T, r *aio.Ring) {
		nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
			return connPair(t, r, "unix", filepath.Join(t.TempDir(), "s"))
		})
	})
}

// A socket pair is a pipe with two ends that both read and write.
func TestConnOverSocketPair(t *testing.T) {
	everyPoller(t, func(t *testing.T, r *aio.Ring) {
		nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
			fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
			if err != nil {
				return nil, nil, nil, err
			}
			var ends [2]net.Conn
			for i, fd := range fds {
				f, err := r.Adopt(fd, aio.KindAuto)
				if err != nil {
					return nil, nil, nil, err
				}
				ends[i] = aio.NewConn(f)
			}
			return ends[0], ends[1], func() { ends[0].Close(); ends[1].Close() }, nil
		})
	})
}

func connPair(t *testing.T, r *aio.Ring, network, address string) (c1, c2 net.Conn, stop func(), err error) {
	fd, err := r.Listen(network, address, nil)
	if err != nil {
		return nil, nil, nil, err
	}
	l := aio.NewListener(fd)
	c1, c2, err = pair(t, r, l)
	if err != nil {
		l.Close()
		return nil, nil, nil, err
	}
	return c1, c2, func() { c1.Close(); c2.Close(); l.Close() }, nil
}
