package integration

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"example.com/interlock/aio"
)

// serveHTTP serves h on l until the test ends.
func serveHTTP(t *testing.T, l net.Listener, h http.Handler) {
	t.Helper()
	s := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Serve(l)
	}()
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		<-done
	})
}

// digest answers a request with the hash of its body.
func digest(w http.ResponseWriter, req *http.Request) {
	h := sha256.New()
	if _, err := io.Copy(h, req.Body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprintf(w, "%x", h.Sum(nil))
}

// transport is net/http's client with its dials over r, counted.
func transport(t *testing.T, r *aio.Ring) (*http.Client, *atomic.Int64) {
	var dials atomic.Int64
	tr := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		dials.Add(1)
		to, err := net.ResolveTCPAddr(network, address)
		if err != nil {
			return nil, err
		}
		return dialRing(ctx, r, to)
	}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}, &dials
}

func TestHTTPKeepAliveAndLargeBodies(t *testing.T) {
	everyPoller(t, func(t *testing.T, r *aio.Ring) {
		l := listen(t, r, "tcp", "127.0.0.1:0")
		serveHTTP(t, l, http.HandlerFunc(digest))
		client, dials := transport(t, r)
		for _, size := range []int{0, 1, 4096, 1 << 20, 16 << 20} {
			body := bytes.Repeat([]byte("interlock."), size/10+1)[:size]
			if got, want := post(t, client, l.Addr(), body), fmt.Sprintf("%x", sha256.Sum256(body)); got != want {
				t.Errorf("%d bytes: digest %s, want %s", size, got, want)
			}
		}
		// The client gives a connection up if its own goroutines are late.
		if n := dials.Load(); n < 1 || n > 3 {
			t.Errorf("%d dials for five requests in turn, want 1: keep-alive does not work", n)
		}
	})
}

func post(t *testing.T, client *http.Client, to net.Addr, body []byte) string {
	t.Helper()
	resp, err := client.Post("http://"+to.String(), "application/octet-stream", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	p, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(p)
}

func TestHTTPManyAtOnce(t *testing.T) {
	everyPoller(t, func(t *testing.T, r *aio.Ring) {
		l := listen(t, r, "tcp", "127.0.0.1:0")
		serveHTTP(t, l, http.HandlerFunc(digest))
		client, _ := transport(t, r)
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				body := fmt.Appendf(nil, "request %d", i)
				resp, err := client.Post("http://"+l.Addr().String(), "text/plain", bytes.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				defer resp.Body.Close()
				if got, _ := io.ReadAll(resp.Body); string(got) != fmt.Sprintf("%x", sha256.Sum256(body)) {
					t.Errorf("request %d got %s", i, got)
				}
			})
		}
		wg.Wait()
	})
}

// A client that leaves in the middle of a response must end the handler's
// context: net/http reads in the background for that, and interrupts the read
// with a deadline.
func TestHTTPHandlerLearnsThatTheClientLeft(t *testing.T) {
	everyPoller(t, func(t *testing.T, r *aio.Ring) {
		l := listen(t, r, "tcp", "127.0.0.1:0")
		left := make(chan struct{})
		serveHTTP(t, l, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			<-req.Context().Done()
			close(left)
		}))
		client, _ := transport(t, r)
		resp, err := client.Get("http://" + l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		<-left
	})
}

// certificate is net/http/httptest's own, with a pool that trusts it.
func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	server = &tls.Config{Certificates: s.TLS.Certificates}
	client = s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	client.ServerName = "example.com"
	return server, client
}

func TestTLSOverConn(t *testing.T) {
	everyPoller(t, func(t *testing.T, r *aio.Ring) {
		server, client := certificate(t)
		near, far, err := pair(t, r, listen(t, r, "tcp", "127.0.0.1:0"))
		if err != nil {
			t.Fatal(err)
		}
		defer near.Close()
		defer far.Close()
		body := bytes.Repeat([]byte("secret"), 500_000)
		sent := make(chan error, 1)
		go func() {
			c := tls.Server(far, server)
			_, err := c.Write(body)
			if err == nil {
				err = c.CloseWrite()
			}
			sent <- err
		}()
		got, err := io.ReadAll(tls.Client(near, client))
		if err != nil || !bytes.Equal(got, body) {
			t.Errorf("%d of %d bytes, %v", len(got), len(body), err)
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
	})
}
