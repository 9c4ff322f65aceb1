package dial_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/interlock/aio"
	"example.com/interlock/onceconn/dial"
)

func TestDialTCP(t *testing.T) {
	noLeak(t)
	d := newDialer(t, &dial.Dialer{Timeout: -1}) // as none
	for _, listen := range []struct{ network, address string }{{"tcp4", "127.0.0.1:0"}, {"tcp6", "[::1]:0"}} {
		t.Run(listen.network, func(t *testing.T) {
			s := serve(t, listen.network, listen.address, echo)
			for _, network := range []string{"tcp", listen.network} {
				c := connect(t, d, network, s.addr())
				talk(t, c)
				if c.RemoteAddr().String() != s.addr() || c.LocalAddr().Network() != "tcp" {
					t.Errorf("from %v to %v", c.LocalAddr(), c.RemoteAddr())
				}
				if err := c.(*dial.Conn).CloseWrite(); err != nil {
					t.Error(err)
				}
				if _, err := c.Read(make([]byte, 1)); err != io.EOF {
					t.Errorf("after CloseWrite: %v", err)
				}
			}
		})
	}
}

func TestDialHosts(t *testing.T) {
	noLeak(t)
	s := serve(t, "tcp4", "127.0.0.1:0", echo)
	d := newDialer(t, &dial.Dialer{Resolver: names{"db.test": ips("::ffff:127.0.0.1", "127.0.0.1")}})
	for _, host := range []string{"", "0.0.0.0", "127.0.0.1", "db.test", "::ffff:127.0.0.1"} {
		talk(t, connect(t, d, "tcp4", net.JoinHostPort(host, fmt.Sprint(s.port()))))
	}
	if n := s.accepted(t); n != 5 {
		t.Errorf("%d connections for 5 dials", n)
	}
	if here, err := net.DefaultResolver.LookupNetIP(bg, "ip4", "localhost"); err != nil || !here[0].IsLoopback() {
		t.Logf("the system does not know localhost: %v, %v", here, err)
		return
	}
	plain := newDialer(t, nil) // asks the system
	talk(t, connect(t, plain, "tcp4", fmt.Sprint("localhost:", s.port())))
}

// Which addresses are tried, and in which order: nothing is connected, for Control
// refuses.
func TestDialOrder(t *testing.T) {
	noLeak(t)
	var asked []string
	known := names{"odd.test": append(ips("::ffff:127.0.0.1", "127.0.0.1", "fe80::1%9", "127.0.0.1", "::2"), netip.Addr{}), "none.test": {}, "zero.test": {{}}}
	no := errors.New("no")
	d := newDialer(t, &dial.Dialer{
		Resolver: lookup(func(ctx context.Context, network, host string) ([]netip.Addr, error) {
			asked = append(asked, network)
			return known.LookupNetIP(ctx, network, host)
		}),
		Control: func(string, string, syscall.RawConn) error { return no },
	})
	for _, to := range []struct{ network, address, tried, asked string }{
		{"tcp", ":http", "127.0.0.1:80 [::1]:80", ""},
		{"tcp6", ":80", "[::1]:80", ""},
		{"tcp", "0.0.0.0:80", "127.0.0.1:80", ""},
		{"tcp", "[::ffff:0.0.0.0]:80", "127.0.0.1:80", ""},
		{"tcp6", "0.0.0.0:80", "", ""},
		{"tcp", "[::]:80", "[::1]:80 127.0.0.1:80", ""},
		{"tcp4", "[::]:80", "127.0.0.1:80", ""},
		{"tcp4", "[::ffff:127.0.0.2]:80", "127.0.0.2:80", ""},
		{"tcp", "[fe80::1%9]:80", "[fe80::1%9]:80", ""},
		{"tcp", "odd.test:80", "127.0.0.1:80 [fe80::1%9]:80 [::2]:80", "ip"},
		{"tcp4", "odd.test:80", "127.0.0.1:80", "ip4"},
		{"tcp6", "odd.test:80", "[fe80::1%9]:80 [::2]:80", "ip6"},
		{"tcp", "none.test:80", "", "ip"},
		{"tcp", "zero.test:80", "", "ip"},
	} {
		asked = nil
		_, err := d.DialContext(bg, to.network, to.address)
		var tried []string
		for _, e := range addrErrors(err) {
			tried = append(tried, e.Addr.String())
		}
		if got := strings.Join(tried, " "); got != to.tried || strings.Join(asked, " ") != to.asked {
			t.Errorf("%s %s: tried %s, asked for %v", to.network, to.address, got, asked)
		}
		if to.tried == "" && (err == nil || !strings.Contains(err.Error(), "no suitable address")) || to.tried != "" && !errors.Is(err, no) {
			t.Errorf("%s %s: %v", to.network, to.address, err)
		}
	}
}

