//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"example.com/interlock/aio"
)

// session echoes: one Op and one buffer for the whole life of a connection.
type session struct {
	op      aio.Op
	fd      *aio.FD
	buf     [512]byte
	writing bool
}

// Complete is called when the read or the write that was started is done. It
// goes on for as long as there is something to do at once.
func (s *session) Complete(op *aio.Op) {
	for {
		n, err := op.Result()
		if err != nil {
			s.fd.Close()
			return
		}
		if s.writing = !s.writing; s.writing {
			op.PrepWriteAll(s.fd, s.buf[:n])
		} else {
			op.PrepRead(s.fd, s.buf[:])
		}
		if !op.Try(s) {
			return
		}
	}
}

// An echo server in completion style. It has no goroutine but the ring's and
// the one that accepts.
func Example() {
	ring, err := aio.New(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ring.Close()
	l, err := ring.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() {
		for fd, err := range l.Accepts(context.Background()) {
			if err != nil {
				return
			}
			s := &session{fd: fd}
			s.op.PrepRead(fd, s.buf[:])
			s.op.Start(s)
		}
	}()

	c, err := net.Dial("tcp", l.LocalAddr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	fmt.Fprint(c, "hello")
	answer := make([]byte, 5)
	io.ReadFull(c, answer)
	fmt.Printf("%s\n", answer)
	// Output: hello
}

// In blocking style a call ends with its context, and no goroutine watches it.
func ExampleFD_Read() {
	ring, _ := aio.New(nil)
	defer ring.Close()
	rd, wr, _ := ring.Pipe()

	wr.WriteAll(context.Background(), []byte("data"))
	p := make([]byte, 16)
	n, err := rd.Read(context.Background(), p)
	fmt.Printf("%q %v\n", p[:n], err)

	ctx, cancel := context.WithTimeoutCause(context.Background(), time.Millisecond, errors.New("nothing came"))
	defer cancel()
	_, err = rd.Read(ctx, p)
	fmt.Println(err)

	rd.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err = rd.Read(context.Background(), p)
	fmt.Println(errors.Is(err, os.ErrDeadlineExceeded))

	wr.Close()
	rd.SetReadDeadline(time.Time{})
	_, err = rd.Read(context.Background(), p)
	fmt.Println(err)
	// Output:
	// "data" <nil>
	// nothing came
	// true
	// EOF
}

// A Manual ring belongs to the loop that drives it: here the one that waits at
// a Queue. The program has a single goroutine.
func ExampleQueue() {
	ring, _ := aio.New(&aio.Options{Poller: aio.Manual})
	defer ring.Close()
	rd, wr, _ := ring.Pipe()
	var q aio.Queue
	var read, write aio.Op
	p := make([]byte, 16)

	read.PrepRead(rd, p)
	read.Start(&q)
	write.PrepWriteAll(wr, []byte("one goroutine"))
	write.Start(&q)
	ops := make([]*aio.Op, 8)
	for left := 2; left > 0; {
		n, err := q.Wait(context.Background(), ops)
		if err != nil {
			fmt.Println(err)
			return
		}
		left -= n
	}
	n, _ := read.Result()
	fmt.Printf("%s\n", p[:n])
	// Output: one goroutine
}

// HangUp tells of a dead peer while nobody reads.
func ExampleFD_Wait() {
	ring, _ := aio.New(nil)
	defer ring.Close()
	l, _ := ring.Listen("tcp", "127.0.0.1:0", nil)
	fd, _ := ring.Dial(context.Background(), "tcp", l.LocalAddr())
	peer, _, _ := l.Accept(context.Background())
	peer.Close()
	fmt.Println(fd.Wait(context.Background(), aio.HangUp))
	// Output: <nil>
}

// Cancel says whether it was in time.
func ExampleOp_Cancel() {
	ring, _ := aio.New(nil)
	defer ring.Close()
	rd, _, _ := ring.Pipe()
	done := make(chan error)
	var op aio.Op
	op.PrepRead(rd, make([]byte, 1))
	op.Start(aio.HandlerFunc(func(op *aio.Op) {
		_, err := op.Result()
		done <- err
	}))
	fmt.Println(op.Cancel())
	fmt.Println(<-done)
	// Output:
	// true
	// aio: operation canceled
}

// net/http over a ring.
func ExampleNewListener() {
	ring, _ := aio.New(nil)
	defer ring.Close()
	fd, _ := ring.Listen("tcp", "127.0.0.1:0", nil)
	l := aio.NewListener(fd)
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "served by a ring")
	})}
	go srv.Serve(l)
	defer srv.Close()

	tr := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: tr}).Get("http://" + l.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Printf("%s\n", body)
	// Output: served by a ring
}

// A Conn is a net.Conn.
func ExampleNewConn() {
	ring, _ := aio.New(nil)
	defer ring.Close()
	l, _ := ring.Listen("tcp", "127.0.0.1:0", nil)
	go func() {
		fd, _, err := l.Accept(context.Background())
		if err != nil {
			return
		}
		c := aio.NewConn(fd)
		defer c.Close()
		fmt.Fprintln(c, "good morning")
	}()
	fd, err := ring.Dial(context.Background(), "tcp", l.LocalAddr())
	if err != nil {
		fmt.Println(err)
		return
	}
	var c net.Conn = aio.NewConn(fd)
	text, _ := io.ReadAll(c)
	fmt.Print(string(text))
	// Output: good morning
}
