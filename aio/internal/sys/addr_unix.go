//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sys

import (
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// sockaddr is the form of a that x/sys takes. An IPv4 address goes to a
// socket of IPv6 as 4-in-6.
func sockaddr(a Addr, inet6 bool) (unix.Sockaddr, Errno) {
	switch ip := a.IP.Addr().Unmap(); {
	case a.Unix:
		return &unix.SockaddrUnix{Name: a.Path}, 0
	case !ip.IsValid():
		return nil, syscall.EINVAL
	case ip.Is4() && !inet6:
		return &unix.SockaddrInet4{Port: int(a.IP.Port()), Addr: ip.As4()}, 0
	case ip.Is4() && ip.IsUnspecified():
		return &unix.SockaddrInet6{Port: int(a.IP.Port())}, 0
	default:
		return &unix.SockaddrInet6{Port: int(a.IP.Port()), Addr: ip.As16(), ZoneId: zoneID(ip.Zone())}, 0
	}
}

func inet6Addr(b [16]byte, port uint16, zone uint32) Addr {
	ip := netip.AddrFrom16(b).Unmap()
	if zone != 0 && ip.Is6() {
		ip = ip.WithZone(zoneName(zone))
	}
	return Addr{IP: netip.AddrPortFrom(ip, port)}
}

// zoneID is the number of an interface given by its name or its number.
func zoneID(zone string) uint32 {
	if zone == "" {
		return 0
	}
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n)
	}
	if ifi, err := net.InterfaceByName(zone); err == nil {
		return uint32(ifi.Index)
	}
	return 0
}

func zoneName(id uint32) string {
	if ifi, err := net.InterfaceByIndex(int(id)); err == nil {
		return ifi.Name
	}
	return strconv.FormatUint(uint64(id), 10)
}
