package integration

//lint:file-ignore SA1019 Go 1.26 has no http.Transport.NewClientConn yet, by which x/net deprecates these names.

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"example.com/interlock/onceconn"
	"golang.org/x/net/http2"
)

// HTTP/2 with one connection for each key, however many requests begin at
// once: the sharing that net/http's own transport gives up when it dials once
// per waiting request.
func TestHTTP2OneConnectionPerKey(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(digest))
	counted := &accepts{Listener: s.Listener}
	s.Listener = counted
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()

	d := newDialer(t)
	config := s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	config.NextProtos = []string{"h2"}
	config.ServerName = "example.com"
	tr := &http2.Transport{}
	conns := onceconn.New(func(ctx context.Context, a *onceconn.Attempt[string]) (*http2.ClientConn, error) {
		c, err := d.DialContext(ctx, "tcp", a.Key)
		if err != nil {
			return nil, err
		}
		secure := tls.Client(c, config.Clone())
		if err := secure.HandshakeContext(ctx); err != nil {
			c.Close()
			return nil, err
		}
		return tr.NewClientConn(secure)
	}, &onceconn.Options[string, *http2.ClientConn]{
		Healthy: (*http2.ClientConn).CanTakeNewRequest,
	})
	defer conns.Close()

	key := s.Listener.Addr().String()
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			err := conns.Do(t.Context(), key, func(c *http2.ClientConn) error {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, strings.NewReader(fmt.Sprint(i)))
				if err != nil {
					return err
				}
				resp, err := c.RoundTrip(req)
				if err != nil {
					return err
				}
				defer resp.Body.Close()
				_, err = io.ReadAll(resp.Body)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := counted.n.Load(); n != 1 {
		t.Errorf("%d connections for 100 requests of one key, want 1", n)
	}
}
