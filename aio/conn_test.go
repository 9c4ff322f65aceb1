//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"example.com/interlock/aio"
)

// net/http serves over a Listener and its client goes over Conns, with
// keep-alive and large bodies.
func TestHTTP(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		l := aio.NewListener(must(r.Listen("tcp", "127.0.0.1:0", nil)))
		big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
		var conns sync.Map
		srv := &http.Server{
			Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				body, err := io.ReadAll(req.Body)
				if err != nil {
					t.Error(err)
				}
				if req.URL.Path == "/big" {
					w.Write(big)
					return
				}
				fmt.Fprintf(w, "%s %d", req.URL.Path, len(body))
			}),
			ConnState: func(c net.Conn, s http.ConnState) { conns.Store(c, s) },
		}
		served := make(chan error, 1)
		go func() { served <- srv.Serve(l) }()
		tr := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			f, err := r.Dial(ctx, network, l.Addr().(*net.TCPAddr).AddrPort())
			if err != nil {
				return nil, err
			}
			return aio.NewConn(f), nil
		}}
		client := &http.Client{Transport: tr, Timeout: patience}
		url := "http://" + l.Addr().String()
		for i := range 20 {
			resp, err := client.Post(fmt.Sprint(url, "/", i), "text/plain", strings.NewReader(strings.Repeat("x", i*1000)))
			if err != nil {
				t.Fatal(err)
			}
			body := must(io.ReadAll(resp.Body))
			resp.Body.Close()
			if want := fmt.Sprintf("/%d %d", i, i*1000); string(body) != want {
				t.Errorf("got %q, want %q", body, want)
			}
		}
		resp, err := client.Post(url+"/big", "text/plain", bytes.NewReader(big))
		if err != nil {
			t.Fatal(err)
		}
		if body := must(io.ReadAll(resp.Body)); !bytes.Equal(body, big) {
			t.Errorf("%d of %d bytes", len(body), len(big))
		}
		resp.Body.Close()
		n := 0
		conns.Range(func(any, any) bool { n++; return true })
		// The client gives a connection up if its own goroutines are late.
		if n < 1 || n > 5 {
			t.Errorf("%d connections for requests one after the other", n)
		}
		tr.CloseIdleConnections()
		if err := srv.Shutdown(soon(t)); err != nil {
			t.Error(err)
		}
		if err := <-served; err != http.ErrServerClosed {
			t.Error(err)
		}
	})
}

// crypto/tls works over Conns.
func TestTLS(t *testing.T) {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, DNSNames: []string{"test"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Now().Add(time.Hour * 24 * 365)}
	der := must(x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key))
	cert := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	pool := x509.NewCertPool()
	pool.AddCert(must(x509.ParseCertificate(der)))
	each(t, func(t *testing.T, r *aio.Ring) {
		f, g := connPair(t, r)
		server := tls.Server(aio.NewConn(f), &tls.Config{Certificates: []tls.Certificate{cert}})
		client := tls.Client(aio.NewConn(g), &tls.Config{RootCAs: pool, ServerName: "test"})
		go func() {
			io.Copy(server, server)
			server.Close()
		}()
		msg := bytes.Repeat([]byte("secret "), 50000)
		go func() {
			client.Write(msg)
			client.CloseWrite()
		}()
		if got, err := io.ReadAll(client); err != nil || !bytes.Equal(got, msg) {
			t.Errorf("%d of %d bytes: %v", len(got), len(msg), err)
		}
		client.Close()
	})
}

// connPair is a TCP connection with both ends on the ring.
func connPair(t testing.TB, r *aio.Ring) (f, g *aio.FD) {
	t.Helper()
	l := must(r.Listen("tcp", "127.0.0.1:0", nil))
	defer l.Close()
	g = must(r.Dial(soon(t), "tcp", l.LocalAddr()))
	f, _, err := l.Accept(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	return f, g
}

func TestConn(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		f, peer := tcpPair(t, r)
		c := aio.NewConn(f)
		if c.FD() != f || c.LocalAddr().String() != peer.RemoteAddr().String() || c.RemoteAddr().String() != peer.LocalAddr().String() || c.LocalAddr().Network() != "tcp" {
			t.Error(c.LocalAddr(), c.RemoteAddr())
		}
		// Deadlines are timeouts of package net's kind.
		c.SetReadDeadline(time.Now().Add(-1))
		_, err := c.Read(make([]byte, 1))
		var ne net.Error
		if !errors.As(err, &ne) || !ne.Timeout() || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read: %v", err)
		}
		c.SetDeadline(time.Time{})
		c.SetWriteDeadline(time.Now().Add(-1))
		if _, err := c.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("write: %v", err)
		}
		c.SetWriteDeadline(time.Time{})
		// ReadFrom and WriteTo.
		text := strings.Repeat("a line of text\n", 10000)
		go func() {
			n, err := c.ReadFrom(strings.NewReader(text))
			if n != int64(len(text)) || err != nil {
				t.Errorf("ReadFrom: %d %v", n, err)
			}
			c.CloseWrite()
		}()
		if got := must(io.ReadAll(peer)); string(got) != text {
			t.Errorf("%d of %d bytes", len(got), len(text))
		}
		go func() {
			io.WriteString(peer, text)
			io.WriteString(peer, "and more")
			peer.CloseWrite()
		}()
		if err := c.WaitReadable(soon(t)); err != nil {
			t.Errorf("WaitReadable: %v", err)
		}
		var b bytes.Buffer
		if n, err := c.WriteTo(&b); err != nil || b.String() != text+"and more" || n != int64(b.Len()) {
			t.Errorf("WriteTo: %d bytes, %v", n, err)
		}
		if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("at the end: %d %v", n, err)
		}
		if err := c.CloseRead(); err != nil && !errors.Is(err, syscall.ENOTCONN) {
			t.Error(err)
		}
		// The system's descriptor.
		raw := must(c.SyscallConn())
		if err := raw.Control(func(fd uintptr) {
			if int(fd) != f.Sysfd() {
				t.Error("another descriptor")
			}
		}); err != nil {
			t.Error(err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		_, rerr := c.Read(make([]byte, 1))
		_, werr := c.Write(make([]byte, 1))
		for what, err := range map[string]error{
			"Close": c.Close(), "Read": rerr, "Write": werr, "SetDeadline": c.SetDeadline(time.Now()), "CloseWrite": c.CloseWrite(),
			"Control": raw.Control(func(uintptr) { t.Error("called") }), "raw.Read": raw.Read(func(uintptr) bool { return true }),
		} {
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s after Close: %v", what, err)
			}
		}
		if c.RemoteAddr().String() != peer.LocalAddr().String() {
			t.Error("the address is gone")
		}
	})
}

