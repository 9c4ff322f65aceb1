package suites

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"example.com/interlock/aio"
	"example.com/interlock/tools/bench"
)

// aioBreadth measures what stands beside the echo servers: files that are
// sent, datagrams, fan-out to slow readers, deadlines.
func aioBreadth(r *bench.Runner) error {
	for _, measure := range []func(*bench.Runner, *aio.Ring) error{aioStaticFile, aioDatagrams, aioFanOut, aioDeadlines} {
		ring, err := aio.New(nil)
		if err != nil {
			return err
		}
		err = measure(r, ring)
		ring.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// aioStaticFile holds a file server over SendFile against net/http's, which
// uses sendfile too, under the same client: one connection, kept alive.
func aioStaticFile(r *bench.Runner, ring *aio.Ring) error {
	dir, err := os.MkdirTemp("", "interlock-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, size := range []int{64 << 10, 1 << 20} {
		name := fmt.Sprint(size)
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o600); err != nil {
			return err
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	std := &http.Server{Handler: http.FileServer(http.Dir(dir))}
	go std.Serve(l)
	defer std.Close()
	ours, err := ring.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		return err
	}
	files, err := openFiles(ring, dir)
	if err != nil {
		return err
	}
	go serveFiles(ours, files)
	for _, size := range []int{64 << 10, 1 << 20} {
		a, err := dialFiles(ours.LocalAddr().String(), fmt.Sprint(size))
		if err != nil {
			return err
		}
		b, err := dialFiles(l.Addr().String(), fmt.Sprint(size))
		if err != nil {
			return err
		}
		r.Pair(fmt.Sprintf("static file of %d KiB over SendFile", size>>10), bench.Bound{},
			bench.Side{Name: "aio", Run: a.fetch}, bench.Side{Name: "net/http", Run: b.fetch})
		r.Note("aio's file stays open, net/http opens it for each request")
		a.c.Close()
		b.c.Close()
		if a.err != nil || b.err != nil {
			return fmt.Errorf("fetching: %v, %v", a.err, b.err)
		}
	}
	return nil
}

// openFile is a file that is kept open: SendFile does not use its position, so
// all connections share it.
type openFile struct {
	fd   *aio.FD
	size int64
}

func openFiles(ring *aio.Ring, dir string) (map[string]openFile, error) {
	ctx := context.Background()
	files := map[string]openFile{}
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		fd, err := ring.Open(ctx, filepath.Join(dir, n.Name()), os.O_RDONLY, 0)
		if err != nil {
			return nil, err
		}
		in, err := fd.Stat(ctx)
		if err != nil {
			return nil, err
		}
		files[n.Name()] = openFile{fd, in.Size()}
	}
	return files, nil
}

// serveFiles answers each request line "GET /name ..." with the file.
func serveFiles(l *aio.FD, files map[string]openFile) {
	ctx := context.Background()
	for fd, err := range l.Accepts(ctx) {
		if err != nil {
			return
		}
		go func() {
			defer fd.Close()
			p := make([]byte, 1024)
			for {
				n, err := fd.Read(ctx, p)
				if err != nil {
					return
				}
				name, _, _ := strings.Cut(strings.TrimPrefix(string(p[:n]), "GET /"), " ")
				if serveFile(ctx, fd, files[name]) != nil {
					return
				}
			}
		}()
	}
}

func serveFile(ctx context.Context, fd *aio.FD, f openFile) error {
	head := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n", f.size)
	if _, err := fd.WriteAll(ctx, head); err != nil {
		return err
	}
	_, err := fd.SendFile(ctx, f.fd, 0, f.size)
	return err
}

// fetcher is a client that reads responses without looking at them.
type fetcher struct {
	c       net.Conn
	request []byte
	size    int // of a whole response
	buf     []byte
	err     error
}

// dialFiles asks once to learn how long the responses are.
func dialFiles(addr, name string) (*fetcher, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	f := &fetcher{c: c, request: []byte("GET /" + name + " HTTP/1.1\r\nHost: a\r\n\r\n"), buf: make([]byte, 256<<10)}
	if _, err := c.Write(f.request); err != nil {
		return nil, err
	}
	c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	for err == nil {
		var n int
		n, err = c.Read(f.buf)
		f.size += n
	}
	c.SetReadDeadline(time.Time{})
	return f, nil
}

func (f *fetcher) fetch(n int) {
	for range n {
		if _, f.err = f.c.Write(f.request); f.err != nil {
			return
		}
		for left := f.size; left > 0; {
			m, err := f.c.Read(f.buf[:min(left, len(f.buf))])
			if f.err = err; err != nil {
				return
			}
			left -= m
		}
	}
}

// A datagramServer echoes in completion style with one Op.
type datagramServer struct {
	op  aio.Op
	fd  *aio.FD
	buf [2048]byte
	out bool
}

func (s *datagramServer) Complete(op *aio.Op) {
	for {
		n, err := op.Result()
		if err != nil {
			return
		}
		if s.out = !s.out; s.out {
			op.PrepSendTo(s.fd, s.buf[:n], op.From())
		} else {
			op.PrepRecvFrom(s.fd, s.buf[:])
		}
		if !op.Try(s) {
			return
		}
	}
}

// aioDatagrams echoes datagrams: one client of package net, several in flight.
func aioDatagrams(r *bench.Runner, ring *aio.Ring) error {
	fd, err := ring.ListenPacket("udp", "127.0.0.1:0", nil)
	if err != nil {
		return err
	}
	s := &datagramServer{fd: fd}
	s.op.PrepRecvFrom(fd, s.buf[:])
	s.op.Start(s)
	std, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	defer std.Close()
	go func() {
		p := make([]byte, 2048)
		for {
			n, from, err := std.ReadFromUDPAddrPort(p)
			if err != nil {
				return
			}
			std.WriteToUDPAddrPort(p[:n], from)
		}
	}()
	for _, flight := range []int{1, 16} {
		ours, err := echoDatagrams(fd.LocalAddr(), flight)
		if err != nil {
			return err
		}
		theirs, err := echoDatagrams(std.LocalAddr().(*net.UDPAddr).AddrPort(), flight)
		if err != nil {
			return err
		}
		r.Pair(fmt.Sprintf("UDP echo of 64 B, %d in flight", flight), bench.Bound{},
			bench.Side{Name: "aio", Run: ours}, bench.Side{Name: "net", Run: theirs})
	}
	return nil
}

// echoDatagrams returns a client. A datagram that is lost ends the run.
func echoDatagrams(to netip.AddrPort, flight int) (func(n int), error) {
	c, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		return nil, err
	}
	p := make([]byte, 64)
	return func(n int) {
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		for sent, got := 0, 0; got < n; got++ {
			for ; sent < n && sent-got < flight; sent++ {
				c.Write(p)
			}
			if _, err := c.Read(p); err != nil {
				return
			}
		}
	}, nil
}

