// Package relay is a TCP relay with faults, for tests: between a client and a
// server it delays, slows, stalls and cuts what passes, as a bad network
// does, without privileges and on any system.
package relay

import (
	"io"
	"net"
	"sync"
	"time"
)

// A Relay forwards the connections made to its address. All methods may be
// called at any time from any goroutine; a fault holds for the connections
// that are open and for those to come.
type Relay struct {
	target   string
	listener net.Listener
	wg       sync.WaitGroup

	mu      sync.Mutex // protects the fields below
	conns   map[net.Conn]bool
	closed  bool
	delay   time.Duration
	rate    int           // bytes a second; 0 = no limit
	resume  chan struct{} // closed while traffic flows
	passed  int64
	accepts int
}

// New starts a relay to target ("host:port") on a free port of loopback.
func New(target string) (*Relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &Relay{target: target, listener: l, conns: make(map[net.Conn]bool), resume: make(chan struct{})}
	close(r.resume)
	r.wg.Go(r.serve)
	return r, nil
}

// Addr is where clients connect to.
func (r *Relay) Addr() string { return r.listener.Addr().String() }

// SetDelay holds every chunk back for d, in each direction.
func (r *Relay) SetDelay(d time.Duration) {
	r.mu.Lock()
	r.delay = d
	r.mu.Unlock()
}

// SetRate lets so many bytes a second pass in each direction of each
// connection; 0 takes the limit away.
func (r *Relay) SetRate(bytesPerSecond int) {
	if bytesPerSecond < 0 {
		panic("relay: negative rate")
	}
	r.mu.Lock()
	r.rate = bytesPerSecond
	r.mu.Unlock()
}

// Stall lets nothing pass until Resume: connections stay open and silent, as
// after a cable was pulled.
func (r *Relay) Stall() {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.resume:
		r.resume = make(chan struct{})
	default: // stalled already
	}
}

// Resume ends a Stall; what came meanwhile passes.
func (r *Relay) Resume() {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.resume:
	default:
		close(r.resume)
	}
}

// Cut resets every connection on both sides.
func (r *Relay) Cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		reset(c)
	}
}

// Passed returns how many bytes were forwarded and how many connections
// accepted.
func (r *Relay) Passed() (bytes int64, connections int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.passed, r.accepts
}

// Close ends the relay and every connection and waits for its goroutines. A
// second Close does nothing.
func (r *Relay) Close() error {
	r.mu.Lock()
	again := r.closed
	r.closed = true
	r.mu.Unlock()
	if again {
		return nil
	}
	err := r.listener.Close()
	r.Resume()
	r.Cut()
	r.wg.Wait()
	return err
}

func (r *Relay) serve() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		if !r.keep(client) {
			reset(client)
			continue
		}
		r.wg.Go(func() { r.join(client) })
	}
}

// keep takes c into the relay's care. It reports false after Close.
func (r *Relay) keep(c net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	r.conns[c] = true
	return true
}

func (r *Relay) drop(c net.Conn) {
	r.mu.Lock()
	delete(r.conns, c)
	r.mu.Unlock()
	c.Close()
}

// join connects client to the target and forwards until both directions have
// ended. A target that refuses resets the client.
func (r *Relay) join(client net.Conn) {
	defer r.drop(client)
	server, err := net.Dial("tcp", r.target)
	if err != nil || !r.keep(server) {
		reset(client)
		return
	}
	defer r.drop(server)
	r.mu.Lock()
	r.accepts++
	r.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { r.forward(server, client) })
	both.Go(func() { r.forward(client, server) })
	both.Wait()
}

// forward copies from src to dst; the end of a stream is passed on as such,
// anything else resets both.
func (r *Relay) forward(dst, src net.Conn) {
	buf := make([]byte, 16<<10)
	for {
		n, err := src.Read(buf)
		if n > 0 && !r.pass(dst, buf[:n]) {
			break
		}
		if err == nil {
			continue
		}
		if err == io.EOF {
			dst.(*net.TCPConn).CloseWrite()
			return
		}
		break
	}
	reset(dst)
	reset(src)
}

// pass writes p to dst under the faults of the moment.
func (r *Relay) pass(dst net.Conn, p []byte) bool {
	for len(p) > 0 {
		r.mu.Lock()
		delay, rate, resume := r.delay, r.rate, r.resume
		r.mu.Unlock()
		<-resume
		n := len(p)
		if rate > 0 {
			n = min(n, max(1, rate/100)) // a hundredth of a second's worth
			delay += time.Duration(n) * time.Second / time.Duration(rate)
		}
		time.Sleep(delay)
		if _, err := dst.Write(p[:n]); err != nil {
			return false
		}
		r.mu.Lock()
		r.passed += int64(n)
		r.mu.Unlock()
		p = p[n:]
	}
	return true
}

func reset(c net.Conn) {
	c.(*net.TCPConn).SetLinger(0)
	c.Close()
}
