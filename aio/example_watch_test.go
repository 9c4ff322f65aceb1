//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"

	"example.com/interlock/aio"
)

// What a ring does can be counted from outside and watched from inside.
func ExampleTrace() {
	var completed atomic.Int64
	ring, _ := aio.New(&aio.Options{Poller: aio.Manual, Trace: &aio.Trace{
		Complete: func(op *aio.Op) { completed.Add(1) },
	}})
	defer ring.Close()
	rd, wr, _ := ring.Pipe()

	var op aio.Op
	op.PrepRead(rd, make([]byte, 8))
	op.Start(aio.HandlerFunc(func(op *aio.Op) {}))
	fmt.Println("pending:", ring.Stats().Pending)
	wr.Write(context.Background(), []byte("x"))
	for op.Pending() {
		ring.Poll(context.Background(), 1)
	}
	s := ring.Stats()
	fmt.Println("pending:", s.Pending, "completed:", completed.Load(), "events:", s.Events > 0)
	// Output:
	// pending: 1
	// pending: 0 completed: 1 events: true
}

// An error of the system says what was done with whom, and is still the
// system's number.
func ExampleOpError() {
	ring, _ := aio.New(nil)
	defer ring.Close()
	l, _ := ring.Listen("tcp", "127.0.0.1:0", nil)
	nobody := l.LocalAddr()
	l.Close()

	_, err := ring.Dial(context.Background(), "tcp", nobody)
	var e *aio.OpError
	fmt.Println(errors.As(err, &e), e.Op, e.Addr == nobody.String())
	fmt.Println(errors.Is(err, syscall.ECONNREFUSED), e.Timeout())
	// Output:
	// true connect true
	// true false
}

// Several listeners may share an address, for instance one in each process.
func ExampleListenOptions() {
	ring, _ := aio.New(nil)
	defer ring.Close()
	o := &aio.ListenOptions{ReusePort: true, Backlog: 128}
	a, err := ring.Listen("tcp", "127.0.0.1:0", o)
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := ring.Listen("tcp", a.LocalAddr().String(), o)
	fmt.Println(err, a.LocalAddr() == b.LocalAddr())
	// Output: <nil> true
}
