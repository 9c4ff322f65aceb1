//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"example.com/interlock/aio"
)

// greeter is an HTTP/1.1 server in completion style that answers GET and HEAD
// with a greeting. It has no goroutine but the ring's.
type greeter struct {
	op aio.Op
	l  *aio.FD
}

// Complete is called with each connection.
func (g *greeter) Complete(op *aio.Op) {
	if _, err := op.Result(); err != nil {
		return // the listener is closed
	}
	c := &greeted{fd: op.Accepted()}
	c.next(&c.op, reading)
	c.op.Start(c)
	op.Start(g)
}

// greeted is one connection: an Op, and a buffer for what is read. The
// responses are kept only while they are written.
type greeted struct {
	op    aio.Op
	fd    *aio.FD
	state int
	in    [4096]byte // a request's head fits, or is refused
	n     int        // so much of it is used
	out   []byte     // responses to all complete requests in it
	last  bool       // the connection ends after out
}

const (
	reading = iota
	writing
	leaving // the last response is sent; the client has not closed yet
)

// Complete is called when what next has prepared is done, and goes on for as
// long as there is something to do at once.
func (c *greeted) Complete(op *aio.Op) {
	for {
		n, err := op.Result()
		if err != nil { // io.EOF, a client that is gone, or one that says nothing
			c.fd.Close()
			return
		}
		switch c.state {
		case reading:
			c.n += n
			if c.serve(); len(c.out) > 0 {
				c.next(op, writing)
			} else {
				c.next(op, reading)
			}
		case writing:
			if c.out = nil; !c.last {
				c.next(op, reading)
				break
			}
			// Closing now, with requests unread, would reset the connection
			// and take the response away from the client.
			c.fd.Shutdown(syscall.SHUT_WR)
			c.next(op, leaving)
		case leaving:
			c.next(op, leaving)
		}
		if !op.Try(c) {
			return
		}
	}
}

// next prepares an operation.
func (c *greeted) next(op *aio.Op, state int) {
	patience := 30 * time.Second
	switch c.state = state; state {
	case reading:
		op.PrepRead(c.fd, c.in[c.n:])
	case writing:
		op.PrepWriteAll(c.fd, c.out)
	case leaving:
		op.PrepRead(c.fd, c.in[:])
		patience = 5 * time.Second
	}
	op.SetDeadline(time.Now().Add(patience))
}

// serve answers all complete requests that were read.
func (c *greeted) serve() {
	in := c.in[:c.n]
	for !c.last {
		head, rest, ok := bytes.Cut(in, []byte("\r\n\r\n"))
		if !ok {
			break
		}
		in = rest
		c.answer(string(head))
	}
	if c.n = copy(c.in[:], in); c.n == len(c.in) && !c.last {
		c.respond(http.StatusRequestHeaderFieldsTooLarge, true, "")
	}
}

// answer appends the response to one request.
func (c *greeted) answer(head string) {
	line, fields, _ := strings.Cut(strings.TrimLeft(head, "\r\n"), "\r\n")
	method, rest, _ := strings.Cut(line, " ")
	target, version, ok := strings.Cut(rest, " ")
	major, minor, valid := http.ParseHTTPVersion(version)
	hosts, keep, length, bad := readFields(fields)
	switch {
	case !ok || !valid || target == "" || bad || minor > 0 && hosts != 1:
		c.respond(http.StatusBadRequest, true, "")
	case major != 1:
		c.respond(http.StatusHTTPVersionNotSupported, true, "")
	case length:
		c.respond(http.StatusRequestEntityTooLarge, true, "")
	case method != "GET" && method != "HEAD":
		c.respond(http.StatusMethodNotAllowed, true, "")
	default:
		c.last = !keep || minor == 0 // an older client asks before it expects more
		c.respond(http.StatusOK, method == "GET", "hello, world\n")
	}
}

// readFields looks for what matters here among a request's fields.
func readFields(fields string) (hosts int, keep, length, bad bool) {
	keep = true
	for line := range strings.SplitSeq(fields, "\r\n") {
		name, value, ok := strings.Cut(line, ":")
		if line == "" {
			continue
		}
		value = strings.ToLower(strings.Trim(value, " \t"))
		switch bad = bad || !ok || name == "" || strings.ContainsAny(name, " \t"); strings.ToLower(name) {
		case "host":
			hosts++
		case "connection":
			keep = keep && value != "close"
		case "content-length":
			length = length || value != "0"
		case "transfer-encoding":
			length = true
		}
	}
	return hosts, keep, length, bad
}

// respond appends a response. All but 200 are the last.
func (c *greeted) respond(status int, withBody bool, body string) {
	connection := ""
	if status != http.StatusOK {
		c.last, body = true, http.StatusText(status)+"\n"
	}
	if c.last {
		connection = "Connection: close\r\n"
	}
	c.out = fmt.Appendf(c.out, "HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %s\r\n%s\r\n",
		status, http.StatusText(status), strconv.Itoa(len(body)), connection)
	if withBody {
		c.out = append(c.out, body...)
	}
}

// An HTTP/1.1 server in completion style: connections are kept alive, requests
// may come in pieces or many at once, and what a client can make the server
// keep is bounded.
func Example_http() {
	ring, err := aio.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer ring.Close()
	l, err := ring.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		log.Fatal(err)
	}
	g := &greeter{l: l}
	g.op.PrepAccept(l)
	g.op.Start(g)

	url := "http://" + l.LocalAddr().String()
	for _, method := range []string{"GET", "HEAD", "DELETE"} {
		req, _ := http.NewRequest(method, url, nil)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			log.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Printf("%s: %s %q\n", method, resp.Status, body)
	}
	http.DefaultClient.CloseIdleConnections()
	// Output:
	// GET: 200 OK "hello, world\n"
	// HEAD: 200 OK ""
	// DELETE: 405 Method Not Allowed "Method Not Allowed\n"
}