// readers is how many peers a message goes out to.
const readers = 1000

// aioFanOut sends each message to 1,000 readers: quick ones, for the price, and
// some that do not read at all, for the memory.
func aioFanOut(r *bench.Runner, ring *aio.Ring) error {
	const limit = 64 << 10
	msg := make([]byte, 256)
	var peers, theirs []int
	var boxes []*aio.Outbox
	var queues []chan []byte
	var writers sync.WaitGroup
	defer func() {
		for _, q := range queues {
			close(q)
		}
		for _, fd := range append(peers, theirs...) {
			syscall.Close(fd)
		}
		writers.Wait()
	}()
	for range readers {
		p, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
		if err != nil {
			return err
		}
		peers = append(peers, p[1])
		fd, err := ring.Adopt(p[0], aio.KindAuto)
		if err != nil {
			return err
		}
		boxes = append(boxes, aio.NewOutbox(fd, limit))
		if p, err = syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0); err != nil {
			return err
		}
		theirs = append(theirs, p[1])
		syscall.SetNonblock(p[0], true)
		file := os.NewFile(uintptr(p[0]), "")
		c, err := net.FileConn(file)
		file.Close()
		if err != nil {
			return err
		}
		q := make(chan []byte, limit/len(msg))
		queues = append(queues, q)
		writers.Go(func() {
			defer c.Close()
			for m := range q {
				if _, err := c.Write(m); err != nil {
					for range q { // until it is closed
					}
				}
			}
		})
	}
	r.Pair("fan-out of 256 B to 1,000 readers, a message each", bench.Bound{},
		bench.Side{Name: "Outbox", Run: func(n int) {
			for range n {
				for _, o := range boxes {
					o.Send(msg)
				}
				drain(peers, len(msg))
			}
		}},
		bench.Side{Name: "goroutine and channel for each net.Conn", Run: func(n int) {
			for range n {
				for _, q := range queues {
					q <- msg
				}
				drain(theirs, len(msg))
			}
		}})
	refused := 0
	kept := bench.LiveBytes(func() any {
		for range 4000 { // a megabyte for each, and nobody reads
			for _, o := range boxes {
				if o.Send(msg) == aio.ErrFull {
					refused++
				}
			}
		}
		return boxes
	})
	if refused == 0 {
		return fmt.Errorf("no Outbox was ever full")
	}
	r.Value("kept for a reader that reads nothing, Outbox of 64 KiB", bench.AtMost(1.5*limit), "B", kept/readers)
	r.Note("a megabyte was sent to each of 1,000 such readers")
	return nil
}