// An error of the Resolver's that looks like a dial's is not taken for this dial's.
func TestResolversOwnDialFails(t *testing.T) {
	noLeak(t)
	d := newDialer(t, &dial.Dialer{Resolver: lookup(func(context.Context, string, string) ([]netip.Addr, error) {
		return nil, &net.OpError{Op: "dial", Net: "udp", Err: syscall.ENETUNREACH}
	})})
	_, err := d.DialContext(bg, "tcp", "db.test:1")
	if op, ok := err.(*net.OpError); !ok || op.Net != "tcp" || op.Addr.String() != "db.test:1" || op.Addr.Network() != "tcp" || !errors.Is(err, syscall.ENETUNREACH) {
		t.Errorf("%v", err)
	}
}

func TestDialUnix(t *testing.T) {
	noLeak(t)
	d := newDialer(t, nil)
	path := socketPath(t)
	serve(t, "unix", path, echo)
	c := connect(t, d, "unix", path)
	talk(t, c)
	if c.RemoteAddr().Network() != "unix" {
		t.Errorf("remote address is of %s", c.RemoteAddr().Network())
	}
}

// Each failure is told with its address, in a *net.OpError.
func TestRefused(t *testing.T) {
	noLeak(t)
	address := fmt.Sprint("127.0.0.1:", refusing(t))
	d := newDialer(t, nil)
	for range 50 {
		c, err := d.DialContext(bg, "tcp", address)
		var op *net.OpError
		var at *dial.AddrError
		if c != nil || !errors.Is(err, syscall.ECONNREFUSED) || !errors.As(err, &op) || !errors.As(err, &at) {
			t.Fatalf("%v, %v", c, err)
		}
		if op.Op != "dial" || op.Net != "tcp" || op.Addr.String() != address || op.Timeout() || at.Addr.String() != address {
			t.Fatalf("%#v, %v", op, at)
		}
		if text := err.Error(); at.Err != syscall.ECONNREFUSED || text != fmt.Sprintf("dial tcp %s: %[1]s: connection refused", address) {
			t.Fatalf("%q, %#v", text, at.Err)
		}
	}
}

func TestBadAddresses(t *testing.T) {
	noLeak(t)
	d := newDialer(t, &dial.Dialer{Resolver: names{"v4.test": ips("127.0.0.1")}})
	for _, bad := range []struct{ network, address, want string }{
		{"udp", "127.0.0.1:1", "unknown network"},
		{"", "127.0.0.1:1", "unknown network"},
		{"tcp", "127.0.0.1", "missing port"},
		{"tcp", "127.0.0.1:no-such-service", "unknown port"},
		{"tcp", "nowhere.test:1", "no such host"},
		{"tcp6", "v4.test:1", "no suitable address"},
		{"tcp6", "127.0.0.1:1", "no suitable address"},
	} {
		c, err := d.DialContext(bg, bad.network, bad.address)
		var op *net.OpError
		if c != nil || !errors.As(err, &op) || op.Op != "dial" || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%s %s: %v", bad.network, bad.address, err)
		}
	}
	path := socketPath(t)
	_, err := d.DialContext(bg, "unix", path)
	if list := addrErrors(err); len(list) != 1 || list[0].Addr.IsValid() || list[0].Err != syscall.ENOENT {
		t.Errorf("missing socket: %v", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := d.DialContext(bg, "unix", path); !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, syscall.ENOTSOCK) {
		t.Errorf("not a socket: %v", err)
	}
	if closed := socketPath(t); os.Getuid() != 0 { // nothing is closed to root
		serve(t, "unix", closed, nil)
		if err := os.Chmod(closed, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := d.DialContext(bg, "unix", closed); !errors.Is(err, os.ErrPermission) {
			t.Errorf("a socket of somebody else's: %v", err)
		}
	}
	if _, err := d.DialContext(bg, "unix", strings.Repeat("x", 1000)); err == nil {
		t.Error("a path that is too long was dialled")
	}
}

func TestContexts(t *testing.T) {
	noLeak(t)
	d := newDialer(t, &dial.Dialer{Resolver: names{}})
	ended, cancel := context.WithCancelCause(bg)
	mine := errors.New("mine")
	cancel(mine)
	if _, err := d.DialContext(ended, "tcp", "127.0.0.1:1"); !errors.Is(err, mine) {
		t.Error(err)
	}
	if _, err := d.DialContext(ended, "tcp", "127.0.0.1:1"); !errors.Is(err, context.Canceled) || !strings.HasSuffix(err.Error(), ": mine") {
		t.Error(err)
	}
	late, stopLate := context.WithTimeoutCause(bg, time.Millisecond, &net.OpError{Op: "wait", Err: mine}) // a cause that is no timeout
	defer stopLate()
	_, err := d.DialContext(late, "tcp", "slow.test:1")
	var ne net.Error
	if !errors.Is(err, mine) || !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &ne) || !ne.Timeout() {
		t.Errorf("a deadline with a cause: %v", err)
	}
	short, stop := within(10 * time.Millisecond)
	defer stop()
	_, err = d.DialContext(short, "tcp", "slow.test:1")
	var op *net.OpError
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &op) || !op.Timeout() {
		t.Errorf("slow resolver: %v", err)
	}
	own := newDialer(t, &dial.Dialer{Resolver: names{}, Timeout: 10 * time.Millisecond})
	if _, err := own.DialContext(bg, "tcp", "slow.test:1"); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Dialer.Timeout: %v", err)
	}
}

