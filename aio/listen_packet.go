package aio

import (
	"net/netip"
	"syscall"

	"example.com/interlock/aio/internal/sys"
)

// ListenPacket makes a datagram socket with an address of its own. For "udp",
// "udp4" and "udp6" that is an IP address and port, in the forms that
// [Ring.Listen] takes; for "unixgram" it is a path, or with '@' in front a
// name in linux's abstract space, and Close does not remove the path. Of the
// options Backlog means nothing here.
func (r *Ring) ListenPacket(network, address string, opts *ListenOptions) (*FD, error) {
	var o ListenOptions
	if opts != nil {
		o = *opts
	}
	f, err := r.listenPacket(network, address, o)
	return f, toward(err, "listen", network, address)
}

func (r *Ring) listenPacket(network, address string, o ListenOptions) (*FD, error) {
	switch network {
	case "unixgram":
		return r.boundPacket(syscall.AF_UNIX, network, sys.Addr{Path: address, Unix: true}, false, o)
	case "udp", "udp4", "udp6":
	default:
		return nil, &OpError{Err: syscall.EINVAL}
	}
	at, every, err := listenAddr(network, address)
	if err != nil {
		return nil, &OpError{Err: err}
	}
	f, err := r.boundPacket(family(at.Addr()), network, sys.Addr{IP: at}, every, o)
	if every && lacking(err) {
		at = netip.AddrPortFrom(netip.IPv4Unspecified(), at.Port())
		return r.boundPacket(syscall.AF_INET, network, sys.Addr{IP: at}, false, o)
	}
	return f, err
}

// boundPacket makes a datagram socket with an address.
func (r *Ring) boundPacket(domain int, network string, at sys.Addr, every bool, o ListenOptions) (*FD, error) {
	f, err := r.Socket(domain, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return nil, err
	}
	err = f.with("listen", func(k sys.Kernel, fd int) sys.Errno {
		if domain != syscall.AF_UNIX {
			k.SetOption(fd, sys.OptBroadcast, 1) // as package net does
		}
		if e := families(k, fd, network, at.IP.Addr(), every); e != 0 {
			return e
		}
		if o.ReusePort {
			if e := k.SetOption(fd, sys.OptReusePort, 1); e != 0 {
				return e
			}
		}
		return k.Bind(fd, at, domain == syscall.AF_INET6)
	})
	return f.dialed(err)
}
