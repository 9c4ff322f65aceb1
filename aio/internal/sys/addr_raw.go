//go:build linux || freebsd || netbsd || dragonfly

package sys

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rawAddr reads an address without the allocation that x/sys makes for each:
// only the name of a unix socket takes one.
func rawAddr(raw *unix.RawSockaddrAny, size uint32) Addr {
	if size < 2 {
		return Addr{}
	}
	switch raw.Addr.Family {
	case unix.AF_INET:
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(raw))
		return Addr{IP: netip.AddrPortFrom(netip.AddrFrom4(in.Addr), port(&in.Port))}
	case unix.AF_INET6:
		in := (*unix.RawSockaddrInet6)(unsafe.Pointer(raw))
		return inet6Addr(in.Addr, port(&in.Port), in.Scope_id)
	case unix.AF_UNIX:
		return Addr{Path: unixPath(rawBytes(raw)[2:size]), Unix: true}
	}
	return Addr{}
}

// port reads a number in network order.
func port(p *uint16) uint16 {
	return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(p))[:])
}

// unixPath is the name in the bytes behind a unix socket's family.
func unixPath(b []byte) string {
	if runtime.GOOS == "linux" && len(b) > 1 && b[0] == 0 {
		return "@" + string(b[1:])
	}
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

func rawBytes(raw *unix.RawSockaddrAny) []byte {
	return (*[unix.SizeofSockaddrAny]byte)(unsafe.Pointer(raw))[:]
}

// setRaw writes an address in the system's form. All these systems put the
// family into the first two bytes, and agree on what follows.
func setRaw(raw *unix.RawSockaddrAny, to Addr, inet6 bool) (size uint32, e Errno) {
	b := rawBytes(raw)
	switch ip := to.IP.Addr().Unmap(); {
	case to.Unix:
		if to.Path == "" || 2+len(to.Path) >= unix.SizeofSockaddrUnix {
			return 0, syscall.EINVAL
		}
		n := 2 + copy(b[2:], to.Path) + 1 // with a zero behind it
		if runtime.GOOS == "linux" && to.Path[0] == '@' {
			b[2] = 0
			n--
		}
		return rawHeader(b, unix.AF_UNIX, n), 0
	case ip.Is4() && !inet6:
		binary.BigEndian.PutUint16(b[2:], to.IP.Port())
		a := ip.As4()
		copy(b[4:], a[:])
		return rawHeader(b, unix.AF_INET, unix.SizeofSockaddrInet4), 0
	default:
		binary.BigEndian.PutUint16(b[2:], to.IP.Port())
		if a := ip.As16(); !ip.Is4() || !ip.IsUnspecified() {
			copy(b[8:], a[:])
		}
		binary.NativeEndian.PutUint32(b[24:], zoneID(ip.Zone()))
		return rawHeader(b, unix.AF_INET6, unix.SizeofSockaddrInet6), 0
	}
}

func rawHeader(b []byte, family, size int) uint32 {
	if runtime.GOOS == "linux" {
		binary.NativeEndian.PutUint16(b, uint16(family))
	} else {
		b[0], b[1] = byte(size), byte(family)
	}
	return uint32(size)
}
