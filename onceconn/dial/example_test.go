package dial_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"syscall"
	"time"

	"example.com/interlock/aio"
	"example.com/interlock/onceconn"
	"example.com/interlock/onceconn/dial"
)

// listen starts a server that greets and stays.
func listen(greeting string) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, greeting)
		}
	}()
	return l
}

func ExampleNewMap() {
	server := listen("hello")
	defer server.Close()
	d := &dial.Dialer{Timeout: 5 * time.Second}
	defer d.Close()
	m := dial.NewMap(d, &onceconn.Options[dial.Addr, *dial.Conn]{IdleTimeout: time.Minute})
	defer m.Close()

	a := dial.Addr{Network: "tcp", Address: server.Addr().String()}
	for range 3 {
		if _, err := m.Get(context.Background(), a); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(m.Stats().Open, "connection")
	// Output: 1 connection
}

func ExampleAddr() {
	fmt.Println(dial.Addr{Network: "tcp", Address: "db-1:5432"})
	fmt.Println(dial.Addr{Network: "unix", Address: "/run/db.sock"})
	// Output:
	// tcp db-1:5432
	// unix /run/db.sock
}

func ExampleDialer() {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hi") }))
	defer web.Close()
	d := &dial.Dialer{FallbackDelay: 100 * time.Millisecond}
	defer d.Close()
	client := &http.Client{Transport: &http.Transport{DialContext: d.DialContext}}
	defer client.CloseIdleConnections()
	resp, err := client.Get(web.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Printf("%s\n", body)
	// Output: hi
}

// The hooks that clients have for dialling: DialContext fits them, or nearly.
func ExampleDialer_DialContext() {
	d := &dial.Dialer{}
	defer d.Close()
	var (
		httpTransport func(ctx context.Context, network, addr string) (net.Conn, error) = d.DialContext                                              // http.Transport.DialContext
		goRedis       func(ctx context.Context, network, addr string) (net.Conn, error) = d.DialContext                                              // redis.Options.Dialer
		pgx           func(ctx context.Context, network, addr string) (net.Conn, error) = d.DialContext                                              // pgconn.Config.DialFunc
		grpc                                                                            = func(ctx context.Context, addr string) (net.Conn, error) { // grpc.WithContextDialer
			return d.DialContext(ctx, "tcp", addr)
		}
	)
	fmt.Println(httpTransport != nil, goRedis != nil, pgx != nil, grpc != nil)
	// Output: true true true true
}

func ExampleDialer_Launch() {
	server := listen("hello")
	defer server.Close()
	d := &dial.Dialer{}
	defer d.Close()
	// A session on top of the connection is the launch's business too.
	type session struct {
		net.Conn
		greeting string
	}
	connect := d.Launch()
	m := onceconn.New(func(ctx context.Context, a *onceconn.Attempt[dial.Addr]) (*session, error) {
		c, err := connect(ctx, a)
		if err != nil {
			return nil, err
		}
		hello := make([]byte, 5)
		if _, err := io.ReadFull(c, hello); err != nil {
			c.Close()
			return nil, err
		}
		return &session{c, string(hello)}, nil
	}, nil)
	defer m.Close()
	s, err := m.Get(context.Background(), dial.Addr{Network: "tcp", Address: server.Addr().String()})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.greeting)
	// Output: hello
}

func ExampleConn() {
	server := listen("hello")
	defer server.Close()
	d := &dial.Dialer{}
	defer d.Close()
	c, err := d.DialContext(context.Background(), "tcp", server.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	_, secure := c.(*dial.Conn).ConnectionState()
	greeting := make([]byte, 5)
	io.ReadFull(c, greeting)
	fmt.Printf("%s, with TLS: %v\n", greeting, secure)
	// Output: hello, with TLS: false
}

func ExampleAddrError() {
	server := listen("")
	address := server.Addr().String()
	server.Close()
	d := &dial.Dialer{}
	defer d.Close()
	_, err := d.DialContext(context.Background(), "tcp", address)
	var at *dial.AddrError
	if errors.As(err, &at) {
		fmt.Println(at.Addr.String() == address, errors.Is(at, syscall.ECONNREFUSED))
	}
	// Output: true true
}

// static is a Resolver for a fixed set of names.
type static map[string]netip.Addr

func (s static) LookupNetIP(_ context.Context, network, host string) ([]netip.Addr, error) {
	if a, ok := s[host]; ok {
		return []netip.Addr{a}, nil
	}
	return nil, &net.DNSError{Err: "unknown", Name: host, IsNotFound: true}
}

func ExampleResolver() {
	server := listen("hello")
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Addr().String())
	d := &dial.Dialer{Resolver: static{"db.internal": netip.MustParseAddr("127.0.0.1")}}
	defer d.Close()
	c, err := d.DialContext(context.Background(), "tcp", "db.internal:"+port)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	fmt.Println("connected")
	// Output: connected
}

// The watch works with any connection, whoever dialled it.
func ExampleWatchConn() {
	ring, err := aio.New(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ring.Close()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	c, err := net.Dial("tcp", server.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	gone := make(chan error, 1)
	stop, err := dial.WatchConn(ring, c, dial.WatchOptions{}, func(cause error) { gone <- cause })
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	peer, _ := server.Accept()
	peer.Close()
	fmt.Println(<-gone)
	// Output: dial: peer hung up: EOF
}

// For a protocol whose server never speaks first, anything that arrives on an idle
// connection makes it useless.
func ExampleWatchOptions() {
	idle := dial.WatchOptions{EvictUnsolicited: true}
	shutdownIsFine := dial.WatchOptions{HalfCloseOK: true}
	fmt.Println(idle, shutdownIsFine)
	// Output: {false true} {true false}
}
