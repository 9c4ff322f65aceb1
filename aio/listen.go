package aio

import (
	"errors"
	"net/netip"
	"strings"
	"syscall"

	"example.com/interlock/aio/internal/sys"
)

// ListenOptions are for [Ring.Listen]. Nil and the zero value are the
// defaults.
type ListenOptions struct {
	// Backlog is how many connections may wait to be accepted; the system
	// has a limit of its own. 0 means 4096.
	Backlog int
	// ReusePort lets several listeners share an address (SO_REUSEPORT).
	ReusePort bool
}

// Listen listens on an address. For "tcp", "tcp4" and "tcp6" it is an IP
// address and port, as in "127.0.0.1:80", "[::1]:80" or ":80"; an empty host is
// all addresses of this machine, for "tcp" of both families where the system
// has both. Names are not looked up. For "unix" and "unixpacket" it is a
// path, or with '@' in front a name in linux's abstract space. A socket's path
// is not removed by Close.
func (r *Ring) Listen(network, address string, opts *ListenOptions) (*FD, error) {
	var o ListenOptions
	if opts != nil {
		o = *opts
	}
	if o.Backlog < 0 {
		panic("aio: Listen with a negative Backlog")
	}
	if o.Backlog == 0 {
		o.Backlog = 4096
	}
	f, err := r.listen(network, address, o)
	return f, toward(err, "listen", network, address)
}

func (r *Ring) listen(network, address string, o ListenOptions) (*FD, error) {
	if typ, ok := unixType(network); ok && network != "unixgram" {
		return r.bound(syscall.AF_UNIX, typ, network, sys.Addr{Path: address, Unix: true}, false, o)
	}
	if network != "tcp" && network != "tcp4" && network != "tcp6" {
		return nil, &OpError{Err: syscall.EINVAL}
	}
	at, every, err := listenAddr(network, address)
	if err != nil {
		return nil, &OpError{Err: err}
	}
	f, err := r.bound(family(at.Addr()), syscall.SOCK_STREAM, network, sys.Addr{IP: at}, every, o)
	if every && lacking(err) {
		at = netip.AddrPortFrom(netip.IPv4Unspecified(), at.Port())
		return r.bound(syscall.AF_INET, syscall.SOCK_STREAM, network, sys.Addr{IP: at}, false, o)
	}
	return f, err
}

// lacking says of the failure to listen on every address that there may be no
// IPv6 here, or none that takes IPv4 along. If the port is taken, by whom of
// IPv6 alone perhaps, half of the addresses are not what was asked for.
func lacking(err error) bool { return err != nil && !errors.Is(err, syscall.EADDRINUSE) }

// listenAddr reads an address to listen on. every: it is all addresses of both
// families, as far as there are two.
func listenAddr(network, address string) (at netip.AddrPort, every bool, err error) {
	if port, ok := strings.CutPrefix(address, ":"); ok {
		host := "[::]:"
		if network == "tcp4" || network == "udp4" {
			host = "0.0.0.0:"
		}
		at, err = netip.ParseAddrPort(host + port)
		return at, (network == "tcp" || network == "udp") && err == nil, err
	}
	if at, err = netip.ParseAddrPort(address); err != nil {
		return at, false, err
	}
	at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	if _, ok := inetNetwork(network, at.Addr()); !ok {
		return at, false, syscall.EAFNOSUPPORT
	}
	return at, false, nil
}

// families says which families a socket of IPv6 takes: both if it is bound to
// all addresses, unless its network has a 6. Not every system can do that
// (openbsd and dragonfly cannot), which is an error when every address was
// asked for.
func families(k sys.Kernel, fd int, network string, at netip.Addr, every bool) sys.Errno {
	if !at.Is6() {
		return 0
	}
	if !at.IsUnspecified() || strings.HasSuffix(network, "6") {
		k.SetOption(fd, sys.OptV6Only, 1)
		return 0
	}
	if e := k.SetOption(fd, sys.OptV6Only, 0); every {
		return e
	}
	return 0
}

// bound makes a socket that listens.
func (r *Ring) bound(domain, typ int, network string, at sys.Addr, every bool, o ListenOptions) (*FD, error) {
	f, err := r.Socket(domain, typ, 0)
	if err != nil {
		return nil, err
	}
	// The socket has been seen by nobody yet, so its kind can still change.
	f.kind = KindListener
	err = f.with("listen", func(k sys.Kernel, fd int) sys.Errno {
		if domain != syscall.AF_UNIX {
			k.SetOption(fd, sys.OptReuseAddr, 1)
			k.SetOption(fd, sys.OptNoDelay, 1) // accepted connections inherit it
		}
		if e := families(k, fd, network, at.IP.Addr(), every); e != 0 {
			return e
		}
		if o.ReusePort {
			if e := k.SetOption(fd, sys.OptReusePort, 1); e != 0 {
				return e
			}
		}
		if e := k.Bind(fd, at, domain == syscall.AF_INET6); e != 0 {
			return e
		}
		return k.Listen(fd, o.Backlog)
	})
	return f.dialed(err)
}