func TestRawConnWaits(t *testing.T) {
	r := newRing(t, aio.Thread)
	f, conn := tcpPair(t, r)
	raw := must(aio.NewConn(f).SyscallConn())
	n := 0
	err := raw.Read(func(fd uintptr) bool {
		if n++; n == 1 {
			conn.Write([]byte("x"))
			return false
		}
		m, err := syscall.Read(int(fd), make([]byte, 9))
		return m == 1 && err == nil
	})
	if err != nil || n < 2 {
		t.Error(n, err)
	}
	if err := raw.Write(func(uintptr) bool { n = 0; return true }); err != nil || n != 0 {
		t.Error(err)
	}
	f.SetReadDeadline(time.Now().Add(-1))
	if err := raw.Read(func(uintptr) bool { return false }); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
}

func TestListener(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		l := aio.NewListener(must(r.Listen("tcp", "127.0.0.1:0", nil)))
		if l.Addr().Network() != "tcp" || l.FD().LocalAddr().String() != l.Addr().String() {
			t.Error(l.Addr())
		}
		l.SetDeadline(time.Now().Add(-1))
		if _, err := l.Accept(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("deadline: %v", err)
		}
		l.SetDeadline(time.Time{})
		go func() { pending(t, r, 1); l.Close() }()
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("closed: %v", err)
		}
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("twice: %v", err)
		}
		var e *net.OpError
		if err := l.SetDeadline(time.Now()); !errors.As(err, &e) || e.Op != "set" || e.Addr != l.Addr() || !errors.Is(err, net.ErrClosed) {
			t.Errorf("deadline of what is closed: %v", err)
		}
		path := filepath.Join(shortDir(t), "s")
		u := aio.NewListener(must(r.Listen("unix", path, nil)))
		if u.Addr().Network() != "unix" || u.Addr().String() != path {
			t.Error(u.Addr())
		}
		c := must(net.Dial("unix", path))
		defer c.Close()
		s := must(u.Accept())
		if s.LocalAddr().String() != path || s.LocalAddr().Network() != "unix" {
			t.Error(s.LocalAddr())
		}
		if _, err := must(u.SyscallConn()), error(nil); err != nil {
			t.Error(err)
		}
	})
}

func TestIO(t *testing.T) {
	r := newRing(t, aio.Thread)
	rd, wr, _ := r.Pipe()
	ctx, cancel := context.WithCancelCause(context.Background())
	in, out := rd.IO(ctx), wr.IO(ctx)
	text := strings.Repeat("text ", 100000)
	go func() {
		io.WriteString(out, text)
		out.Close()
	}()
	if got := must(io.ReadAll(in)); string(got) != text {
		t.Errorf("%d of %d bytes", len(got), len(text))
	}
	why := errors.New("why")
	cancel(why)
	if _, err := in.Read(make([]byte, 1)); err != why {
		t.Error(err)
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	if c := aio.NewConn(rd); c.LocalAddr().Network() != "pipe" || c.LocalAddr().String() != "pipe" {
		t.Error(c.LocalAddr())
	}
}

func TestTraceAndStrings(t *testing.T) {
	var waits, completes, retries int
	r := must(aio.New(&aio.Options{Poller: aio.Manual, Trace: &aio.Trace{
		Wait:     func(int) { waits++ },
		Complete: func(*aio.Op) { completes++ },
		Retry:    func(int, error, int64) { retries++ },
		Stale:    func(int) {},
	}}))
	rd, wr, _ := r.Pipe()
	var op aio.Op
	op.PrepRead(rd, make([]byte, 1))
	op.Start(aio.HandlerFunc(func(*aio.Op) {}))
	wr.Close()
	must(r.Poll(soon(t), 1))
	r.Close()
	if waits == 0 || completes != 1 || retries != 0 {
		t.Error(waits, completes, retries)
	}
	if r.Mode() != aio.Manual {
		t.Error(r.Mode())
	}
	for s, want := range map[fmt.Stringer]string{
		aio.Auto: "Auto", aio.Nested: "Nested", aio.Thread: "Thread", aio.Manual: "Manual", aio.PollerMode(9): "PollerMode(?)",
		aio.KindAuto: "KindAuto", aio.KindStream: "KindStream", aio.KindPacket: "KindPacket", aio.KindListener: "KindListener",
		aio.KindFile: "KindFile", aio.KindOther: "KindOther", aio.Kind(9): "Kind(?)",
	} {
		if s.String() != want {
			t.Errorf("%q, want %q", s, want)
		}
	}
}
