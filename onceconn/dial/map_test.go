package dial_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"example.com/interlock/onceconn"
	"example.com/interlock/onceconn/dial"
)

func newMap(t testing.TB, d *dial.Dialer, o *onceconn.Options[dial.Addr, *dial.Conn]) *onceconn.Map[dial.Addr, *dial.Conn] {
	t.Helper()
	m := dial.NewMap(newDialer(t, d), o)
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return m
}

func tcp(s *server) dial.Addr { return dial.Addr{Network: "tcp", Address: s.addr()} }

// A connection whose peer hangs up is replaced before a caller meets it.
func TestMapReplacesTheDead(t *testing.T) {
	noLeak(t)
	s := serve(t, "tcp4", "127.0.0.1:0", echo)
	died := make(chan error, 10)
	m := newMap(t, nil, &onceconn.Options[dial.Addr, *dial.Conn]{Hooks: onceconn.Hooks{Evict: func(_ any, err error) { died <- err }}})
	c, err := m.Get(bg, tcp(s))
	if err != nil {
		t.Fatal(err)
	}
	talk(t, c)
	s.conn(t, 0).Close()
	<-died
	if _, ok := m.TryGet(tcp(s)); ok {
		t.Error("the dead connection is still there")
	}
	d, err := m.Get(bg, tcp(s))
	if err != nil || d == c {
		t.Fatalf("%v, %v", d, err)
	}
	talk(t, d)
	waitFor(t, "the close of the dead connection", func() bool {
		_, err := c.Write([]byte("x"))
		return errors.Is(err, net.ErrClosed)
	})
	if n := s.accepts.Load(); n != 2 {
		t.Errorf("%d connections", n)
	}
	if !m.Evict(tcp(s), d, nil) {
		t.Error("not evicted")
	}
	if n := dial.WatchSets(); n != 0 {
		t.Errorf("something is watched although nothing is open")
	}
}

// A crowd on a hundred keys, whose server restarts under it: the server's own count
// of accepts proves that each key was dialled once, and once more.
func TestMapCrowdAndRestart(t *testing.T) {
	noLeak(t)
	const keys, callers = 100, 100
	s := serve(t, "tcp4", "127.0.0.1:0", echo)
	path := s.addr()
	everyName := names{} // many keys, one server
	for i := range keys {
		everyName[fmt.Sprint("host-", i)] = ips("127.0.0.1")
	}
	var died atomic.Int64
	m := newMap(t, &dial.Dialer{Resolver: everyName}, &onceconn.Options[dial.Addr, *dial.Conn]{
		Hooks: onceconn.Hooks{Evict: func(any, error) { died.Add(1) }}, MaxLaunches: 64})
	round := func() (failed int64) {
		var wg sync.WaitGroup
		var bad atomic.Int64
		for i := range keys * callers {
			wg.Go(func() {
				a := dial.Addr{Network: "tcp", Address: fmt.Sprintf("host-%d:%d", i%keys, s.port())}
				ctx, cancel := within(20 * time.Second)
				defer cancel()
				for {
					_, err := m.Get(ctx, a)
					var e *onceconn.Error
					if errors.As(err, &e) && ctx.Err() == nil {
						bad.Add(1)
						time.Sleep(time.Until(e.RetryAt)) // as told
						continue
					}
					if err != nil {
						t.Error(err)
					}
					return
				}
			})
		}
		wg.Wait()
		return bad.Load()
	}
	if failed, n := round(), s.accepted(t); failed != 0 || n != keys {
		t.Fatalf("%d failures, %d accepts for %d keys", failed, n, keys)
	}
	s.stop()
	waitFor(t, "every death", func() bool { return died.Load() == keys })
	again, err := net.Listen("tcp4", path)
	if err != nil {
		t.Skip("the port was taken meanwhile")
	}
	s2 := &server{Listener: again, behave: echo}
	go s2.run()
	t.Cleanup(s2.stop)
	round()
	if n := s2.accepted(t); n != keys {
		t.Errorf("%d accepts after the restart for %d keys", n, keys)
	}
}

// A server that accepts and hangs up at once is not dialled in a hot loop.
func TestMapAcceptThenClose(t *testing.T) {
	noLeak(t)
	s := serve(t, "tcp4", "127.0.0.1:0", func(c net.Conn) { c.(*net.TCPConn).SetLinger(0); c.Close() })
	m := newMap(t, nil, nil)
	end := time.Now().Add(400 * time.Millisecond)
	for time.Now().Before(end) {
		ctx, cancel := within(time.Until(end))
		c, err := m.Get(ctx, tcp(s))
		if err == nil {
			c.Read(make([]byte, 1))
		} else if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, onceconn.ErrFlapping) && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		cancel()
	}
	if n := s.accepts.Load(); n > 8 {
		t.Errorf("%d connections in 400 ms", n)
	}
}

// A black hole under the Map: callers leave on time, the launch ends at
// LaunchTimeout, and one attempt was made for all.
func TestMapBlackHole(t *testing.T) {
	noLeak(t)
	hang := blackHole(t, "127.0.0.1")
	m := newMap(t, nil, &onceconn.Options[dial.Addr, *dial.Conn]{LaunchTimeout: 200 * time.Millisecond})
	a := dial.Addr{Network: "tcp", Address: hang.String()}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			ctx, cancel := within(30 * time.Millisecond)
			defer cancel()
			began := time.Now()
			_, err := m.Get(ctx, a)
			if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > 5*time.Second {
				t.Errorf("%v after %v", err, took)
			}
		})
	}
	wg.Go(func() {
		_, err := m.Get(bg, a)
		var at *dial.AddrError
		var e *onceconn.Error
		if !errors.As(err, &e) || !e.Timeout() || !errors.As(err, &at) || at.Addr != hang {
			t.Errorf("%v", err)
		}
	})
	wg.Wait()
}

func TestMapNeedsADialer(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	dial.NewMap(nil, nil)
}

// An Options.Watch of the user's takes the place of the watch.
func TestMapOwnWatch(t *testing.T) {
	noLeak(t)
	s := serve(t, "tcp4", "127.0.0.1:0", echo)
	called := 0
	m := newMap(t, nil, &onceconn.Options[dial.Addr, *dial.Conn]{Watch: func(*dial.Conn, func(error)) func() { called++; return nil }})
	if _, err := m.Get(bg, tcp(s)); err != nil || called != 1 || dial.WatchSets() != 0 {
		t.Errorf("%v, called %d times, %d sets", err, called, dial.WatchSets())
	}
}
