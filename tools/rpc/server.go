package rpc

import (
	"bufio"
	"net"
	"strconv"
	"sync"
)

// A Server answers requests that carry its present token. It exists for the
// tests and the example; its faults are methods.
type Server struct {
	handle func(body []byte) ([]byte, error)
	addr   string

	mu       sync.Mutex // protects the fields below
	listener net.Listener
	conns    map[net.Conn]bool
	token    int
	counts   Counts
	wg       sync.WaitGroup
}

// Counts are what a Server has seen.
type Counts struct {
	Accepted int // connections
	Logins   int // tokens issued
	Refused  int // requests with an expired token
}

// NewServer starts a server on a free port of loopback.
func NewServer(handle func(body []byte) ([]byte, error)) (*Server, error) {
	s := &Server{handle: handle, conns: make(map[net.Conn]bool)}
	if err := s.listen("127.0.0.1:0"); err != nil {
		return nil, err
	}
	s.addr = s.listener.Addr().String()
	return s, nil
}

func (s *Server) listen(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.listener = l
	s.mu.Unlock()
	s.wg.Go(func() { s.serve(l) })
	return nil
}

// Addr is where the server listens.
func (s *Server) Addr() string { return s.addr }

// Login issues the present token.
func (s *Server) Login() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.Logins++
	return strconv.Itoa(s.token)
}

// Expire makes every token that was issued so far invalid.
func (s *Server) Expire() {
	s.mu.Lock()
	s.token++
	s.mu.Unlock()
}

// Counts returns what the server has seen so far.
func (s *Server) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// Drop resets every connection.
func (s *Server) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
}

// Restart ends the listener and every connection and listens again at the
// same address.
func (s *Server) Restart() error {
	s.Close()
	return s.listen(s.addr)
}

// Close ends the server and waits for its goroutines.
func (s *Server) Close() {
	s.listener.Close()
	s.Drop()
	s.wg.Wait()
}

func (s *Server) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			s.Drop() // what was accepted after the last Drop
			return
		}
		s.mu.Lock()
		s.counts.Accepted++
		s.conns[c] = true
		s.mu.Unlock()
		s.wg.Go(func() { s.answer(c) })
	}
}

// answer serves one connection, one goroutine a request.
func (s *Server) answer(c net.Conn) {
	var requests sync.WaitGroup
	var order sync.Mutex
	r := bufio.NewReader(c)
	for {
		f, err := readFrame(r)
		if err != nil {
			break
		}
		requests.Go(func() {
			p, err := s.one(f).encode()
			if err != nil {
				return
			}
			order.Lock()
			defer order.Unlock()
			c.Write(p)
		})
	}
	c.Close()
	requests.Wait()
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}

// admit reports whether token is the present one.
func (s *Server) admit(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	valid := token == strconv.Itoa(s.token)
	if !valid {
		s.counts.Refused++
	}
	return valid
}

func (s *Server) one(f frame) frame {
	if !s.admit(f.token) {
		return frame{id: f.id, kind: unauthorized}
	}
	body, err := s.handle(f.body)
	if err != nil {
		return frame{id: f.id, kind: failed, body: []byte(err.Error())}
	}
	return frame{id: f.id, kind: reply, body: body}
}
