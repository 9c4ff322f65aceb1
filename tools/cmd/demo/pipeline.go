package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
)

// A pipeline is one connection that many callers share: requests go out in
// some order and answers come back in the same one.
type pipeline struct {
	conn net.Conn
	read func(*bufio.Reader) ([]byte, error)
	dead chan struct{} // closed when the connection is gone

	order sync.Mutex // held while a request is queued and written: answers come in this order

	mu      sync.Mutex // protects the fields below; never held over a write
	waiting []chan<- answer
	err     error // why the connection is gone
}

type answer struct {
	p   []byte
	err error
}

// newPipeline takes over conn. Its reader goroutine ends when conn does.
func newPipeline(conn net.Conn, p protocol) *pipeline {
	l := &pipeline{conn: conn, read: p.read, dead: make(chan struct{})}
	go l.receive()
	return l
}

// call sends a request and waits for its answer.
func (l *pipeline) call(ctx context.Context, request []byte) ([]byte, error) {
	c := make(chan answer, 1)
	if err := l.send(request, c); err != nil {
		return nil, err
	}
	select {
	case a := <-c:
		return a.p, a.err
	case <-ctx.Done(): // the answer will find nobody, and the order stays right
		return nil, context.Cause(ctx)
	}
}

// errUnsent marks a request that never left: it may be sent again elsewhere.
var errUnsent = errors.New("not sent")

func (l *pipeline) send(request []byte, c chan<- answer) error {
	l.order.Lock()
	defer l.order.Unlock()
	if err := l.enqueue(c); err != nil {
		return err
	}
	// A write that fails ends the connection, and the reader tells everybody.
	l.conn.Write(request)
	return nil
}

func (l *pipeline) enqueue(c chan<- answer) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return fmt.Errorf("%w: %w", errUnsent, l.err)
	}
	l.waiting = append(l.waiting, c)
	return nil
}

// next takes the caller that has waited longest.
func (l *pipeline) next() (c chan<- answer, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		return nil, false
	}
	c, l.waiting = l.waiting[0], l.waiting[1:]
	return c, true
}

func (l *pipeline) receive() {
	r := bufio.NewReader(l.conn)
	for {
		p, err := l.read(r)
		if err != nil {
			l.end(err)
			return
		}
		c, ok := l.next()
		if !ok {
			l.end(errUnasked)
			return
		}
		c <- answer{p: p}
	}
}

var errUnasked = errors.New("the server answers what nobody asked")

// end tells every caller that waits why the connection is gone.
func (l *pipeline) end(err error) {
	l.mu.Lock()
	l.err = err
	orphans := l.waiting
	l.waiting = nil
	l.mu.Unlock()
	l.conn.Close()
	for _, c := range orphans {
		c <- answer{err: err}
	}
	close(l.dead)
}

// Close ends the connection and waits for its reader.
func (l *pipeline) Close() error {
	err := l.conn.Close()
	<-l.dead
	return err
}
