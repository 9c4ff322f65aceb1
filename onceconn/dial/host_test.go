package dial_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/interlock/aio"
	"example.com/interlock/onceconn/dial"
)

var bg = context.Background()

func within(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(bg, d)
}

// server is a peer of the tests: it accepts, counts, and hands each connection to
// behave, which owns it.
type server struct {
	net.Listener
	accepts atomic.Int64
	markers atomic.Int64 // of these, made by accepted
	mu      sync.Mutex
	conns   []net.Conn
	closed  bool
	behave  func(net.Conn)
}

// serve listens; a nil behave keeps connections open.
func serve(t testing.TB, network, address string, behave func(net.Conn)) *server {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Skipf("no %s here: %v", network, err) // IPv6 is what some machines lack
	}
	s := &server{Listener: l, behave: behave}
	go s.run()
	t.Cleanup(s.stop)
	return s
}

func (s *server) run() {
	for {
		c, err := s.Accept()
		if err != nil {
			return
		}
		s.accepts.Add(1)
		s.mu.Lock()
		if s.closed {
			c.Close()
		}
		s.conns = append(s.conns, c)
		s.mu.Unlock()
		if s.behave != nil {
			go s.behave(c)
		}
	}
}

// stop closes the listener and every connection: the server dies.
func (s *server) stop() {
	s.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, c := range s.conns {
		c.Close()
	}
	s.conns = nil
}

// conn returns the i-th connection that was accepted.
func (s *server) conn(t testing.TB, i int) net.Conn {
	t.Helper()
	waitFor(t, "an accept", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.conns) > i })
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns[i]
}

// accepted returns how many connections were accepted of those that are connected
// now. A dial is over before its accept: so one more is made, and since they are
// accepted in their order, all others have been when that one is.
func (s *server) accepted(t testing.TB) int64 {
	t.Helper()
	c, err := net.Dial(s.Addr().Network(), s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s.markers.Add(1)
	waitFor(t, "the accept of the last", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return slices.ContainsFunc(s.conns, func(far net.Conn) bool { return far.RemoteAddr().String() == c.LocalAddr().String() })
	})
	return s.accepts.Load() - s.markers.Load()
}

func (s *server) addr() string { return s.Addr().String() }

func (s *server) port() uint16 { return s.Addr().(*net.TCPAddr).AddrPort().Port() }

// echo does not use io.Copy, which splices, through pipes that only the garbage
// collector closes.
func echo(c net.Conn) {
	defer c.Close()
	buf := make([]byte, 512)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return
		}
	}
}

// waitFor waits for what the kernel or a peer must bring about.
func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(200 * time.Microsecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not happen", what)
		}
	}
}

// noLeak checks at the end of the test that no descriptor is left of it.
func noLeak(t *testing.T) {
	before := descriptors()
	t.Cleanup(func() {
		if after := settle(before); after > before && !t.Skipped() {
			t.Errorf("%d descriptors left behind", after-before)
		}
	})
}

func newRing(t testing.TB) *aio.Ring {
	t.Helper()
	r, err := aio.New(nil)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no aio here")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// newDialer returns a Dialer that is closed with the test.
func newDialer(t testing.TB, d *dial.Dialer) *dial.Dialer {
	t.Helper()
	if d == nil {
		d = new(dial.Dialer)
	}
	if d.Ring == nil {
		d.Ring = newRing(t)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func connect(t testing.TB, d *dial.Dialer, network, address string) net.Conn {
	t.Helper()
	ctx, cancel := within(10 * time.Second)
	defer cancel()
	c, err := d.DialContext(ctx, network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// talk sends a line and wants it back.
func talk(t testing.TB, c net.Conn) {
	t.Helper()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, "hello\n"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 6)
	if _, err := io.ReadFull(c, buf); err != nil || string(buf) != "hello\n" {
		t.Fatalf("echo of %q: %v", buf, err)
	}
}

// names is a Resolver that knows what the test tells it.
type names map[string][]netip.Addr

func (n names) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if host == "slow.test" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if a := n[host]; a != nil {
		return a, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// lookup is a Resolver that is a function.
type lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

func (f lookup) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	return f(ctx, network, host)
}

func ips(list ...string) (addrs []netip.Addr) {
	for _, s := range list {
		addrs = append(addrs, netip.MustParseAddr(s))
	}
	return addrs
}

// socketPath gives a short path for a unix socket.
func socketPath(t testing.TB) string {
	dir, err := os.MkdirTemp("", "d")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// blackHole returns an address where connects hang: a listener whose backlog is
// full. It needs no privilege; linux drops the SYNs that find no room.
func blackHole(t testing.TB, ip string) netip.AddrPort {
	t.Helper()
	return blackHoleAt(t, ip, 0)
}

// leavesNothing checks that f leaves no descriptor behind, on a ring that stays
// open: one that closes would close them.
func leavesNothing(t *testing.T, f func()) {
	t.Helper()
	before := descriptors()
	f()
	if after := settle(before); after > before {
		t.Errorf("%d descriptors left behind", after-before)
	}
}