func TestControl(t *testing.T) {
	noLeak(t)
	s := serve(t, "tcp4", "127.0.0.1:0", echo)
	path := socketPath(t)
	serve(t, "unix", path, echo)
	var seen []string
	var fail error
	d := newDialer(t, &dial.Dialer{Control: func(network, address string, c syscall.RawConn) error {
		seen = append(seen, network+" "+address)
		if err := c.Control(func(fd uintptr) {
			if fd == 0 {
				t.Error("no descriptor")
			}
		}); err != nil {
			t.Error(err)
		}
		return fail
	}})
	talk(t, connect(t, d, "tcp", s.addr()))
	talk(t, connect(t, d, "unix", path))
	if want := []string{"tcp4 " + s.addr(), "unix " + path}; fmt.Sprint(seen) != fmt.Sprint(want) {
		t.Errorf("Control saw %v", seen)
	}
	fail = errors.New("no")
	var err error
	leavesNothing(t, func() { _, err = d.DialContext(bg, "tcp", s.addr()) })
	var at *dial.AddrError
	if !errors.Is(err, fail) || !errors.As(err, &at) || at.Addr.String() != s.addr() {
		t.Errorf("Control's error: %v", err)
	}
	if _, err := d.DialContext(bg, "unix", path); !errors.Is(err, fail) || len(addrErrors(err)) != 1 {
		t.Errorf("Control's error: %v", err)
	}
	d2 := newDialer(t, &dial.Dialer{Control: func(string, string, syscall.RawConn) error { panic("control") }})
	open := descriptors()
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		d2.DialContext(bg, "tcp", s.addr())
	}()
	if n := settle(open); n > open {
		t.Errorf("%d descriptors left by a panic", n-open)
	}
}

