//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package aio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"example.com/interlock/aio"
)

// A connection that is idle holds no buffer: one is taken when something has
// come, and whoever reads when all are in use waits for one.
func ExamplePool() {
	ring, _ := aio.New(nil)
	defer ring.Close()
	rd, wr, _ := ring.Pipe()
	pool := aio.NewPool(4, 2) // two buffers of 4 bytes, for all connections
	wr.WriteAll(context.Background(), []byte("in pieces"))
	wr.Close()

	for buf, err := range rd.Reads(context.Background(), pool) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%q\n", buf.Bytes())
		buf.Release()
	}
	// Output:
	// "in p"
	// "iece"
	// "s"
}

// A reader that is too slow fills its Outbox, not the server's memory: then the
// sender is told, and may drop the message or the reader, or come back.
func ExampleOutbox() {
	ctx := context.Background()
	ring, _ := aio.New(nil)
	defer ring.Close()
	rd, wr, _ := ring.Pipe()
	out := aio.NewOutbox(wr, 1<<20)
	defer out.Close()

	message := bytes.Repeat([]byte("x"), 64<<10)
	sent := 0
	for ; out.Send(message) == nil; sent += len(message) {
	}
	fmt.Println(errors.Is(out.Send(message), aio.ErrFull), out.Queued() <= 1<<20)

	read := make(chan int)
	go func() {
		n, _ := rd.ReadFull(ctx, make([]byte, sent)) // at last
		read <- n
	}()
	<-out.Drained()
	fmt.Println(out.Flush(ctx), <-read == sent)
	// Output:
	// true true
	// <nil> true
}
