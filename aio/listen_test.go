//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"example.com/interlock/aio"
	"example.com/interlock/aio/internal/sys"
)

// sparse is the machine's kernel, but that it may refuse sockets of a family,
// takes no heed of flags, and does not know who is at the other end.
type sparse struct {
	sys.Kernel
	refuse map[int]sys.Errno
}

func (k sparse) Socket(domain, typ, proto int) (int, sys.Errno) {
	if e := k.refuse[domain]; e != 0 {
		return -1, e
	}
	return k.Kernel.Socket(domain, typ&0xf, proto)
}

func (sparse) PeerName(int) (sys.Addr, sys.Errno) { return sys.Addr{}, syscall.ENOTCONN }

// An error says for whom there was no socket.
func TestNoSocketFor(t *testing.T) {
	const e = syscall.EMFILE
	r := newRing(t, aio.Auto, sparse{sys.Host(), map[int]sys.Errno{syscall.AF_INET: e, syscall.AF_INET6: e, syscall.AF_UNIX: e}})
	at := netip.MustParseAddrPort("192.0.2.1:80")
	for want, call := range map[string]func() (*aio.FD, error){
		"dial tcp 192.0.2.1:80":       func() (*aio.FD, error) { return r.Dial(t.Context(), "tcp", at) },
		"dial unix /path":             func() (*aio.FD, error) { return r.DialUnix(t.Context(), "unix", "/path") },
		"listen tcp :80":              func() (*aio.FD, error) { return r.Listen("tcp", ":80", nil) },
		"listen udp4 192.0.2.1:80":    func() (*aio.FD, error) { return r.ListenPacket("udp4", "192.0.2.1:80", nil) },
		"listen unixgram @interlock":  func() (*aio.FD, error) { return r.ListenPacket("unixgram", "@interlock", nil) },
		"listen unixpacket interlock": func() (*aio.FD, error) { return r.Listen("unixpacket", "interlock", nil) },
	} {
		if f, err := call(); f != nil || !errors.Is(err, e) || err.Error() != "aio: "+want+": "+e.Error() {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// Every address is those of IPv4 where there is no IPv6, but not where IPv6
// has the port taken.
func TestListenOnEveryAddress(t *testing.T) {
	for _, c := range []struct{ ipv6, want sys.Errno }{
		{syscall.EAFNOSUPPORT, 0}, {syscall.EADDRNOTAVAIL, 0}, {syscall.EADDRINUSE, syscall.EADDRINUSE},
	} {
		r := newRing(t, aio.Auto, sparse{sys.Host(), map[int]sys.Errno{syscall.AF_INET6: c.ipv6}})
		for network, listen := range map[string]func(network, address string, o *aio.ListenOptions) (*aio.FD, error){
			"tcp": r.Listen, "udp": r.ListenPacket,
		} {
			f, err := listen(network, ":0", nil)
			switch {
			case c.want != 0 && (f != nil || !errors.Is(err, c.want)):
				t.Errorf("%s with %v: %v, want %v", network, c.ipv6, err, c.want)
			case c.want == 0 && (err != nil || !f.LocalAddr().Addr().Is4() || f.LocalAddr().Port() == 0):
				t.Errorf("%s with %v: %v", network, c.ipv6, err)
			}
			if f, err := listen(network+"6", ":0", nil); f != nil || !errors.Is(err, c.ipv6) {
				t.Errorf("%s6: %v, want %v", network, err, c.ipv6)
			}
		}
	}
}

// A peer that has gone before it is looked at is known all the same: accept
// has told who it was.
func TestListenerKnowsWhoHasGone(t *testing.T) {
	r := newRing(t, aio.Auto, sparse{Kernel: sys.Host()})
	l := aio.NewListener(must(r.Listen("tcp", "127.0.0.1:0", nil)))
	peer := must(net.Dial("tcp", l.Addr().String()))
	defer peer.Close()
	c := must(l.Accept())
	if got, want := c.RemoteAddr().String(), peer.LocalAddr().String(); got != want {
		t.Errorf("accepted from %s, want %s", got, want)
	}
	if got, want := c.LocalAddr().String(), l.Addr().String(); got != want {
		t.Errorf("accepted at %s, want %s", got, want)
	}
}

// The flags that a system takes beside a socket's type make no other kind of it.
func TestSocketWithFlags(t *testing.T) {
	r := newRing(t, aio.Auto, sparse{Kernel: sys.Host()})
	for typ, want := range map[int]aio.Kind{syscall.SOCK_STREAM: aio.KindStream, syscall.SOCK_DGRAM: aio.KindPacket} {
		for _, flag := range []int{0, 1 << 11, 1 << 14, 1 << 19, 1 << 28} {
			if f := must(r.Socket(syscall.AF_UNIX, typ|flag, 0)); f.Kind() != want {
				t.Errorf("type %d with %#x: %v, want %v", typ, flag, f.Kind(), want)
			}
		}
	}
}