func TestDialerClose(t *testing.T) {
	noLeak(t)
	s := serve(t, "tcp4", "127.0.0.1:0", echo)
	newRing(t) // skips where there is no aio
	var d dial.Dialer
	c := connect(t, &d, "tcp", s.addr())
	talk(t, c)
	if err := errors.Join(d.Close(), d.Close()); err != nil {
		t.Error(err)
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a connection on the Dialer's own ring outlived it: %v", err)
	}
	if _, err := d.DialContext(bg, "tcp", s.addr()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	var unused dial.Dialer
	if err := unused.Close(); err != nil {
		t.Error(err)
	}
	shared := &dial.Dialer{Ring: newRing(t)}
	c = connect(t, shared, "tcp", s.addr())
	if err := shared.Close(); err != nil {
		t.Error(err)
	}
	talk(t, c) // the ring is not the Dialer's to close
	if _, err := shared.DialContext(bg, "tcp", s.addr()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("on the user's ring after Close: %v", err)
	}
	closed, err := aio.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	if _, err := (&dial.Dialer{Ring: closed}).DialContext(bg, "tcp", s.addr()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("on a closed ring: %v", err)
	}
}

// A dial that is under way when its ring is closed ends.
func TestRingClosedUnderDial(t *testing.T) {
	noLeak(t)
	hang := blackHole(t, "127.0.0.1")
	d := &dial.Dialer{Ring: newRing(t)}
	done := make(chan error, 1)
	go func() {
		_, err := d.DialContext(bg, "tcp", hang.String())
		done <- err
	}()
	waitFor(t, "the attempt", func() bool { return synSent(hang) })
	d.Ring.Close()
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

func TestTLS(t *testing.T) {
	noLeak(t)
	web := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.TLS.ServerName) }))
	defer web.Close()
	trust := web.Client().Transport.(*http.Transport).TLSClientConfig
	port := web.Listener.Addr().(*net.TCPAddr).Port
	config := &tls.Config{RootCAs: trust.RootCAs, NextProtos: []string{"http/1.1"}}
	d := newDialer(t, &dial.Dialer{TLS: config, Resolver: names{"example.com": ips("127.0.0.1"), "stranger.test": ips("127.0.0.1")}})
	c := connect(t, d, "tcp", fmt.Sprint("example.com:", port)).(*dial.Conn)
	state, ok := c.ConnectionState()
	if !ok || !state.HandshakeComplete || state.NegotiatedProtocol != "http/1.1" || state.ServerName != "example.com" {
		t.Errorf("%v %+v", ok, state)
	}
	if config.ServerName != "" {
		t.Error("the user's Config was changed")
	}
	if _, ok := c.NetConn().(*tls.Conn); !ok {
		t.Errorf("NetConn is a %T", c.NetConn())
	}
	named := config.Clone()
	named.ServerName = "example.com"
	connect(t, newDialer(t, &dial.Dialer{TLS: named, Resolver: d.Resolver}), "tcp", fmt.Sprint("stranger.test:", port)).Close()
	back, err := dial.FallBack(d, bg, "tcp", fmt.Sprint("127.0.0.1:", port))
	if err != nil {
		t.Fatalf("fall back: %v", err)
	}
	back.Close()
	_, err = d.DialContext(bg, "tcp", fmt.Sprint("stranger.test:", port))
	var cert *tls.CertificateVerificationError
	if !errors.As(err, &cert) {
		t.Errorf("dialled a stranger: %v", err)
	}
	client := &http.Client{Transport: &http.Transport{DialTLSContext: d.DialContext}}
	defer client.CloseIdleConnections()
	resp, err := client.Get(fmt.Sprint("https://example.com:", port))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if string(body) != "example.com" {
		t.Errorf("server saw %q", body)
	}
	plain := newDialer(t, nil)
	if _, ok := connect(t, plain, "tcp", web.Listener.Addr().String()).(*dial.Conn).ConnectionState(); ok {
		t.Error("TLS without a Config")
	}
}

// A function of the user's panics during the handshake: the connection is closed.
func TestTLSPanic(t *testing.T) {
	noLeak(t)
	web := httptest.NewTLSServer(http.NotFoundHandler())
	defer web.Close()
	d := newDialer(t, &dial.Dialer{TLS: &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(tls.ConnectionState) error { panic("mine") }}})
	connect(t, &dial.Dialer{Ring: d.Ring}, "tcp", web.Listener.Addr().String()).Close() // the ring has its descriptors from here on
	leavesNothing(t, func() {
		defer func() {
			if p := recover(); p != "mine" {
				t.Errorf("the panic became %v", p)
			}
		}()
		d.DialContext(bg, "tcp", web.Listener.Addr().String())
	})
}

