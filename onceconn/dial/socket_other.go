//go:build !unix

package dial

import (
	"errors"
	"net/netip"

	"example.com/interlock/aio"
)

// Without aio no ring is ever made, and these are not called.

func (d *Dialer) socket(*aio.Ring, netip.AddrPort) (*aio.FD, error) {
	return nil, errors.ErrUnsupported
}

func (d *Dialer) unixSocket(*aio.Ring, string) (*aio.FD, error) { return nil, errors.ErrUnsupported }

func (d *Dialer) tune(*aio.Conn) {}
