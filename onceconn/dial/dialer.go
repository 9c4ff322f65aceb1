package dial

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"example.com/interlock/aio"
	"example.com/interlock/onceconn"
)

// A Dialer dials over an aio ring. The zero Dialer is ready to use; its fields
// must not be changed once it is used. Its methods may be called at once from
// many goroutines. A Dialer must not be copied after first use.
//
// On systems where aio does not work it dials with net.Dialer instead, with the
// same settings but for Resolver, which is used there only if it is a
// *net.Resolver, and for UserTimeout; errors then tell of one address.
type Dialer struct {
	// Ring is the ring to dial on. If it is nil the Dialer makes one for itself
	// when it is first used, and Close closes it.
	Ring *aio.Ring

	// Resolver finds the addresses of names [net.DefaultResolver].
	Resolver Resolver

	// FallbackDelay is how long an attempt has before the next address is tried
	// beside it [250 ms, as RFC 8305 recommends; at least 10 ms]. If it is negative
	// addresses are tried one after another, each with its share of the time.
	FallbackDelay time.Duration

	// Timeout limits a whole dial, name, attempts and TLS together, besides its
	// context [none]. Negative is as none.
	Timeout time.Duration

	// KeepAlive is TCP keep-alive. Zero stands for 3 probes 5 s apart after 15 s of
	// silence; with Enable, each zero field for that default. To switch it off leave
	// Enable false and make Idle negative.
	KeepAlive net.KeepAliveConfig

	// UserTimeout is how long written data may stay unacknowledged before the
	// connection is given up: TCP_USER_TIMEOUT, linux only [30 s]. Negative: the
	// system's way, which is about a quarter of an hour.
	UserTimeout time.Duration

	// TLS, if set, makes every connection a TLS one, shaken hands before the dial
	// returns. ServerName is the host of the address if it is empty. The Config is
	// not changed.
	TLS *tls.Config

	// Control is called with each socket before it connects, network "tcp4", "tcp6"
	// or "unix". An error is the failure of that address.
	Control func(network, address string, c syscall.RawConn) error

	mu     sync.Mutex // protects the fields below
	own    *aio.Ring
	closed bool
}

// DialContext connects to address and returns a *[Conn]. A host that is left out or
// unspecified (0.0.0.0, ::) is this machine. The end of ctx ends the dial; it does
// not matter to the connection later. The error is a *net.OpError; if addresses were
// tried it wraps an *[AddrError] for each, and if ctx ended its cause and its error.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := d.dial(ctx, network, address)
	if err != nil {
		return nil, err // not a nil *Conn
	}
	return c, nil
}

// Launch returns the launch function for a onceconn.Map.
func (d *Dialer) Launch() onceconn.Launch[Addr, *Conn] {
	return func(ctx context.Context, a *onceconn.Attempt[Addr]) (*Conn, error) {
		return d.dial(ctx, a.Key.Network, a.Key.Address)
	}
}

// Close closes the ring that the Dialer has made, and with it whatever was
// dialled on that ring; later dials fail with an error that Is net.ErrClosed. With
// a Ring of the user's it only makes later dials fail. Closing again does nothing.
func (d *Dialer) Close() error {
	d.mu.Lock()
	own := d.own
	d.own, d.closed = nil, true
	d.mu.Unlock()
	if own == nil {
		return nil
	}
	return own.Close()
}

// ring returns the ring to use. It Is errors.ErrUnsupported if there can be none.
func (d *Dialer) ring() (*aio.Ring, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return nil, errDialerClosed
	case d.Ring != nil:
		return d.Ring, nil
	case d.own != nil:
		return d.own, nil
	}
	r, err := aio.New(nil) // does not block
	d.own = r
	return r, err
}

func (d *Dialer) dial(ctx context.Context, network, address string) (c *Conn, err error) {
	defer func() {
		if err != nil {
			err = opError(network, address, err)
		}
	}()
	if ctx.Err() != nil {
		return nil, addrErrors{causeOf(ctx)}
	}
	if d.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.Timeout)
		defer cancel()
	}
	switch network {
	case "tcp", "tcp4", "tcp6", "unix":
	default:
		return nil, net.UnknownNetworkError(network)
	}
	r, err := d.ring()
	if errors.Is(err, errors.ErrUnsupported) {
		return d.fallBack(ctx, network, address)
	}
	if err != nil {
		return nil, err
	}
	if network == "unix" {
		conn, err := d.dialUnix(ctx, r, address)
		if err != nil {
			return nil, err
		}
		return d.secure(ctx, conn, r, "")
	}
	addrs, host, err := d.resolve(ctx, network, address)
	if err != nil {
		return nil, ended(ctx, err)
	}
	conn, err := d.race(ctx, r, addrs)
	if err != nil {
		return nil, err
	}
	d.tune(conn)
	return d.secure(ctx, conn, r, host)
}

// secure makes the Conn, after TLS if that is wanted. If a function of the user's
// in the Config panics c does not leak.
func (d *Dialer) secure(ctx context.Context, c net.Conn, r *aio.Ring, host string) (*Conn, error) {
	if d.TLS == nil {
		return &Conn{Conn: c, ring: r}, nil
	}
	config := d.TLS
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName = host
	}
	t := tls.Client(c, config)
	fine := false
	defer func() {
		if !fine {
			c.Close()
		}
	}()
	if err := t.HandshakeContext(ctx); err != nil {
		return nil, ended(ctx, err)
	}
	fine = true
	return &Conn{Conn: t, ring: r}, nil
}

// fallBack dials where there is no ring.
func (d *Dialer) fallBack(ctx context.Context, network, address string) (*Conn, error) {
	nd := &net.Dialer{FallbackDelay: d.delay(), KeepAliveConfig: d.keepAlive(), Control: d.Control}
	nd.Resolver, _ = d.Resolver.(*net.Resolver)
	if !nd.KeepAliveConfig.Enable {
		nd.KeepAlive = -1
	}
	c, err := nd.DialContext(ctx, network, address)
	if err != nil {
		return nil, ended(ctx, ofNet(err))
	}
	host := ""
	if network != "unix" {
		host, _, _ = net.SplitHostPort(address)
	}
	return d.secure(ctx, c, nil, host)
}

// keepAlive fills in the defaults.
func (d *Dialer) keepAlive() net.KeepAliveConfig {
	k := d.KeepAlive
	if k == (net.KeepAliveConfig{}) {
		k.Enable = true
	}
	if k.Idle == 0 {
		k.Idle = 15 * time.Second
	}
	if k.Interval == 0 {
		k.Interval = 5 * time.Second
	}
	if k.Count == 0 {
		k.Count = 3
	}
	return k
}

// delay is the time between two attempts; negative: one after another.
func (d *Dialer) delay() time.Duration {
	switch {
	case d.FallbackDelay == 0:
		return 250 * time.Millisecond
	case d.FallbackDelay < 0:
		return -1
	}
	return max(d.FallbackDelay, 10*time.Millisecond)
}

var errDialerClosed = fmt.Errorf("dial: dialer is closed: %w", net.ErrClosed)