// A path is no host, whatever is in it: TLS over a unix socket needs a ServerName.
func TestTLSOverUnix(t *testing.T) {
	noLeak(t)
	path := socketPath(t) + ":1"
	serve(t, "unix", path, nil)
	d := newDialer(t, &dial.Dialer{TLS: new(tls.Config)})
	ctx, cancel := within(5 * time.Second)
	defer cancel()
	for name, f := range map[string]func(context.Context, string, string) (net.Conn, error){
		"ring":      d.DialContext,
		"fall back": func(ctx context.Context, n, a string) (net.Conn, error) { return dial.FallBack(d, ctx, n, a) },
	} {
		if _, err := f(ctx, "unix", path); err == nil || !strings.Contains(err.Error(), "ServerName") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A server that takes its time with the handshake, or all of it: the dial ends
// with its context, and nothing of it is left.
func TestSlowTLS(t *testing.T) {
	noLeak(t)
	mute := serve(t, "tcp4", "127.0.0.1:0", nil)
	drip := serve(t, "tcp4", "127.0.0.1:0", func(c net.Conn) {
		for _, b := range []byte{22, 3, 3, 0, 100, 2, 0, 0, 96, 3, 3} { // a ServerHello, byte by byte
			if _, err := c.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(100 * time.Millisecond) // that slow
		}
	})
	d := newDialer(t, &dial.Dialer{TLS: &tls.Config{InsecureSkipVerify: true}})
	for _, s := range []*server{mute, drip} {
		ctx, cancel := within(300 * time.Millisecond)
		began := time.Now()
		_, err := d.DialContext(ctx, "tcp", s.addr())
		cancel()
		s.conn(t, 0).SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := io.Copy(io.Discard, s.conn(t, 0)); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("the connection was not closed")
		}
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, os.ErrDeadlineExceeded) || took > 5*time.Second {
			t.Errorf("%v after %v", err, took)
		}
	}
}

func TestHTTPTransport(t *testing.T) {
	noLeak(t)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hi") }))
	defer web.Close()
	d := newDialer(t, nil)
	client := &http.Client{Transport: &http.Transport{DialContext: d.DialContext}}
	defer client.CloseIdleConnections()
	for range 3 {
		resp, err := client.Get(web.URL)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(body) != "hi" || err != nil {
			t.Errorf("%q, %v", body, err)
		}
	}
}

// Where there is no aio the Dialer dials as net.Dialer does.
func TestFallBack(t *testing.T) {
	noLeak(t)
	s := serve(t, "tcp4", "127.0.0.1:0", echo)
	d := &dial.Dialer{Timeout: time.Second}
	c, err := dial.FallBack(d, bg, "tcp", s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	talk(t, c)
	if _, err := c.ReadFrom(strings.NewReader("hello\n")); err != nil {
		t.Error(err)
	}
	raw, err := c.SyscallConn()
	if err != nil || raw == nil {
		t.Error(err)
	}
	s.stop()
	for _, bad := range []struct {
		network, address string
		addrs            int
		want             error
	}{{"tcp", s.addr(), 1, syscall.ECONNREFUSED}, {"unix", socketPath(t), 1, os.ErrNotExist}, {"tcp", "nowhere.invalid:1", 0, nil}} {
		_, err := dial.FallBack(d, bg, bad.network, bad.address)
		list := addrErrors(err)
		if err == nil || bad.want != nil && !errors.Is(err, bad.want) || len(list) != bad.addrs {
			t.Errorf("%+v: %v", bad, err)
		}
		if len(list) == 1 && list[0].Addr.IsValid() != (bad.network == "tcp") || bad.network == "tcp" && len(list) == 1 && list[0].Addr.String() != bad.address {
			t.Errorf("%+v: %v", bad, list[0].Addr)
		}
	}
	ctx, cancel := context.WithCancel(bg)
	cancel()
	if _, err := dial.FallBack(d, ctx, "tcp", s.addr()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	asked := errors.New("asked")
	d = &dial.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) { return nil, asked }}}
	if _, err := dial.FallBack(d, bg, "tcp", "nowhere.invalid:1"); err == nil || !strings.Contains(err.Error(), asked.Error()) {
		t.Errorf("the Resolver was not asked: %v", err)
	}
}

func TestConnOverAnything(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	c := &dial.Conn{Conn: a}
	defer c.Close()
	if err := c.CloseWrite(); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	if _, err := c.SyscallConn(); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}

func TestAddrErrorText(t *testing.T) {
	e := &dial.AddrError{Addr: netip.MustParseAddrPort("[::1]:80"), Err: syscall.ECONNREFUSED}
	if e.Error() != "[::1]:80: connection refused" {
		t.Error(e)
	}
	if e.Addr = (netip.AddrPort{}); e.Error() != "connection refused" {
		t.Error(e)
	}
	if got := (dial.Addr{Network: "tcp", Address: "a:1"}).String(); got != "tcp a:1" {
		t.Error(got)
	}
}