// drain reads n bytes from each.
func drain(fds []int, n int) {
	p := make([]byte, n)
	for _, fd := range fds {
		for got := 0; got < n; {
			m, err := syscall.Read(fd, p[got:])
			if m <= 0 && err != syscall.EINTR {
				return
			}
			got += max(m, 0)
		}
	}
}

// aioDeadlines moves the deadline of one connection to and fro while 100,000
// others have theirs.
func aioDeadlines(r *bench.Runner, ring *aio.Ring) error {
	const idle = 100_000
	ops := make([]aio.Op, idle)
	h := aio.HandlerFunc(func(*aio.Op) {})
	live := bench.LiveBytes(func() any {
		for i := range ops {
			ops[i].PrepTimeout(ring, time.Hour+time.Duration(i*7919%idle)*time.Millisecond)
			ops[i].Start(h)
		}
		return nil
	})
	r.Value("memory for each of 100,000 pending deadlines, the Op aside", bench.AtMost(32), "B", live/idle)
	timers := make([]*time.Timer, idle)
	for i := range timers {
		timers[i] = time.AfterFunc(time.Hour+time.Duration(i*7919%idle)*time.Millisecond, func() {})
		defer timers[i].Stop()
	}
	a, b, err := pair(ring)
	if err != nil {
		return err
	}
	defer b.Close()
	var read aio.Op
	read.PrepRead(a, make([]byte, 1))
	read.Start(h)
	waiting := make(chan struct{})
	go func() {
		defer close(waiting)
		io.ReadFull(b, make([]byte, 1))
	}()
	defer func() { b.Close(); <-waiting }()
	at := time.Now().Add(time.Hour)
	r.Pair("a read's deadline moved, among 100,000", bench.Bound{},
		bench.Side{Name: "aio", Run: func(n int) {
			for i := range n {
				a.SetReadDeadline(at.Add(time.Duration(i) * time.Microsecond))
			}
		}},
		bench.Side{Name: "net", Run: func(n int) {
			for i := range n {
				b.SetReadDeadline(at.Add(time.Duration(i) * time.Microsecond))
			}
		}})
	return nil
}

// pair is a connection: one end on the ring, the other of package net.
func pair(ring *aio.Ring) (*aio.FD, net.Conn, error) {
	l, err := ring.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.LocalAddr().String())
	if err != nil {
		return nil, nil, err
	}
	fd, _, err := l.Accept(context.Background())
	return fd, c, err
}
