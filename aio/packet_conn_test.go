//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"example.com/interlock/aio"
)

// A packet conn of the ring and one of package net understand each other.
func TestPacketConnAgainstNet(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		dir := shortDir(t)
		for network, address := range map[string]string{"udp": "127.0.0.1:0", "unixgram": filepath.Join(dir, "ring")} {
			c := aio.NewPacketConn(must(r.ListenPacket(network, address, nil)))
			other := address
			if network == "unixgram" {
				other = filepath.Join(dir, "net")
			}
			peer := must(net.ListenPacket(network, other))
			defer peer.Close()
			p := make([]byte, 100)
			for _, msg := range []string{"question", ""} {
				if n, err := peer.WriteTo([]byte(msg), c.LocalAddr()); n != len(msg) || err != nil {
					t.Fatalf("%s: peer: %d, %v", network, n, err)
				}
				n, from, err := c.ReadFrom(p)
				if string(p[:n]) != msg || err != nil || from.String() != peer.LocalAddr().String() || from.Network() != network {
					t.Fatalf("%s: %q from %v, %v", network, p[:n], from, err)
				}
				if n, err := c.WriteTo([]byte("answer"), from); n != 6 || err != nil {
					t.Fatalf("%s: answer: %d, %v", network, n, err)
				}
				n, from, err = peer.ReadFrom(p)
				if string(p[:n]) != "answer" || err != nil || from.String() != c.LocalAddr().String() {
					t.Errorf("%s: the peer got %q from %v, %v", network, p[:n], from, err)
				}
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestPacketConnErrors(t *testing.T) {
	r := newRing(t, aio.Auto)
	c := aio.NewPacketConn(udp(t, r))
	if peer := c.(net.Conn).RemoteAddr(); peer != nil {
		t.Errorf("connected to %v, and is not", peer)
	}
	for _, to := range []net.Addr{nil, (*net.UDPAddr)(nil), &net.UnixAddr{Name: "/x", Net: "unixgram"}, &net.TCPAddr{},
		&net.UDPAddr{Port: 1<<16 + c.LocalAddr().(*net.UDPAddr).Port}, &net.UDPAddr{Port: -1}} {
		n, err := c.WriteTo([]byte("x"), to)
		var e *net.OpError
		if n != 0 || !errors.As(err, &e) || e.Op != "write" || !errors.Is(err, syscall.EINVAL) {
			t.Errorf("to %v: %d, %v", to, n, err)
		}
	}
	if _, err := c.WriteTo(make([]byte, 1<<17), c.LocalAddr()); !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("too long: %v", err)
	}
	// No address is this machine, as in package net.
	if _, err := c.WriteTo([]byte("me"), &net.UDPAddr{Port: c.LocalAddr().(*net.UDPAddr).Port}); err != nil {
		t.Error(err)
	}
	p := make([]byte, 1)
	if n, _, err := c.ReadFrom(p); n != 1 || err != nil {
		t.Errorf("cut: %d, %v", n, err)
	}
	c.SetReadDeadline(time.Unix(1, 0))
	_, _, err := c.ReadFrom(p)
	if ne, ok := err.(net.Error); !ok || !ne.Timeout() || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("late: %v", err)
	}
	c.SetDeadline(time.Time{})
	ended := make(chan error)
	go func() {
		_, _, err := c.ReadFrom(p)
		ended <- err
	}()
	pending(t, r, 1)
	c.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed while waiting: %v", err)
	}
	if _, err := c.WriteTo(p, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// Connected, it is a net.Conn too.
func TestPacketConnConnected(t *testing.T) {
	r := newRing(t, aio.Auto)
	server := udp(t, r)
	c := aio.NewPacketConn(must(r.Dial(soon(t), "udp", server.LocalAddr()))).(net.Conn)
	if c.RemoteAddr().String() != server.LocalAddr().String() {
		t.Errorf("connected to %v", c.RemoteAddr())
	}
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 10)
	n, from, _, err := server.RecvFrom(soon(t), p)
	if string(p[:n]) != "hello" || err != nil || from.String() != c.LocalAddr().String() {
		t.Errorf("%q from %v, %v", p[:n], from, err)
	}
	size := c.(interface {
		SetReadBuffer(int) error
		SetWriteBuffer(int) error
	})
	if err := errors.Join(size.SetReadBuffer(20000), size.SetWriteBuffer(20000)); err != nil {
		t.Error(err)
	}
	server.SendTo(soon(t), []byte("back"), from)
	if n, err := c.Read(p); string(p[:n]) != "back" || err != nil {
		t.Errorf("%q, %v", p[:n], err)
	}
}
