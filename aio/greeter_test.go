//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/interlock/aio"
)

// greet starts the server of the example and says where it is.
func greet(t *testing.T, r *aio.Ring) string {
	t.Helper()
	l := must(r.Listen("tcp", "127.0.0.1:0", nil))
	g := &greeter{l: l}
	g.op.PrepAccept(l)
	g.op.Start(g)
	return l.LocalAddr().String()
}

// net/http's client is served over one connection for all requests in turn,
// and over many at once.
func TestGreeterWithClient(t *testing.T) {
	each(t, func(t *testing.T, r *aio.Ring) {
		at := greet(t, r)
		tr := &http.Transport{MaxIdleConnsPerHost: 20}
		defer tr.CloseIdleConnections()
		client := &http.Client{Transport: tr, Timeout: patience}
		get := func() (reused bool, err error) {
			req := must(http.NewRequest("GET", "http://"+at+"/some/where?q=1", nil))
			req = req.WithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
				GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused },
			}))
			resp, err := client.Do(req)
			if err != nil {
				return false, err
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err == nil && (resp.StatusCode != 200 || string(body) != "hello, world\n") {
				err = fmt.Errorf("%s %q", resp.Status, body)
			}
			return reused, err
		}
		fresh := 0
		for i := range 20 {
			reused, err := get()
			if err != nil {
				t.Fatalf("request %d: %v", i, err)
			}
			if !reused {
				fresh++
			}
		}
		// The client gives a connection up if its own goroutines are late.
		if fresh < 1 || fresh > 5 {
			t.Errorf("%d connections for requests one after the other", fresh)
		}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				for range 20 {
					if _, err := get(); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
	})
}

// exchange sends pieces, one after the other, and gives the responses'
// statuses, each with a + if the connection goes on, until it ends.
func exchange(t *testing.T, at string, methods string, pieces ...string) string {
	t.Helper()
	c := must(net.Dial("tcp", at)).(*net.TCPConn)
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	for _, p := range pieces {
		if _, err := io.WriteString(c, p); err != nil {
			t.Fatal(err)
		}
	}
	c.CloseWrite()
	in := bufio.NewReader(c)
	var out []string
	for _, m := range strings.Fields(methods) {
		resp, err := http.ReadResponse(in, &http.Request{Method: m})
		if err != nil {
			out = append(out, err.Error())
			break
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || m == "HEAD" != (len(body) == 0) {
			t.Errorf("body %q, %v", body, err)
		}
		s := fmt.Sprint(resp.StatusCode)
		if !resp.Close {
			s += "+"
		}
		out = append(out, s)
	}
	if rest, err := io.ReadAll(in); len(rest) > 0 || err != nil {
		t.Errorf("after the last response: %q, %v", rest, err)
	}
	return strings.Join(out, " ")
}

func TestGreeterOnTheWire(t *testing.T) {
	r := newRing(t, aio.Auto)
	at := greet(t, r)
	const one = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	letters := strings.Split(one+one, "")
	for _, c := range []struct {
		name, methods string
		pieces        []string
		want          string
	}{
		{"one", "GET", []string{one}, "200+"},
		{"byte by byte", "GET GET", letters, "200+ 200+"},
		{"pipelined", "GET GET HEAD GET", []string{one + one + "HEAD / HTTP/1.1\r\nhost:a\r\n\r\n" + one}, "200+ 200+ 200+ 200+"},
		{"many pipelined", strings.Repeat("GET ", 1000), []string{strings.Repeat(one, 1000)}, strings.TrimSpace(strings.Repeat("200+ ", 1000))},
		{"half a request more", "GET", []string{one + one[:10]}, "200+"},
		{"asked to close", "GET", []string{"GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n" + one}, "200"},
		{"1.0", "GET", []string{"GET / HTTP/1.0\r\n\r\n"}, "200"},
		{"1.0, to be kept", "GET", []string{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"}, "200"},
		{"2.0", "GET", []string{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}, "505"},
		{"no version", "GET", []string{"GET /\r\n\r\n"}, "400"},
		{"no target", "GET", []string{"GET  HTTP/1.1\r\nHost: a\r\n\r\n"}, "400"},
		{"no host", "GET", []string{"GET / HTTP/1.1\r\n\r\n"}, "400"},
		{"two hosts", "GET", []string{"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"}, "400"},
		{"no field", "GET", []string{"GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n"}, "400"},
		{"a space in a name", "GET", []string{"GET / HTTP/1.1\r\nHost : a\r\n\r\n"}, "400"},
		{"noise", "GET", []string{"\x16\x03\x01\x02\x00\r\n\r\n"}, "400"},
		{"another method", "GET", []string{"PUT / HTTP/1.1\r\nHost: a\r\n\r\n"}, "405"},
		{"a body", "GET", []string{"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"}, "413"},
		{"an empty body", "GET", []string{"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"}, "200+"},
		{"a chunked body", "GET", []string{"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}, "413"},
		{"a head that fits", "GET", []string{"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 4000) + "\r\n\r\n"}, "200+"},
		{"too large a head", "GET", []string{"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 4096), "\r\n\r\n"}, "431"},
		{"no end of a head", "GET", []string{strings.Repeat("x", 300_000)}, "431"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := exchange(t, at, c.methods, c.pieces...); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
	until(t, "the connections are closed", func() bool { return r.Stats().Pending == 1 })
}
