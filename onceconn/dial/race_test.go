package dial_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"example.com/interlock/onceconn/dial"
	"pgregory.net/rapid"
)

func TestHangingDialEndsWithItsContext(t *testing.T) {
	noLeak(t)
	hang := blackHole(t, "127.0.0.1")
	d := newDialer(t, nil)
	ctx, cancel := within(250 * time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := d.DialContext(ctx, "tcp", hang.String())
	var at *dial.AddrError
	if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > 5*time.Second {
		t.Errorf("%v after %v", err, took)
	}
	if !errors.As(err, &at) || at.Addr != hang {
		t.Errorf("the address that hung is not told: %v", err)
	}
	var ne net.Error
	if !errors.As(err, &ne) || !ne.Timeout() {
		t.Errorf("%v is no timeout", err)
	}
	limited := newDialer(t, &dial.Dialer{Timeout: 20 * time.Millisecond})
	if _, err := limited.DialContext(bg, "tcp", hang.String()); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// The first address hangs: the second is tried FallbackDelay later, and wins.
func TestRaceHangingFirst(t *testing.T) {
	noLeak(t)
	good := serve(t, "tcp4", "127.0.0.1:0", echo)
	blackHoleAt(t, "127.0.0.2", good.port())
	const delay = 50 * time.Millisecond
	d := newDialer(t, &dial.Dialer{FallbackDelay: delay, Resolver: names{"db.test": ips("127.0.0.2", "127.0.0.1")}})
	talk(t, connect(t, d, "tcp", good.addr())) // the ring has its descriptors from here on
	leavesNothing(t, func() {
		began := time.Now()
		c := connect(t, d, "tcp", fmt.Sprint("db.test:", good.port()))
		if took := time.Since(began); took < delay { // and not for ever, as the first would have it
			t.Errorf("took %v, want %v at least", took, delay)
		}
		talk(t, c)
		c.Close()
	})
}

// The first address refuses: the second is tried at once.
func TestRaceRefusingFirst(t *testing.T) {
	noLeak(t)
	good := serve(t, "tcp4", "127.0.0.1:0", echo)
	d := newDialer(t, &dial.Dialer{FallbackDelay: time.Hour, Resolver: names{"db.test": ips("127.0.0.2", "127.0.0.3", "127.0.0.1")}})
	if !linux {
		t.Skip("127.0.0.2 is not everywhere")
	}
	talk(t, connect(t, d, "tcp", fmt.Sprint("db.test:", good.port())))
}

// Both addresses are good: one connection is made, not two.
func TestRaceGoodFirst(t *testing.T) {
	noLeak(t)
	if !linux {
		t.Skip("127.0.0.2 is not everywhere")
	}
	first := serve(t, "tcp4", "127.0.0.1:0", echo)
	second := serve(t, "tcp4", fmt.Sprint("127.0.0.2:", first.port()), echo)
	d := newDialer(t, &dial.Dialer{FallbackDelay: time.Minute, Resolver: names{"db.test": ips("127.0.0.1", "127.0.0.2")}})
	for range 20 {
		talk(t, connect(t, d, "tcp", fmt.Sprint("db.test:", first.port())))
	}
	if a, b := first.accepts.Load(), second.accepted(t); a != 20 || b != 0 {
		t.Errorf("%d and %d connections", a, b)
	}
}

// All addresses fail: each is told, in order.
func TestRaceAllFail(t *testing.T) {
	noLeak(t)
	if !linux {
		t.Skip("127.0.0.2 is not everywhere")
	}
	port := refusing(t)
	var list []string
	for i := range 8 {
		list = append(list, fmt.Sprint("127.0.0.", i+1))
	}
	d := newDialer(t, &dial.Dialer{Resolver: names{"db.test": ips(list...)}})
	var err error
	leavesNothing(t, func() { _, err = d.DialContext(bg, "tcp", fmt.Sprint("db.test:", port)) })
	failures := addrErrors(err)
	if len(failures) != 8 {
		t.Fatalf("%d failures told of 8: %v", len(failures), err)
	}
	for i, e := range failures {
		if e.Addr.Addr().String() != list[i] || !errors.Is(e, syscall.ECONNREFUSED) {
			t.Errorf("failure %d: %v", i, e)
		}
	}
	if text := err.Error(); strings.Count(text, "refused") != 8 {
		t.Errorf("%q", text)
	}
}

// addrErrors collects every AddrError that err wraps.
func addrErrors(err error) (list []*dial.AddrError) {
	switch e := err.(type) {
	case *dial.AddrError:
		return []*dial.AddrError{e}
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			list = append(list, addrErrors(one)...)
		}
	case interface{ Unwrap() error }:
		return addrErrors(e.Unwrap())
	}
	return list
}

// All addresses hang and the caller gives up in the middle: those that were tried
// are told, and no descriptor is left.
func TestRaceCancelled(t *testing.T) {
	noLeak(t)
	hang := blackHole(t, "127.0.0.1")
	blackHoleAt(t, "127.0.0.2", hang.Port())
	blackHoleAt(t, "127.0.0.3", hang.Port())
	d := newDialer(t, &dial.Dialer{FallbackDelay: 10 * time.Millisecond, Resolver: names{"db.test": ips("127.0.0.1", "127.0.0.2", "127.0.0.3")}})
	ctx, cancel := context.WithCancelCause(bg)
	defer cancel(nil)
	mine := errors.New("mine")
	leavesNothing(t, func() {
		done := make(chan error, 1)
		go func() {
			_, err := d.DialContext(ctx, "tcp", fmt.Sprint("db.test:", hang.Port()))
			done <- err
		}()
		for _, ip := range ips("127.0.0.1", "127.0.0.2", "127.0.0.3") {
			waitFor(t, "an attempt", func() bool { return synSent(netip.AddrPortFrom(ip, hang.Port())) })
		}
		cancel(mine)
		err := <-done
		if n := len(addrErrors(err)); n != 3 || !errors.Is(err, mine) || !errors.Is(err, context.Canceled) {
			t.Errorf("%d addresses told: %v", n, err)
		}
	})
}

// A negative FallbackDelay: one address after another, each with its share.
func TestOneAfterAnother(t *testing.T) {
	noLeak(t)
	good := serve(t, "tcp4", "127.0.0.1:0", echo)
	blackHoleAt(t, "127.0.0.2", good.port())
	d := newDialer(t, &dial.Dialer{FallbackDelay: -1, Resolver: names{"db.test": ips("127.0.0.2", "127.0.0.1")}})
	ctx, cancel := within(5 * time.Second)
	defer cancel()
	began := time.Now()
	c, err := d.DialContext(ctx, "tcp", fmt.Sprint("db.test:", good.port()))
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if took := time.Since(began); took < 2*time.Second {
		t.Errorf("took %v, want half of 5 s", took)
	}
}

// How long an attempt has: FallbackDelay until the next begins beside it, or, one
// after another, its share of what is left.
func TestTimesOfAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for set, want := range map[time.Duration]time.Duration{0: 250 * time.Millisecond, -5: -1, 1: 10 * time.Millisecond, time.Second: time.Second} {
			if got := dial.Delay(&dial.Dialer{FallbackDelay: set}); got != want {
				t.Errorf("delay %v for %v, want %v", got, set, want)
			}
		}
		for _, s := range []struct {
			delay, left time.Duration
			behind      int
			want        time.Duration
		}{
			{-1, 30 * time.Second, 2, 10 * time.Second}, // equal parts
			{-1, 5 * time.Second, 1, 2500 * time.Millisecond},
			{-1, 3 * time.Second, 1, 2 * time.Second}, // no less
			{-1, time.Second, 1, time.Second},         // than there is
			{-1, 30 * time.Second, 0, 0},              // the last has until the end
			{0, 30 * time.Second, 2, 0},               // side by side
			{-1, 0, 2, 0},                             // no end
		} {
			ctx, cancel := bg, func() {}
			if s.left > 0 {
				ctx, cancel = within(s.left)
			}
			if got := dial.Share(ctx, &dial.Dialer{FallbackDelay: s.delay}, s.behind); got != s.want {
				t.Errorf("%+v: %v", s, got)
			}
			cancel()
		}
	})
}

