package integration

import (
	"context"
	"net"
	"testing"

	"example.com/interlock/aio"
)

// everyPoller runs f on a ring of each mode in which nobody has to drive it.
func everyPoller(t *testing.T, f func(t *testing.T, r *aio.Ring)) {
	for name, mode := range map[string]aio.PollerMode{"Auto": aio.Auto, "Thread": aio.Thread} {
		t.Run(name, func(t *testing.T) { f(t, newRing(t, mode)) })
	}
}

func newRing(t *testing.T, mode aio.PollerMode) *aio.Ring {
	t.Helper()
	r, err := aio.New(&aio.Options{Poller: mode})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("closing the ring: %v", err)
		}
	})
	return r
}

// listen returns a net.Listener over aio.
func listen(t *testing.T, r *aio.Ring, network, address string) net.Listener {
	t.Helper()
	fd, err := r.Listen(network, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	l := aio.NewListener(fd)
	t.Cleanup(func() { l.Close() })
	return l
}

// pair returns both ends of a connection through l, over aio.
func pair(t *testing.T, r *aio.Ring, l net.Listener) (near, far net.Conn, err error) {
	t.Helper()
	accepted := make(chan net.Conn, 1)
	failed := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			failed <- err
			return
		}
		accepted <- c
	}()
	near, err = dialRing(t.Context(), r, l.Addr())
	if err != nil {
		return nil, nil, err
	}
	select {
	case far = <-accepted:
		return near, far, nil
	case err = <-failed:
		near.Close()
		return nil, nil, err
	}
}

func dialRing(ctx context.Context, r *aio.Ring, to net.Addr) (net.Conn, error) {
	var fd *aio.FD
	var err error
	if to.Network() == "unix" {
		fd, err = r.DialUnix(ctx, "unix", to.String())
	} else {
		fd, err = r.Dial(ctx, to.Network(), to.(*net.TCPAddr).AddrPort())
	}
	if err != nil {
		return nil, err
	}
	return aio.NewConn(fd), nil
}
