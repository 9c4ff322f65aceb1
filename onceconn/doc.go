// Package onceconn launches a connection exactly once per key and shares it.
//
// Ten thousand callers that want a connection to the same place cause one
// launch; every one of them gets its result, or its error. A connection that
// dies while nobody uses it is replaced before a caller meets it, a caller that
// gives up never hurts another, and a peer that refuses is not hammered.
//
//	m := onceconn.New(func(ctx context.Context, a *onceconn.Attempt[string]) (*Client, error) {
//		return Dial(ctx, a.Key)
//	}, nil)
//	defer m.Close()
//
//	c, err := m.Get(ctx, "db-1:5432")
//
// # Which of Get, Acquire and Do
//
//   - [Map.Get] is for connections that many callers use at once and that
//     survive being shared: multiplexed protocols, clients, sessions. It is not
//     counted: the Map cannot tell when the caller is done.
//   - [Map.Acquire] counts its use. A connection that was replaced, grew too old
//     or was evicted is closed at the last [Lease.Release], never under a holder.
//   - [Map.Do] is Acquire around a function. If the function says that the
//     connection turned out to be stale (ErrStale), it runs once more on a fresh
//     one. No look before the first write can replace this: a peer may hang up
//     between the look and the write.
//   - [Map.Key] gives a handle with the same methods that skips the look-up.
//
// A caller whose context ends leaves alone; the launch goes on for the others,
// and for Options.Abandon longer when there are none. Hits never block and
// therefore do not look at the context.
//
// # What closing means for those who share
//
// Idle and aged connections (Options.IdleTimeout, MaxLifetime) are closed when
// no lease is held and Options.Busy says no. Callers of Get hold no lease: set
// Busy, or use Acquire, or let OnRetire be Drop, or keep each use shorter than
// IdleTimeout. A connection that died or was evicted is closed at the last
// Release, or at once when nobody holds a lease. [Map.Drain] waits for leases;
// [Map.Close] does not.
//
// # What cannot be seen
//
// A watch (Options.Watch; package onceconn/dial has one) sees a peer that hangs
// up. Nothing sees a cable that was pulled: the connection stays silent. Set
// TCP keep-alive and TCP_USER_TIMEOUT (onceconn/dial does), or Options.Ping.
//
// # Bad input
//
// A nil launch and options that make no sense, negative durations among them, are
// refused by a panic of [New] that says what is wrong. A launch that returns
// neither connection nor error, panics or exits gives every waiter an error, and
// so does a key that is not equal to itself; the Map and the key stay usable.
//
// # When not to use it
//
//   - For a pool: N exclusive connections per key are puddle's or database/sql's
//     business. Here a key has one connection at a time.
//   - To share the result of a computation that is not kept: singleflight.
//   - When each request may as well open its own connection and the peer is
//     happy with that.
//   - For state that must outlive the process or be agreed between processes.
//
// # Guarantees
//
// At most one launch runs per key. No error from before the caller's arrival is
// returned unless it is marked Cached. No connection whose death was noticed
// before the call is handed out. Every connection that a launch returned is
// closed exactly once, also when it arrives after Close. Panics and
// runtime.Goexit in functions of the user become errors, or are counted in
// [Stats]; those of Healthy and of the function given to Do are the caller's own.
// No key is wedged by them. There is no goroutine while nothing is being launched, closed or
// checked; Close joins what there is. A hit takes no lock, writes nothing shared
// and allocates nothing. All waiting is on channels made by the Map, so that it
// works in a testing/synctest bubble.
package onceconn