// Dials in crowds, many of them given up in the middle: nothing is left.
func TestDialStorm(t *testing.T) {
	noLeak(t)
	s := serve(t, "tcp4", "127.0.0.1:0", func(c net.Conn) { c.Close() })
	d := newDialer(t, nil)
	connect(t, d, "tcp", s.addr()).Close()
	var fine atomic.Int64
	leavesNothing(t, func() { storm(t, d, s, &fine) })
	if n := fine.Load(); n < 16*30 {
		t.Errorf("%d dials succeeded", n)
	}
}

func storm(t *testing.T, d *dial.Dialer, s *server, fine *atomic.Int64) {
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := range 60 {
				ctx, cancel := context.WithCancel(bg)
				if (w+i)%2 == 0 {
					time.AfterFunc(time.Duration(i%7)*20*time.Microsecond, cancel)
				}
				c, err := d.DialContext(ctx, "tcp", s.addr())
				switch {
				case err == nil:
					fine.Add(1)
					c.Close()
				case !errors.Is(err, context.Canceled):
					t.Error(err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
}

// The order of RFC 8305: families take turns, within a family the order stays.
func TestInterleave(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var addrs []netip.AddrPort
		for i, v4 := range rapid.SliceOfN(rapid.Bool(), 0, 12).Draw(t, "families") {
			ip := netip.AddrFrom16([16]byte{0xfd, 15: byte(i)})
			if v4 {
				ip = netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})
			}
			addrs = append(addrs, netip.AddrPortFrom(ip, 80))
		}
		given := slices.Clone(addrs)
		order := dial.Interleave(addrs)
		if !slices.Equal(given, addrs) {
			t.Fatal("the input was changed")
		}
		if len(order) != len(addrs) || len(addrs) > 0 && order[0] != addrs[0] {
			t.Fatalf("%v from %v", order, addrs)
		}
		family := func(list []netip.AddrPort, v4 bool) (of []netip.AddrPort) {
			for _, a := range list {
				if a.Addr().Is4() == v4 {
					of = append(of, a)
				}
			}
			return of
		}
		fours, sixes := family(addrs, true), family(addrs, false)
		if !slices.Equal(family(order, true), fours) || !slices.Equal(family(order, false), sixes) {
			t.Fatalf("a family was reordered: %v from %v", order, addrs)
		}
		for i := range 2*min(len(fours), len(sixes)) - 1 {
			if order[i].Addr().Is4() == order[i+1].Addr().Is4() {
				t.Fatalf("families do not take turns: %v", order)
			}
		}
	})
}
