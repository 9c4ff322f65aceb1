//go:build !linux

package dial_test

import (
	"net"
	"net/netip"
	"testing"
)

const linux = false

func blackHoleAt(t testing.TB, _ string, _ uint16) netip.AddrPort {
	t.Skip("only linux drops SYNs that find no room")
	return netip.AddrPort{}
}

func refusing(t testing.TB) uint16 {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).AddrPort().Port()
}

func synSent(netip.AddrPort) bool { return true }

func child() {}
