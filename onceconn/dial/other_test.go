//go:build !linux

package dial_test

import (
	"net/netip"
	"testing"
)

const linux = false

func blackHoleAt(t testing.TB, _ string, _ uint16) netip.AddrPort {
	t.Skip("only linux drops SYNs that find no room")
	return netip.AddrPort{}
}

func synSent(netip.AddrPort) bool { return true }

func child() {}
