package aio

import (
	"context"
	"net/netip"
	"syscall"

	"example.com/interlock/aio/internal/sys"
)

// Dial connects to an address: network is "tcp" or "udp", or one of them with
// a 4 or 6 that the address must match. A name has to be looked up before. The
// unspecified address (0.0.0.0 or ::) means this machine. TCP connections are
// made with TCP_NODELAY, as package net does. The context ends the attempt
// with its cause.
func (r *Ring) Dial(ctx context.Context, network string, addr netip.AddrPort) (*FD, error) {
	addr = netip.AddrPortFrom(here(addr.Addr().Unmap()), addr.Port())
	tcp, ok := inetNetwork(network, addr.Addr())
	if !ok {
		return nil, &OpError{"dial", network + " " + addr.String(), syscall.EINVAL}
	}
	typ := syscall.SOCK_DGRAM
	if tcp {
		typ = syscall.SOCK_STREAM
	}
	f, err := r.Socket(family(addr.Addr()), typ, 0)
	if err != nil {
		return nil, toward(err, "dial", network, addr.String())
	}
	if tcp {
		// Held: the ring may be closed meanwhile, and the number be another's.
		_ = f.with("dial", func(k sys.Kernel, fd int) sys.Errno { return k.SetOption(fd, sys.OptNoDelay, 1) })
	}
	return f.dialed(f.Connect(ctx, addr))
}

// DialUnix connects to the unix socket at path; network is "unix", "unixgram"
// or "unixpacket".
func (r *Ring) DialUnix(ctx context.Context, network, path string) (*FD, error) {
	typ, ok := unixType(network)
	if !ok {
		return nil, &OpError{"dial", network + " " + path, syscall.EINVAL}
	}
	f, err := r.Socket(syscall.AF_UNIX, typ, 0)
	if err != nil {
		return nil, toward(err, "dial", network, path)
	}
	return f.dialed(f.ConnectUnix(ctx, path))
}

// here is the address of this machine for the unspecified one, which as a
// destination is the loopback on linux, an interface's on some, and refused
// on others.
func here(a netip.Addr) netip.Addr {
	switch {
	case !a.IsUnspecified():
		return a
	case a.Is4():
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.IPv6Loopback()
}

// toward says what an error without an address was about.
func toward(err error, op, network, address string) error {
	if e, ok := err.(*OpError); ok && e.Addr == "" {
		return &OpError{op, network + " " + address, e.Err}
	}
	return err
}

// dialed closes f when connecting failed.
func (f *FD) dialed(err error) (*FD, error) {
	if err == nil {
		return f, nil
	}
	_ = f.Close()
	return nil, err
}

// inetNetwork says whether network fits the address, and is TCP.
func inetNetwork(network string, ip netip.Addr) (tcp, ok bool) {
	if !ip.IsValid() {
		return false, false
	}
	switch network {
	case "tcp":
		return true, true
	case "tcp4":
		return true, ip.Is4()
	case "tcp6":
		return true, ip.Is6()
	case "udp":
		return false, true
	case "udp4":
		return false, ip.Is4()
	case "udp6":
		return false, ip.Is6()
	}
	return false, false
}

func family(ip netip.Addr) int {
	if ip.Is4() {
		return syscall.AF_INET
	}
	return syscall.AF_INET6
}

func unixType(network string) (typ int, ok bool) {
	switch network {
	case "unix":
		return syscall.SOCK_STREAM, true
	case "unixgram":
		return syscall.SOCK_DGRAM, true
	case "unixpacket":
		return syscall.SOCK_SEQPACKET, true
	}
	return 0, false
}
