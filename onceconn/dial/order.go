package dial

import "net/netip"

// interleave puts addresses in the order of RFC 8305, section 4: families take
// turns, beginning with that of the first address; within a family the order,
// which is the resolver's (RFC 6724), stays.
func interleave(addrs []netip.AddrPort) []netip.AddrPort {
	if len(addrs) < 3 {
		return addrs
	}
	var first, second []netip.AddrPort
	for _, a := range addrs {
		if a.Addr().Is4() == addrs[0].Addr().Is4() {
			first = append(first, a)
		} else {
			second = append(second, a)
		}
	}
	order := make([]netip.AddrPort, 0, len(addrs))
	for len(first) > 0 && len(second) > 0 {
		order = append(order, first[0], second[0])
		first, second = first[1:], second[1:]
	}
	return append(append(order, first...), second...)
}
