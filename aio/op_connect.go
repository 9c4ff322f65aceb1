package aio

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"example.com/interlock/aio/internal/sys"
)

// A connect has no buffer, and its address stands in the fields of one: size
// and arg hold IPv4, buf points to IPv6. So a dial that waits, of which a
// program may have many, is an FD and an Op and, for IPv6, 16 bytes. An
// address with a zone or a path goes into extra.

// The bits of a connect's arg above the port.
const (
	peerIP4   = 1 << 16
	peerIP6   = 1 << 17
	peerBegun = 1 << 18 // connect has been called; the runner's
)

// PrepConnect prepares to connect f to an address.
func (op *Op) PrepConnect(f *FD, to netip.AddrPort) {
	op.prep(kindConnect, f, nil)
	switch ip := to.Addr(); {
	case ip.Is4():
		b := ip.As4()
		op.size = int(int32(binary.BigEndian.Uint32(b[:])))
		op.arg = peerIP4 | int32(to.Port())
	case ip.Is6() && ip.Zone() == "":
		b := ip.As16()
		op.buf, op.size = &b[0], len(b)
		op.arg = peerIP6 | int32(to.Port())
	default:
		op.more().addr = sys.Addr{IP: to}
	}
}

// PrepConnectUnix prepares to connect f to the unix socket at path; an '@' in
// front means linux's abstract names.
func (op *Op) PrepConnectUnix(f *FD, path string) {
	op.prep(kindConnect, f, nil)
	op.more().addr = sys.Addr{Path: path, Unix: true}
}

// peer is the address to connect or send to.
func (op *Op) peer() sys.Addr {
	if op.kind != kindConnect {
		return op.extra.addr
	}
	port := uint16(op.arg)
	switch {
	case op.arg&peerIP4 != 0:
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(op.size))
		return sys.Addr{IP: netip.AddrPortFrom(netip.AddrFrom4(b), port)}
	case op.arg&peerIP6 != 0:
		b := *(*[16]byte)(unsafe.Pointer(op.buf))
		return sys.Addr{IP: netip.AddrPortFrom(netip.AddrFrom16(b), port)}
	}
	return op.extra.addr
}
