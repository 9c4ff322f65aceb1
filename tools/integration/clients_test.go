package integration

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/interlock/onceconn"
	"example.com/interlock/onceconn/dial"
)

// accepts counts what a server accepts.
type accepts struct {
	net.Listener
	n atomic.Int64
}

func (a *accepts) Accept() (net.Conn, error) {
	c, err := a.Listener.Accept()
	if err == nil {
		a.n.Add(1)
	}
	return c, err
}

func newDialer(t *testing.T) *dial.Dialer {
	t.Helper()
	d := &dial.Dialer{Timeout: 10 * time.Second}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("closing the dialer: %v", err)
		}
	})
	return d
}

// net/http's client dials through onceconn/dial.
func TestHTTPTransportDialsOverAio(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(digest))
	defer s.Close()
	client := s.Client()
	client.Transport.(*http.Transport).DialContext = newDialer(t).DialContext
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			resp, err := client.Post(s.URL, "text/plain", strings.NewReader(fmt.Sprint(i)))
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			if _, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
				t.Errorf("%s, %v", resp.Status, err)
			}
		})
	}
	wg.Wait()
	client.CloseIdleConnections()
}

// A TLS handshake inside the launch: who gets the connection can speak at
// once, and callers of one key share one handshake.
func TestTLSLaunchIsShared(t *testing.T) {
	server, client := certificate(t)
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &accepts{Listener: inner}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				secure := tls.Server(c, server)
				secure.Handshake()
				io.Copy(secure, secure)
				secure.Close()
			}()
		}
	}()
	d := newDialer(t)
	d.TLS = client
	conns := dial.NewMap(d, nil)
	defer conns.Close()
	key := dial.Addr{Network: "tcp", Address: l.Addr().String()}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := conns.Get(t.Context(), key); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	c, err := conns.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 5)
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "hello" {
		t.Errorf("%q, %v", got, err)
	}
	if n := l.n.Load(); n != 1 {
		t.Errorf("%d handshakes for 50 callers, want 1", n)
	}
}

// A real Redis that is killed and started again: the map notices the death
// and the next caller has a new connection.
func TestRedisRestart(t *testing.T) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("LOUD: no redis-server here, so no real Redis was tried: ", err)
	}
	addr := freeAddr(t)
	stop := startRedis(t, path, addr)
	d := newDialer(t)
	conns := dial.NewMap(d, &onceconn.Options[dial.Addr, *dial.Conn]{OnBackoff: onceconn.Wait})
	defer conns.Close()
	key := dial.Addr{Network: "tcp", Address: addr}

	first := ping(t, conns, key)
	if again := ping(t, conns, key); again != first {
		t.Error("two connections for one key")
	}
	stop()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, open := conns.TryGet(key); !open {
			break // the watch tells of the death; nobody asks
		}
		if time.Now().After(end) {
			t.Fatal("the watch does not tell of the death")
		}
	}
	defer startRedis(t, path, addr)()
	if ping(t, conns, key) == first {
		t.Error("the dead connection is still there")
	}
}

// freeAddr is an address that nobody listens at, and none of those that systems
// give to who asks for any: it is used some time later, and twice.
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 100 {
		addr := fmt.Sprint("127.0.0.1:", 10_000+rand.IntN(20_000))
		if l, err := net.Listen("tcp", addr); err == nil {
			l.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

// startRedis starts a server that keeps nothing and waits until it answers.
func startRedis(t *testing.T, path, addr string) (stop func()) {
	t.Helper()
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command(path, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() { cmd.Process.Kill(); cmd.Wait() })
	t.Cleanup(stop)
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			return stop
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

func ping(t *testing.T, conns *onceconn.Map[dial.Addr, *dial.Conn], key dial.Addr) *dial.Conn {
	t.Helper()
	c, err := conns.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "PING\r\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || line != "+PONG\r\n" {
		t.Fatalf("%q, %v", line, err)
	}
	return c
}
