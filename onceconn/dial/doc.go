// Package dial makes the connections that package onceconn shares: TCP and unix
// sockets, with TLS if wanted, dialled over an aio ring.
//
//	d := &dial.Dialer{}
//	defer d.Close()
//	m := dial.NewMap(d, nil)
//	defer m.Close()
//
//	c, err := m.Get(ctx, dial.Addr{Network: "tcp", Address: "db-1:5432"})
//
// [NewMap] gives a onceconn.Map whose launches are dials of d and whose open
// connections are watched: when the peer hangs up, the connection is dead before
// the next caller asks for it. [Dialer.DialContext] has the shape that
// http.Transport, grpc, go-redis and pgx take. [WatchConn] watches any net.Conn.
//
// # How it dials
//
// Non-blocking connect on the ring: no goroutine and no thread per attempt; the
// caller's goroutine waits for all of them. A name with several addresses is
// dialled as RFC 8305 says: families alternate, a new attempt begins FallbackDelay
// after the last or as soon as one fails, never all at once; the first to connect
// wins and the others are closed. If all fail the error has an [AddrError] for
// each. TLS is shaken hands inside the dial, under its deadline, so that a
// connection is not there before its protocol is known.
//
// # What cannot be seen
//
// A watch sees a peer that closes, resets or dies with its system up. It cannot
// see a cable that was pulled or a peer that lost its power: nothing arrives.
// For that the dialer turns TCP keep-alive on (15 s idle, 3 probes 5 s apart) and
// sets TCP_USER_TIMEOUT where there is one (30 s; linux), so that such a connection
// dies, and is seen to, half a minute later. A firewall that answers keep-alives for
// the peer takes onceconn.Options.Ping to find. And between the last look and the
// first write a peer may still hang up: onceconn's Do is for that.
//
// # When not to use it
//
//   - For datagrams.
//   - To dial once in a while: net.Dialer does as well, and does names and source
//     addresses in more ways.
//   - On systems without aio (windows, js, wasip1, plan9): there a Dialer falls
//     back to net.Dialer and nothing is watched; everything else works. See
//     [Dialer].
//
// # Guarantees
//
// Every descriptor that a dial opens is closed exactly once or handed out; a dial
// that ended by its context leaves none. A watch has no goroutine and no second
// descriptor, and a descriptor number that is used again can never make it report
// the wrong connection.
package dial
