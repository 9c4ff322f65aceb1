package dial

import (
	"context"
	"net"
	"net/netip"
	"slices"
)

// Resolver finds the addresses of a host, best first; *net.Resolver is one.
// network is "ip", "ip4" or "ip6".
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// This machine, in the families in which it was meant.
var (
	loopback4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	loopback6 = netip.IPv6Loopback()
)

// resolve finds the addresses of a TCP address, in the order in which to dial
// them, and the host's name.
func (d *Dialer) resolve(ctx context.Context, network, address string) (addrs []netip.AddrPort, host string, err error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, "", err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, network, service)
	if err != nil {
		return nil, "", err
	}
	ips, err := d.lookup(ctx, "ip"+network[len("tcp"):], host)
	if err != nil {
		return nil, "", err
	}
	for _, ip := range ips {
		ip = ip.Unmap()
		if a := netip.AddrPortFrom(ip, uint16(port)); fits(network, ip) && !slices.Contains(addrs, a) {
			addrs = append(addrs, a)
		}
	}
	if len(addrs) == 0 {
		return nil, "", &net.AddrError{Err: "no suitable address", Addr: address}
	}
	return interleave(addrs), host, nil
}

// lookup is for what need not be asked of a resolver, too.
func (d *Dialer) lookup(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if host == "" {
		return []netip.Addr{loopback4, loopback6}, nil
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		switch ip.Unmap() {
		case netip.IPv4Unspecified(): // not every system connects to it
			return []netip.Addr{loopback4}, nil
		case netip.IPv6Unspecified(): // what listens there takes both families
			return []netip.Addr{loopback6, loopback4}, nil
		}
		return []netip.Addr{ip}, nil
	}
	if d.Resolver != nil {
		return d.Resolver.LookupNetIP(ctx, network, host)
	}
	return net.DefaultResolver.LookupNetIP(ctx, network, host)
}

func fits(network string, ip netip.Addr) bool {
	switch network {
	case "tcp4":
		return ip.Is4()
	case "tcp6":
		return ip.Is6()
	}
	return ip.IsValid()
}
