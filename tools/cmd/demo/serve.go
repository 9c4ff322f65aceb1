package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"time"
)

// farmEnv asks a process to be the farm, with that many servers.
const farmEnv = "INTERLOCK_DEMO_SERVERS"

// greetAfter is how long a server lets a new connection wait for its
// greeting: what a TLS handshake or a login takes elsewhere. It is what makes
// a launch long enough to be cancelled in its middle.
const greetAfter = 15 * time.Millisecond

// greeting is the byte that ends a launch.
const greeting = '+'

// serveChild is the farm's main function. It reports false in any other
// process.
func serveChild() bool {
	n, err := strconv.Atoi(os.Getenv(farmEnv))
	if err != nil {
		return false
	}
	if err := serveFarm(n, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "demo: servers:", err)
		os.Exit(1)
	}
	return true
}

// serveFarm starts n servers, writes their addresses to out and obeys in
// until it ends.
func serveFarm(n int, in io.Reader, out io.Writer) error {
	servers, addrs := make([]*server, n), make([]string, n)
	for i := range servers {
		servers[i] = &server{}
		if err := servers[i].open("127.0.0.1:0"); err != nil {
			return err
		}
		addrs[i] = servers[i].addr
	}
	answer := json.NewEncoder(out)
	if err := answer.Encode(addrs); err != nil {
		return err
	}
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var verb string
		var i int
		if _, err := fmt.Sscan(lines.Text(), &verb, &i); err != nil {
			return err
		}
		reply, err := obey(servers, verb, i)
		if err != nil {
			return err
		}
		if err := answer.Encode(reply); err != nil {
			return err
		}
	}
	return nil
}

func obey(servers []*server, verb string, i int) (reply any, err error) {
	switch verb {
	case "kill": // the listener and every connection, as if the process were gone
		servers[i].kill()
	case "open":
		err = servers[i].open(servers[i].addr)
	case "counts":
		counts := make([]int, len(servers))
		for i, s := range servers {
			counts[i] = s.count()
		}
		return counts, nil
	case "reset":
		for _, s := range servers {
			if err = s.reset(); err != nil {
				break
			}
		}
	default:
		err = fmt.Errorf("unknown command %q", verb)
	}
	return true, err
}

// A server echoes what comes, on a port that it keeps over a kill.
type server struct {
	addr string

	mu       sync.Mutex // protects the fields below
	listener net.Listener
	conns    map[net.Conn]bool
	accepted int
}

// open listens on addr. A server that listens already goes on.
func (s *server) open(addr string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		return nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	s.listener, s.addr, s.conns = l, l.Addr().String(), make(map[net.Conn]bool)
	go s.accept(l)
	return nil
}

func (s *server) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		alive := s.listener == l
		if alive {
			s.accepted++
			s.conns[c] = true
		}
		s.mu.Unlock()
		if !alive {
			abort(c)
			return
		}
		go s.echo(c)
	}
}

func (s *server) echo(c net.Conn) {
	time.Sleep(greetAfter)
	if _, err := c.Write([]byte{greeting}); err == nil {
		io.Copy(c, c)
	}
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	c.Close()
}

func (s *server) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return
	}
	s.listener.Close()
	s.listener = nil
	for c := range s.conns {
		abort(c)
	}
	s.conns = nil
}

// abort closes c with a reset, so that its port is free at once.
func abort(c net.Conn) {
	c.(*net.TCPConn).SetLinger(0)
	c.Close()
}

func (s *server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

func (s *server) reset() error {
	s.kill()
	s.mu.Lock()
	s.accepted = 0
	s.mu.Unlock()
	return s.open(s.addr)
}
